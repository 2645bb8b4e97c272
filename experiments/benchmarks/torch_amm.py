"""AMM's MNIST training step in eager PyTorch: the reference for `train_step.py`.

It has the networks (Jewell et al., AMM, tables 3-6, factorisation 7), losses and
simultaneous update of `configs/amm_mnist.py:prior=unit`, in idiomatic PyTorch. The
discriminator evaluates both triples in one batch. Each loss is differentiated with
respect to the parameters of its own player only. Both players are updated from the same
minibatch and the same parameters.

    state = build(torch.device("cpu"), seed=0)
    losses = step(state, x)  # x [B, 1, 28, 28], float32 in [0, 1]

Interpretation of the tables: "dropout 0.2" applies to the input of the layer in that
row. The input of the prior's z_sigma is zero (unit variance). Padding is VALID: the
sizes are 28-27-13-6-4-1 and back. A bias that batch norm would cancel is omitted.
"""

import dataclasses
import itertools

try:
    import torch
    import torch.nn.functional as F  # noqa: N812
    from torch import nn
except ImportError as error:
    raise ImportError(
        "experiments.benchmarks.torch_amm needs PyTorch; install it with: "
        "pip install -e .[bench]"
    ) from error

NUM_COMPONENTS = 10
LATENT_SIZE = 64
PENALTY_WEIGHT = 10.0
DROPOUT_RATE = 0.2
# (input channels, output channels, width, stride) of the towers of tables 3 and 6, and
# of table 5 after its dense first layer.
ENCODER_ROWS = (
    (1, 32, 2, 1),
    (32, 32, 3, 2),
    (32, 64, 3, 2),
    (64, 64, 3, 1),
    (64, 128, 4, 1),
)
DECODER_ROWS = (
    (128, 64, 4, 1),
    (64, 64, 3, 1),
    (64, 32, 3, 2),
    (32, 32, 3, 2),
    (32, 1, 2, 1),
)


def _leaky_relu(x: torch.Tensor) -> torch.Tensor:
    return F.leaky_relu(x, 0.2)


def _exp_noise(x: torch.Tensor) -> torch.Tensor:
    """ExpN, eq. 20: noise with log-variance x."""
    return torch.exp(0.5 * x) * torch.randn_like(x)


class Encoder(nn.Module):
    """Table 3, G_z(x) G_y(x, G_z(x)): x [B, 1, 28, 28] -> y [B, K], z [B, d].

    Before each batch norm, the corresponding layer of z's tower is added to y's tower.
    """

    def __init__(self) -> None:
        super().__init__()
        convolutions = [
            nn.ModuleList(
                nn.Conv2d(*row[:3], stride=row[3], bias=False) for row in ENCODER_ROWS
            )
            for _ in "yz"
        ]
        norms = [
            nn.ModuleList(nn.BatchNorm2d(row[1]) for row in ENCODER_ROWS) for _ in "yz"
        ]
        self.y_convolutions, self.z_convolutions = convolutions
        self.y_norms, self.z_norms = norms
        self.y_mean = nn.Linear(ENCODER_ROWS[-1][1], NUM_COMPONENTS)
        self.y_log_variance = nn.Linear(ENCODER_ROWS[-1][1], NUM_COMPONENTS)
        self.z_mean = nn.Linear(ENCODER_ROWS[-1][1], LATENT_SIZE)
        self.z_log_variance = nn.Linear(ENCODER_ROWS[-1][1], LATENT_SIZE)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples y ~ q(y|x, z) and z ~ q(z|x)."""
        y, z = x, x
        layers = zip(
            self.y_convolutions,
            self.z_convolutions,
            self.y_norms,
            self.z_norms,
            strict=True,
        )
        for y_convolution, z_convolution, y_norm, z_norm in layers:
            z = z_convolution(F.dropout(z, DROPOUT_RATE))
            y = y_convolution(F.dropout(y, DROPOUT_RATE)) + z
            y, z = _leaky_relu(y_norm(y)), _leaky_relu(z_norm(z))
        y, z = y.flatten(1), z.flatten(1)
        y_logits = self.y_mean(y) + _exp_noise(self.y_log_variance(y))
        z = self.z_mean(z) + _exp_noise(self.z_log_variance(z))
        return torch.softmax(y_logits, dim=1), z


class Prior(nn.Module):
    """Table 4, G_z(y): y [B, K] -> z [B, d] with unit variance."""

    def __init__(self) -> None:
        super().__init__()
        self.layer1 = nn.Linear(NUM_COMPONENTS, 64, bias=False)
        self.norm1 = nn.BatchNorm1d(64)
        self.layer2 = nn.Linear(64, 64, bias=False)
        self.norm2 = nn.BatchNorm1d(64)
        self.mean = nn.Linear(64, LATENT_SIZE)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """Samples z ~ p(z|y)."""
        z = _leaky_relu(self.norm1(self.layer1(y)))
        z = _leaky_relu(self.norm2(self.layer2(F.dropout(z, DROPOUT_RATE))))
        mean = self.mean(z)
        return mean + torch.randn_like(mean)


class Decoder(nn.Module):
    """Table 5, G_x(y, z): y [B, K], z [B, d] -> x [B, 1, 28, 28]."""

    def __init__(self) -> None:
        super().__init__()
        width = DECODER_ROWS[0][0]
        self.y_dense = nn.Linear(NUM_COMPONENTS, width, bias=False)
        self.z_dense = nn.Linear(LATENT_SIZE, width, bias=False)
        convolutions = [
            nn.ModuleList(
                nn.ConvTranspose2d(*row[:3], stride=row[3], bias=row[1] == 1)
                for row in DECODER_ROWS
            )
            for _ in "yz"
        ]
        norms = [
            nn.ModuleList(nn.BatchNorm2d(row[0]) for row in DECODER_ROWS) for _ in "yz"
        ]
        self.y_convolutions, self.z_convolutions = convolutions
        self.y_norms, self.z_norms = norms

    def forward(self, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Returns the mean of p(x|y, z); y's tower has no activations, as printed."""
        y, z = self.y_dense(y)[..., None, None], self.z_dense(z)[..., None, None]
        layers = zip(
            self.y_convolutions,
            self.z_convolutions,
            self.y_norms,
            self.z_norms,
            strict=True,
        )
        for y_convolution, z_convolution, y_norm, z_norm in layers:
            y, z = y_norm(y + z), _leaky_relu(z_norm(z))
            y = y_convolution(F.dropout(y, DROPOUT_RATE))
            z = z_convolution(F.dropout(z, DROPOUT_RATE))
        return torch.sigmoid(y + z)


class Discriminator(nn.Module):
    """Table 6, D(x, y, z): a logit [B], positive for triples of the encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.x_convolutions = nn.ModuleList(
            nn.Conv2d(*row[:3], stride=row[3]) for row in ENCODER_ROWS
        )
        self.y_layers = nn.ModuleList([nn.Linear(NUM_COMPONENTS, 64)])
        self.y_layers.append(nn.Linear(64, 64))
        self.z_layers = nn.ModuleList([nn.Linear(LATENT_SIZE, 64), nn.Linear(64, 64)])
        self.joint_layers = nn.ModuleList([nn.Linear(256, 256), nn.Linear(256, 256)])
        self.logit = nn.Linear(256, 1)

    def forward(
        self, x: torch.Tensor, y: torch.Tensor, z: torch.Tensor
    ) -> torch.Tensor:
        """Returns the logits [B]."""
        towers = []
        for tower, layers in (
            (x, self.x_convolutions),
            (y, self.y_layers),
            (z, self.z_layers),
        ):
            for i, layer in enumerate(layers):
                if i > 0:
                    tower = F.dropout(tower, DROPOUT_RATE)
                tower = _leaky_relu(layer(tower))
            towers.append(tower.flatten(1))
        joint = torch.cat(towers, dim=1)
        for layer in self.joint_layers:
            joint = _leaky_relu(layer(F.dropout(joint, DROPOUT_RATE)))
        return self.logit(F.dropout(joint, DROPOUT_RATE))[:, 0]


@dataclasses.dataclass(frozen=True)
class State:
    """The networks and the optimisers of the two players."""

    encoder: Encoder
    prior: Prior
    decoder: Decoder
    discriminator: Discriminator
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer


def build(device: torch.device | str, seed: int) -> State:
    """Builds networks with kernels from N(0, 0.02) and two Adam optimisers.

    Args:
      device: device of the networks.
      seed: seed of PyTorch's global generator, which dropout requires.

    Returns:
      the state, which `step` updates in place.
    """
    torch.manual_seed(seed)
    networks = [Encoder(), Prior(), Decoder(), Discriminator()]
    for network in networks:
        for name, parameter in network.named_parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)
        # Channels-last is the faster layout: it saves about a tenth of a step on a CPU.
        network.to(device=device, memory_format=torch.channels_last)
    encoder, prior, decoder, discriminator = networks

    def adam(*players: nn.Module) -> torch.optim.Optimizer:
        parameters = itertools.chain.from_iterable(p.parameters() for p in players)
        return torch.optim.Adam(parameters, lr=2e-4, betas=(0.5, 0.999), fused=True)

    return State(
        encoder=encoder,
        prior=prior,
        decoder=decoder,
        discriminator=discriminator,
        generator_optimizer=adam(encoder, prior, decoder),
        discriminator_optimizer=adam(discriminator),
    )


def _gradient_penalty(
    discriminator: Discriminator,
    real: tuple[torch.Tensor, ...],
    fake: tuple[torch.Tensor, ...],
) -> torch.Tensor:
    """Eq. 18 between two tuples of [B, ...]: a scalar, not multiplied by lambda."""
    weight = torch.rand(real[0].shape[0], device=real[0].device)
    points = []
    for a, b in zip(real, fake, strict=True):
        w = weight.reshape(-1, *[1] * (a.ndim - 1))
        points.append(torch.lerp(a.detach(), b.detach(), w).requires_grad_())
    gradients = torch.autograd.grad(
        discriminator(*points).sum(), points, create_graph=True
    )
    squared_norm = sum(g.flatten(1).square().sum(1) for g in gradients)
    return (torch.sqrt(squared_norm + 1e-12) - 1).square().mean()


def _update(
    optimizer: torch.optim.Optimizer, gradients: tuple[torch.Tensor, ...]
) -> None:
    (group,) = optimizer.param_groups
    for parameter, gradient in zip(group["params"], gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()


def step(state: State, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """One simultaneous update of both players (algorithm 1 with factorisation 7).

    Args:
      state: from `build`; its networks and optimisers are updated in place.
      x: images [B, 1, 28, 28], float32 in [0, 1], on the state's device.

    Returns:
      scalars without gradients: `discriminator/loss` (with the penalty),
      `discriminator/penalty` (times lambda) and `generator/loss`.
    """
    y_inferred, z_inferred = state.encoder(x)
    labels = torch.randint(NUM_COMPONENTS, (x.shape[0],), device=x.device)
    y_prior = F.one_hot(labels, NUM_COMPONENTS).to(x.dtype)
    z_prior = state.prior(y_prior)
    real = (x, y_inferred, z_inferred)
    fake = (state.decoder(y_prior, z_prior), y_prior, z_prior)

    # D has no batch norm, so one pass over the joint batch evaluates both triples.
    pairs = [torch.cat(leaves) for leaves in zip(real, fake, strict=True)]
    real_logits, fake_logits = state.discriminator(*pairs).chunk(2)
    penalty = PENALTY_WEIGHT * _gradient_penalty(state.discriminator, real, fake)
    discriminator_loss = (
        F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean() + penalty
    )
    generator_loss = F.softplus(real_logits).mean() + F.softplus(-fake_logits).mean()

    discriminator_gradients = torch.autograd.grad(
        discriminator_loss,
        state.discriminator_optimizer.param_groups[0]["params"],
        retain_graph=True,
    )
    generator_gradients = torch.autograd.grad(
        generator_loss, state.generator_optimizer.param_groups[0]["params"]
    )
    _update(state.discriminator_optimizer, discriminator_gradients)
    _update(state.generator_optimizer, generator_gradients)
    return {
        "discriminator/loss": discriminator_loss.detach(),
        "discriminator/penalty": penalty.detach(),
        "generator/loss": generator_loss.detach(),
    }

"""Training steps of AAE, AIM and PixelCNN in PyTorch: peers for `train_step.py`.

They have the networks, losses, noise, Adam and moving average of a config, in idiomatic
PyTorch. `torch_amm.py` has the step of AMM.

    step = build(config, compiled=False)
    losses = step(x)  # x [B, C, H, W], float32 in [0, 1]
"""

import itertools
from collections.abc import Callable

try:
    import torch
    import torch.nn.functional as F  # noqa: N812
    from torch import nn
except ImportError as error:
    raise ImportError(
        "experiments.benchmarks.torch_games needs PyTorch; install it with: "
        "pip install -e .[bench]"
    ) from error

import ml_collections

from adversarial_latent.networks.table import Table
from experiments.benchmarks.torch_tables import TableModule

Step = Callable[[torch.Tensor], dict[str, torch.Tensor]]


class PixelCNN(nn.Module):
    """The layers of `adversarial_latent.networks.pixelcnn`, without a code.

    Args:
      settings: `config.game.pixelcnn`.

    Raises:
      ValueError: pixels are not binary, or there is a code.
    """

    def __init__(self, settings: ml_collections.ConfigDict):
        super().__init__()
        if settings.likelihood != "bernoulli" or settings.conditioning:
            raise ValueError("the PixelCNN in PyTorch has binary pixels and no code")
        channels, features = settings.image_shape[2], settings.hidden_channels
        if channels != 1:
            raise ValueError("the PixelCNN in PyTorch has one channel")
        self.gated = settings.activation == "gated"
        self.rows, columns = settings.kernel
        self.left = columns // 2
        wide = 2 * features if self.gated else features
        tall = (self.rows, columns)

        def linear(inputs: int, outputs: int, bias: bool = False) -> nn.Module:
            return nn.Conv2d(inputs, outputs, 1, bias=bias)

        self.vertical = nn.Conv2d(channels, features, tall)
        self.horizontal = nn.Conv2d(channels, features, (1, self.left))
        self.between = linear(features, features)
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {
                    "vertical": nn.Conv2d(features, wide, tall),
                    "vertical_out": linear(features, features),
                    "horizontal": nn.Conv2d(features, wide, (1, self.left + 1)),
                    "horizontal_out": linear(features, features),
                    "between": linear(wide, wide),
                }
            )
            for _ in range(settings.blocks)
        )
        self.hidden = linear(features, features, bias=True)
        self.out = linear(features, channels, bias=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of binary images x [B, 1, H, W]."""
        signal, left = 2 * x - 1, self.left
        v = self.vertical(F.pad(signal[:, :, :-1], (left, left, self.rows, 0)))
        h = self.horizontal(F.pad(signal[..., :-1], (left, 0))) + self.between(v)
        for number, block in enumerate(self.blocks, start=1):
            a = block["vertical"](F.pad(v, (left, left, self.rows - 1, 0)))
            if number < len(self.blocks):  # nothing reads the last v
                v = v + block["vertical_out"](self._activate(a))
            b = block["horizontal"](F.pad(h, (left, 0))) + block["between"](a)
            h = h + block["horizontal_out"](self._activate(b))
        return self.out(F.relu(self.hidden(F.relu(h))))

    def _activate(self, a: torch.Tensor) -> torch.Tensor:
        if not self.gated:
            return F.relu(a)
        a, gate = a.chunk(2, dim=1)
        return torch.tanh(a) * torch.sigmoid(gate)


class _Trainer:
    """Networks with their optimisers and moving averages.

    Attributes:
      networks: by name.
    """

    def __init__(
        self,
        config: ml_collections.ConfigDict,
        networks: dict[str, nn.Module],
        trains: dict[str, tuple[str, ...]],
        compiled: bool,
    ):
        self.networks = networks
        if compiled:  # two losses may share a backward pass
            torch._functorch.config.donated_buffer = False
        for network in networks.values():
            network.to(memory_format=torch.channels_last)
            if compiled:
                network.compile()
        self._own = {
            player: list(
                itertools.chain.from_iterable(networks[n].parameters() for n in names)
            )
            for player, names in trains.items()
        }
        self._optimizers = {
            player: self._adam(config.players[player], own)
            for player, own in self._own.items()
        }
        self._decay = config.ema_decay
        self._parameters = [p for n in networks.values() for p in n.parameters()]
        self._averages = [p.detach().clone() for p in self._parameters]

    @staticmethod
    def _adam(
        settings: ml_collections.ConfigDict, parameters: list[torch.Tensor]
    ) -> torch.optim.Optimizer:
        if settings.optimizer != "adam" or settings.clip_norm or settings.weight_decay:
            raise ValueError("the peers in PyTorch have Adam without clipping or decay")
        return torch.optim.Adam(
            parameters,
            lr=settings.learning_rate,
            betas=(settings.b1, settings.b2),
            fused=True,
        )

    def gradients(
        self, player: str, loss: torch.Tensor, retain: bool = False
    ) -> tuple[torch.Tensor | None, ...]:
        """Gradients of a loss with respect to the networks of its player."""
        return torch.autograd.grad(
            loss, self._own[player], retain_graph=retain, allow_unused=True
        )

    def update(self, player: str, gradients: tuple[torch.Tensor | None, ...]) -> None:
        """One step of the player's optimiser."""
        for parameter, gradient in zip(self._own[player], gradients, strict=True):
            parameter.grad = gradient
        self._optimizers[player].step()

    def average(self) -> None:
        """Updates the moving averages, if the config has them."""
        if self._decay:
            with torch.no_grad():
                torch._foreach_lerp_(self._averages, self._parameters, 1 - self._decay)


def build(config: ml_collections.ConfigDict, compiled: bool = False) -> Step:
    """Builds networks and optimisers on the CPU.

    Args:
      config: a complete config of `aae` with only z, of `aim` or of `pixelcnn`.
      compiled: whether networks are compiled with `torch.compile`.

    Returns:
      a step, which updates the networks and returns the losses.

    Raises:
      ValueError: there is no peer of this game, or not with these settings.
    """
    steps = {"aae": _aae, "aim": _aim, "pixelcnn": _pixelcnn}
    if config.game.name not in steps:
        raise ValueError(
            f"the peers in PyTorch are {', '.join(steps)}, and amm without compilation"
        )
    torch.manual_seed(config.seed)
    return steps[config.game.name](config, compiled)


def _tables(game: ml_collections.ConfigDict) -> dict[str, nn.Module]:
    sizes = {"d": game.latent_dim, "k": game.get("num_components")}
    return {
        name: TableModule(Table.parse(text).fill(**sizes))
        for name, text in game.networks.items()
    }


def _aae(config: ml_collections.ConfigDict, compiled: bool) -> Step:
    game = config.game
    if set(game.priors) != {"z"} or game.priors.z.name != "gaussian":
        raise ValueError("the AAE in PyTorch has only z, with a Gaussian prior")
    trainer = _Trainer(
        config,
        _tables(game),
        {
            "autoencoder": ("encoder", "decoder"),
            "discriminator": ("discriminator_z",),
            "generator": ("encoder",),
        },
        compiled,
    )
    networks = trainer.networks

    def encode(x: torch.Tensor) -> torch.Tensor:
        return networks["encoder"](x + game.input_noise * torch.randn_like(x))["z"]

    def discriminate(code: torch.Tensor) -> torch.Tensor:
        noisy = code + game.code_noise * torch.randn_like(code)
        return networks["discriminator_z"](noisy)["p"]

    def step(x: torch.Tensor) -> dict[str, torch.Tensor]:
        x_rec = networks["decoder"](encode(x))["x"]
        reconstruction = F.mse_loss(x_rec, x)
        trainer.update("autoencoder", trainer.gradients("autoencoder", reconstruction))
        code = encode(x)
        prior = game.priors.z.get("std", 1.0) * torch.randn_like(code)
        of_d = F.softplus(-discriminate(prior)).mean()
        of_d = of_d + F.softplus(discriminate(code.detach())).mean()
        trainer.update("discriminator", trainer.gradients("discriminator", of_d))
        of_g = F.softplus(-discriminate(code)).mean()
        trainer.update("generator", trainer.gradients("generator", of_g))
        trainer.average()
        losses = {"autoencoder": reconstruction, "discriminator": of_d}
        return {name: loss.detach() for name, loss in losses.items()} | {
            "generator": of_g.detach()
        }

    return step


def _aim(config: ml_collections.ConfigDict, compiled: bool) -> Step:
    game = config.game
    start, end = game.code_weight
    if game.loss != "non_saturating" or game.penalty_weight or start != end:
        raise ValueError(
            "the AIM in PyTorch has the non-saturating loss, no penalty and a constant "
            "weight of the code"
        )
    if not game.features:
        raise ValueError("the AIM in PyTorch infers from features of D")
    trainer = _Trainer(
        config,
        _tables(game),
        {"discriminator": ("discriminator",), "generator": ("generator", "encoder")},
        compiled,
    )
    networks = trainer.networks

    def step(x: torch.Tensor) -> dict[str, torch.Tensor]:
        z = torch.randn(len(x), game.latent_dim)
        real = networks["discriminator"](x)
        fake = networks["discriminator"](networks["generator"](z)["x"])
        q = networks["encoder"](fake[game.features])
        variance = q["z_log_variance"].exp()
        code_loss = F.gaussian_nll_loss(
            q["z_mu"], z, variance, full=True, reduction="none"
        )
        of_d = F.softplus(-real["p"]).mean() + F.softplus(fake["p"]).mean()
        of_g = F.softplus(-fake["p"]).mean() + start * code_loss.sum(1).mean()
        for_d = trainer.gradients("discriminator", of_d, retain=True)
        for_g = trainer.gradients("generator", of_g)
        trainer.update("discriminator", for_d)
        trainer.update("generator", for_g)
        trainer.average()
        return {"discriminator": of_d.detach(), "generator": of_g.detach()}

    return step


def _pixelcnn(config: ml_collections.ConfigDict, compiled: bool) -> Step:
    game = config.game
    networks: dict[str, nn.Module] = {"decoder": PixelCNN(game.pixelcnn)}
    trainer = _Trainer(config, networks, {"decoder": ("decoder",)}, compiled)

    def step(x: torch.Tensor) -> dict[str, torch.Tensor]:
        threshold = torch.rand_like(x) if game.rounding == "random" else 0.5
        binary = (x > threshold).to(x.dtype)
        logits = networks["decoder"](binary)
        loss = F.binary_cross_entropy_with_logits(logits, binary, reduction="sum")
        loss = loss / len(x)
        trainer.update("decoder", trainer.gradients("decoder", loss))
        trainer.average()
        return {"decoder": loss.detach()}

    return step

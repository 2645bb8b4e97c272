"""AMM's training step in eager PyTorch: the reference for `train_step.py`.

It has the networks, losses, penalties, added terms, moving average and simultaneous
update of a config of AMM, in idiomatic PyTorch. The discriminator evaluates both
triples in one batch. Each loss is differentiated with respect to the parameters of its
own player only. Both players are updated from the same minibatch and the same
parameters.

    state = build(config, torch.device("cpu"))
    losses = step(state, x)  # x [B, C, H, W], float32 in [0, 1]
"""

import dataclasses
import itertools
from typing import Any

try:
    import torch
    import torch.nn.functional as F  # noqa: N812
    from torch import nn
except ImportError as error:
    raise ImportError(
        "experiments.benchmarks.torch_amm needs PyTorch; install it with: "
        "pip install -e .[bench]"
    ) from error

import ml_collections

from adversarial_latent.networks.table import Table
from experiments.benchmarks.torch_tables import TableModule


class _FixedPrior(nn.Module):
    """p(z|y) = N(mu_y, 1) with fixed means."""

    means: torch.Tensor

    def __init__(self, num_components: int, dim: int, radius: float):
        super().__init__()
        means = F.normalize(torch.randn(num_components, dim), dim=1)
        self.register_buffer("means", radius * means)

    def forward(self, y: torch.Tensor) -> dict[str, torch.Tensor]:
        mean = y @ self.means
        return {"z": mean + torch.randn_like(mean)}


@dataclasses.dataclass(frozen=True)
class State:
    """The networks, the optimisers of the two players, and averaged parameters."""

    settings: ml_collections.ConfigDict
    ema_decay: float
    encoder: nn.Module
    prior: nn.Module
    decoder: nn.Module
    discriminator: nn.Module
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer
    averages: list[torch.Tensor]

    def parameters(self) -> list[torch.Tensor]:
        """All parameters, in the order of `averages`."""
        optimizers = (self.generator_optimizer, self.discriminator_optimizer)
        return [p for one in optimizers for p in one.param_groups[0]["params"]]


def build(config: ml_collections.ConfigDict, device: torch.device | str) -> State:
    """Builds networks and two Adam optimisers.

    Args:
      config: a complete config of AMM, with tables as networks.
      device: device of the networks.

    Returns:
      the state, which `step` updates in place.

    Raises:
      ValueError: the game is not AMM with a loss and penalty that are known here.
    """
    game = config.game
    if game.name != "amm" or game.loss != "non_saturating":
        raise ValueError("the peer in PyTorch is AMM with the non-saturating loss")
    if game.penalty not in ("gradient", "zero_centered"):
        raise ValueError(f"the peer in PyTorch has no penalty {game.penalty!r}")
    if game.consistency_neighbour:
        raise ValueError("the peer in PyTorch measures distances in the minibatch")
    if game.prior_learned:
        raise ValueError("the peer in PyTorch has a fixed mixture, or a table")
    torch.manual_seed(config.seed)
    networks: dict[str, nn.Module] = {}
    for name, text in game.networks.items():
        table = Table.parse(text).fill(k=game.num_components, d=game.latent_dim)
        networks[name] = TableModule(table)
    if game.prior_radius:
        networks["prior"] = _FixedPrior(
            game.num_components, game.latent_dim, game.prior_radius
        )
    for network in networks.values():
        # Channels-last is the faster layout: it saves about a tenth of a step on a CPU.
        network.to(device=device, memory_format=torch.channels_last)

    def adam(player: str, *names: str) -> torch.optim.Optimizer:
        settings = config.players[player]
        parameters = itertools.chain.from_iterable(
            networks[name].parameters() for name in names
        )
        return torch.optim.Adam(
            parameters,
            lr=settings.learning_rate,
            betas=(settings.b1, settings.b2),
            fused=True,
        )

    state = State(
        settings=game,
        ema_decay=config.ema_decay,
        generator_optimizer=adam("generator", "encoder", "prior", "decoder"),
        discriminator_optimizer=adam("discriminator", "discriminator"),
        averages=[],
        **networks,
    )
    if config.ema_decay:
        state.averages.extend(p.detach().clone() for p in state.parameters())
    return state


def _penalty(
    state: State, real: tuple[torch.Tensor, ...], fake: tuple[torch.Tensor, ...]
) -> torch.Tensor:
    """The mean penalty, not multiplied by its weight."""
    points = []
    if state.settings.penalty == "gradient":  # eq. 18
        weight = torch.rand(len(real[0]), device=real[0].device)
        for a, b in zip(real, fake, strict=True):
            w = weight.reshape(-1, *[1] * (a.ndim - 1))
            points.append(torch.lerp(a.detach(), b.detach(), w).requires_grad_())
    else:
        for a, b in zip(real, fake, strict=True):
            points.append(torch.cat([a.detach(), b.detach()]).requires_grad_())
    logits = state.discriminator(*points)["p"]
    gradients = torch.autograd.grad(logits.sum(), points, create_graph=True)
    squared_norm = sum(g.flatten(1).square().sum(1) for g in gradients)
    assert isinstance(squared_norm, torch.Tensor)
    if state.settings.penalty == "gradient":
        return (torch.sqrt(squared_norm + 1e-12) - 1).square().mean()
    return squared_norm.mean()


def _consistency(state: State, x: torch.Tensor, y_mu: torch.Tensor) -> torch.Tensor:
    """KL(q(y|x) || q(y|x + r)) in the adversarial direction, and a mean over x."""
    clean = torch.log_softmax(y_mu.detach(), dim=1)
    distances = torch.cdist(x.flatten(1), x.flatten(1))
    distances.fill_diagonal_(torch.inf)
    distance = distances.min(1).values.reshape(-1, *[1] * (x.ndim - 1))

    def divergence(step: torch.Tensor) -> torch.Tensor:
        noisy = torch.log_softmax(state.encoder(x + step)["y_mu"], dim=1)
        return (clean.exp() * (clean - noisy)).sum(1)

    def normalise(step: torch.Tensor) -> torch.Tensor:
        return F.normalize(step.flatten(1), dim=1).reshape(step.shape)

    probe = state.settings.consistency_probe
    start = (probe * distance * normalise(torch.randn_like(x))).requires_grad_()
    (direction,) = torch.autograd.grad(divergence(start).sum(), start)
    radius = state.settings.consistency_radius
    return divergence(radius * distance * normalise(direction)).mean()


def _information(settings: Any, y_mu: torch.Tensor) -> torch.Tensor:
    """The entropy terms of q(y|x)."""
    log_p = torch.log_softmax(y_mu, dim=1)
    conditional = -(log_p.exp() * log_p).sum(1).mean()
    mean = log_p.exp().mean(0)
    marginal = -(mean * mean.log()).sum()
    return settings.confidence_weight * conditional - settings.balance_weight * marginal


def _update(
    optimizer: torch.optim.Optimizer, gradients: tuple[torch.Tensor, ...]
) -> None:
    (group,) = optimizer.param_groups
    for parameter, gradient in zip(group["params"], gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()


def step(state: State, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """One simultaneous update of both players (algorithm 1).

    Args:
      state: from `build`; its networks and optimisers are updated in place.
      x: images [B, C, H, W], float32 in [0, 1], on the state's device.

    Returns:
      scalars without gradients: `discriminator/loss` (with the penalty) and
      `generator/loss`.
    """
    settings = state.settings
    inferred = state.encoder(x, gradients={"y": settings.y_gradient})
    labels = torch.randint(settings.num_components, (len(x),), device=x.device)
    y_prior = F.one_hot(labels, settings.num_components).to(x.dtype)
    z_prior = state.prior(y_prior)["z"]
    real = (x, inferred["y"], inferred["z"])
    fake = (state.decoder(y_prior, z_prior)["x"], y_prior, z_prior)

    # D has no batch norm, so one pass over the joint batch evaluates both triples.
    pairs = [torch.cat(leaves) for leaves in zip(real, fake, strict=True)]
    real_logits, fake_logits = state.discriminator(*pairs)["p"][:, 0].chunk(2)
    discriminator_loss = (
        F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    )
    if settings.penalty_weight:
        discriminator_loss = discriminator_loss + settings.penalty_weight * _penalty(
            state, real, fake
        )
    generator_loss = F.softplus(real_logits).mean() + F.softplus(-fake_logits).mean()
    if settings.consistency_weight:
        consistency = _consistency(state, x, inferred["y_mu"])
        generator_loss = generator_loss + settings.consistency_weight * consistency
    if settings.confidence_weight or settings.balance_weight:
        generator_loss = generator_loss + _information(settings, inferred["y_mu"])

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
    if state.averages:
        with torch.no_grad():
            parameters = state.parameters()
            torch._foreach_lerp_(state.averages, parameters, 1 - state.ema_decay)
    return {
        "discriminator/loss": discriminator_loss.detach(),
        "generator/loss": generator_loss.detach(),
    }

"""The steps in plain JAX compute what the games do, if both get the same noise."""

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import pytest

from adversarial_latent.data import Dataset, Examples
from adversarial_latent.experiment import make_experiment
from adversarial_latent.networks.table_network import TableNetwork
from configs import aae_mnist, amm_digits, grid25
from experiments.benchmarks import plain_steps
from experiments.benchmarks.plain_networks import dense

STEPS = 4


def _aae() -> ml_collections.ConfigDict:
    config = aae_mnist.get_config("task=codes,runlocal")
    config.curves = ()
    return config


def _amm() -> ml_collections.ConfigDict:
    return amm_digits.get_config("runlocal")


def _gan() -> ml_collections.ConfigDict:
    return grid25.get_config("game=gan,runlocal")


def _same_noise(monkeypatch):
    """Replaces samples by fixed numbers, which depend on their shape alone."""

    def normal(key, shape=(), dtype=jnp.float32):
        del key
        return jnp.sin(
            1.0 + jnp.arange(np.prod(shape, dtype=int), dtype=dtype)
        ).reshape(shape)

    monkeypatch.setattr(jax.random, "normal", normal)
    monkeypatch.setattr(
        jax.random, "uniform", lambda key, shape=(): jnp.full(shape, 0.3)
    )


@pytest.mark.parametrize(
    ("make", "shape"), [(_aae, (28, 28, 1)), (_amm, (8, 8, 1)), (_gan, (2,))]
)
def test_parameters_after_some_steps(make, shape, monkeypatch):
    config = make()
    config.trials, config.duration = 1, f"{STEPS}_steps"
    config.steps_per_call = 1
    # Large steps would magnify differences of rounding, and so would Adam's where a
    # gradient is near zero.
    for player in config.players.values():
        player.update(learning_rate=1e-3, schedule="cosine", decay_from=0.5)
        player.eps_root = 1e-6
    x = np.random.default_rng(0).uniform(size=(40, *shape)).astype(np.float32)
    examples = Examples(x, label=np.arange(40) % 10)
    splits = {"train": examples, "test": examples}
    dataset = Dataset("random", splits, "", tuple(map(str, range(10))))
    experiment = make_experiment(config, dataset)
    initial = jax.jit(experiment.create)(jax.random.key(0))
    _same_noise(monkeypatch)
    step, plain = plain_steps.build(
        config, experiment.game, initial.params, initial.model_state, STEPS
    )
    step, ours = jax.jit(step), initial
    train_step = jax.jit(experiment.train_step)
    for first in range(0, 4 * STEPS, 4):
        batch = jnp.asarray(x[first : first + 8])
        plain, losses = step(plain, batch)
        ours, metrics = train_step(ours, {"x": batch[None]})
        for player, loss in losses.items():
            np.testing.assert_allclose(loss, metrics[f"{player}/loss"], rtol=1e-4)
    for name, module in experiment.game.modules.items():
        if not isinstance(module, TableNetwork):
            continue
        for tree, found in (
            (ours.params, plain.params),
            (ours.ema_params, plain.averages),
        ):
            if tree:
                expected = dense(module.table, tree[name])
                jax.tree.map(
                    lambda a, b: np.testing.assert_allclose(a, b, atol=3e-5),
                    found[name],
                    expected,
                )
        for row, (mean, variance) in plain.statistics[name].items():
            expected = ours.model_state[name]["batch_stats"][f"{row}_norm"]
            np.testing.assert_allclose(mean, expected["mean"], rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(variance, expected["var"], rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": "hinge"}, "non-saturating"),
        ({"name": "aim"}, "plain steps of"),
    ],
)
def test_other_settings_are_refused(change, message):
    config = _gan()
    experiment_config = config.copy_and_resolve_references()
    x = np.zeros((40, 2), np.float32)
    splits = {"train": Examples(x), "test": Examples(x)}
    experiment = make_experiment(experiment_config, Dataset("points", splits, ""))
    state = jax.jit(experiment.create)(jax.random.key(0))
    config.game.update(change)

    def first_step():
        step, plain = plain_steps.build(
            config, experiment.game, state.params, state.model_state, STEPS
        )
        step(plain, jnp.asarray(x[:8]))

    with pytest.raises(ValueError, match=message):
        first_step()

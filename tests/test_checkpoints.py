"""Checkpoints: what comes back, and that half of one never does."""

import functools
import shutil

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from absl import logging

from adversarial_latent.checkpoints import Checkpoints, has_checkpoint
from adversarial_latent.inputs import InputError
from adversarial_latent.state import create_state
from tests import toys


@pytest.fixture(scope="module")
def state():
    """The state of two trials, with a network without parameters."""
    game = toys.amm(prior_radius=4.0)
    optimizers = {
        "discriminator": optax.chain(optax.clip_by_global_norm(1.0), optax.adam(0.1)),
        "generator": optax.sgd(0.1, momentum=0.9),
    }
    create = toys.jit(
        functools.partial(
            create_state, game, optimizers, batch={"x": toys.images(0, 2)}
        )
    )
    trials = [create(jax.random.key(seed)) for seed in range(2)]
    state = jax.tree.map(lambda *leaves: jnp.stack(leaves), *trials)
    return state.replace(step=jnp.array([3, 3], jnp.int32))


@pytest.fixture
def checkpoints(tmp_path):
    checkpoints = Checkpoints(str(tmp_path / "checkpoints"))
    yield checkpoints
    checkpoints.close()


def test_round_trip(state, checkpoints):
    position = {"epoch": 2, "index": [3, 4], "nested": {"seed": 5}}
    checkpoints.save(3, state, position)
    assert checkpoints.latest() == 3
    template = jax.tree.map(
        lambda leaf: (
            leaf if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else 0 * leaf
        ),
        state,
    )
    restored, restored_position = checkpoints.restore(template)
    assert restored_position == position
    chex.assert_trees_all_equal_structs(restored, state)
    chex.assert_trees_all_equal_shapes_and_dtypes(restored, state)
    chex.assert_trees_all_equal(
        restored.replace(key=jax.random.key_data(restored.key)),
        state.replace(key=jax.random.key_data(state.key)),
    )
    # Typed keys are keys again: they draw the same.
    np.testing.assert_array_equal(
        jax.vmap(jax.random.normal)(restored.key),
        jax.vmap(jax.random.normal)(state.key),
    )


def test_restored_state_may_be_trained_on(state, checkpoints):
    """Adam's named tuples are back: `update` accepts them."""
    checkpoints.save(3, state, {})
    restored, _ = checkpoints.restore(state)
    assert type(restored.opt_state["discriminator"]) is tuple
    adam = optax.tree.get(restored.opt_state["discriminator"], "mu")
    chex.assert_trees_all_equal_shapes(
        adam, {"discriminator": state.params["discriminator"]}
    )


def test_arrays_without_a_template(state, checkpoints):
    checkpoints.save(3, state, {})
    arrays = checkpoints.restore_arrays()
    assert arrays["ema_params"] == {}
    assert arrays["params"].keys() == state.params.keys()
    assert arrays["params"]["prior"] == {}
    assert arrays["model_state"]["prior"] == {}
    chex.assert_trees_all_equal(arrays["params"], state.params)
    chex.assert_trees_all_equal(arrays["model_state"], state.model_state)
    np.testing.assert_array_equal(arrays["key"], jax.random.key_data(state.key))


def test_the_newest_are_kept(state, checkpoints, tmp_path):
    small = state.replace(params={}, opt_state={}, model_state={})
    for step in (1, 2, 3):
        checkpoints.save(step, small.replace(step=small.step * step), {"at": step})
    restored, position = checkpoints.restore(small)
    assert position == {"at": 3}
    assert restored.step.tolist() == [9, 9]
    kept = {path.name for path in (tmp_path / "checkpoints").iterdir()}
    assert kept == {"2", "3"}


def test_a_step_is_saved_once(state, checkpoints):
    small = state.replace(params={}, opt_state={}, model_state={})
    checkpoints.save(1, small, {"first": True})
    checkpoints.save(1, small, {"first": False})
    assert checkpoints.restore(small)[1] == {"first": True}


def test_nothing_there(state, checkpoints, tmp_path):
    directory = tmp_path / "checkpoints"
    assert checkpoints.latest() is None
    assert not has_checkpoint(str(directory))
    for restore in (
        functools.partial(checkpoints.restore, state),
        checkpoints.restore_arrays,
    ):
        with pytest.raises(FileNotFoundError, match=f"no checkpoint in {directory}"):
            restore()


def test_half_a_checkpoint_is_none(state, checkpoints, tmp_path):
    """A save that dies in the middle leaves the one before it in force."""
    small = state.replace(params={}, opt_state={}, model_state={})
    checkpoints.save(1, small, {"at": 1})
    directory = tmp_path / "checkpoints"
    # What a killed process leaves: arrays, and a name that is not final.
    shutil.copytree(directory / "1" / "state", directory / "2.orbax-checkpoint-tmp")
    with pytest.raises(TypeError, match="not JSON serializable"):
        checkpoints.save(3, small, {"at": object()})
    assert has_checkpoint(str(directory))
    fresh = Checkpoints(str(directory))
    assert fresh.latest() == 1
    assert fresh.restore(small)[1] == {"at": 1}
    fresh.save(2, small, {"at": 2})
    assert fresh.restore(small)[1] == {"at": 2}
    fresh.close()


def test_no_checkpoint_but_half_of_one(tmp_path):
    assert not has_checkpoint(str(tmp_path / "nowhere"))
    (tmp_path / "7.orbax-checkpoint-tmp").mkdir()
    assert not has_checkpoint(str(tmp_path))


def files(directory):
    """The files of a checkpoint that hold its arrays and position, largest first."""
    found = [path for path in directory.rglob("*") if path.is_file()]
    found = [path for path in found if path.name != "sums.json" and path.stat().st_size]
    return sorted(found, key=lambda path: -path.stat().st_size)


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zero(path):
    path.write_bytes(bytes(path.stat().st_size))


def flip(path):
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 4, len(data), max(len(data) // 8, 1)):
        data[place] ^= 255
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("damage", [truncate, zero, flip, lambda path: path.unlink()])
@pytest.mark.parametrize("which", range(5))
def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    checkpoints, tmp_path, state, damage, which, caplog
):
    small = state.replace(opt_state={}, model_state={})
    checkpoints.save(1, small, {"at": 1})
    checkpoints.save(2, small.replace(step=small.step + 1), {"at": 2})
    checkpoints.close()
    damage(files(tmp_path / "checkpoints" / "2")[which])
    fresh = Checkpoints(str(tmp_path / "checkpoints"))
    with caplog.at_level(logging.WARNING, logger="absl"):
        arrays = fresh.restore_arrays()
        restored, position = fresh.restore(small)
    assert restored.step.tolist() == arrays["step"].tolist() == [3, 3]
    assert position == {"at": 1}
    assert "the checkpoint of step 2 in" in caplog.text
    assert fresh.latest() == 1
    aside = tmp_path / "checkpoints.damaged"
    assert [path.name.split(".")[0] for path in aside.iterdir()] == ["2"]
    fresh.save(2, small, {"at": 2})  # its step can be saved again
    assert fresh.restore(small)[1] == {"at": 2}
    fresh.close()


def test_no_checkpoint_can_be_read(checkpoints, tmp_path, state):
    small = state.replace(params={}, opt_state={}, model_state={})
    checkpoints.save(1, small, {"at": 1})
    for path in files(tmp_path / "checkpoints" / "1"):
        zero(path)
    fresh = Checkpoints(str(tmp_path / "checkpoints"))
    with pytest.raises(InputError, match=r"can be read: step 1: .* from a copy"):
        fresh.restore(small)
    assert (tmp_path / "checkpoints" / "1").is_dir()  # nothing is moved for nothing
    fresh.close()


def test_no_room(checkpoints, state, monkeypatch):
    small = state.replace(opt_state={}, model_state={})
    checkpoints.save(1, small, {"at": 1})
    with monkeypatch.context() as patch:
        usage = shutil.disk_usage("/")._replace(free=1000)
        patch.setattr(shutil, "disk_usage", lambda path: usage)
        with pytest.raises(OSError, match=r"takes 0\.0 MB, but only 0\.0 MB are free"):
            checkpoints.save(2, small, {"at": 2})
    assert checkpoints.restore(small)[1] == {"at": 1}
    checkpoints.save(2, small, {"at": 2})
    assert checkpoints.restore(small)[1] == {"at": 2}

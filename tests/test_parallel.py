"""Layouts on 4 devices, and two processes, against one device alone."""

import functools
import os
import socket
import subprocess
import sys

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from absl import logging

from adversarial_latent import parallel
from adversarial_latent.checkpoints import Checkpoints
from adversarial_latent.parallel import Parallel
from adversarial_latent.state import create_state
from adversarial_latent.steps import make_train_step
from tests import toys

TRIALS, STEPS, BATCH = 8, 2, 8
SEED = 5


def no_resident(resident, batch):
    del resident
    return batch


@pytest.fixture(scope="module")
def train_step():
    game = toys.normed_gan()
    return make_train_step(game, toys.sgd(game, 0.5))


@pytest.fixture(scope="module")
def create():
    game = toys.normed_gan()
    batch = toys.normed_gan_batch(0, BATCH)
    return functools.partial(create_state, game, toys.sgd(game, 0.5), batch=batch)


@pytest.fixture(scope="module")
def batches():
    """As a pipeline gives them: leaves [STEPS, TRIALS, 1, BATCH, ...]."""
    return toys.normed_gan_batch(1, STEPS, TRIALS, 1, BATCH)


@pytest.fixture(scope="module")
def alone(train_step, create, batches):
    """All trials, each trained by itself on one device: `(state, metrics)` [T, ...]."""
    create = jax.jit(create)
    scan = toys.jit(lambda state, batches: jax.lax.scan(train_step, state, batches))
    results = [
        scan(
            create(jax.random.key(SEED + trial)),
            jax.tree.map(lambda leaf, t=trial: leaf[:, t], batches),
        )
        for trial in range(TRIALS)
    ]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *results)


def devices_agree(tree):
    """Whether the copies of each leaf on all devices are equal, bit for bit."""
    for leaf in jax.tree.leaves(tree):
        first, *others = (np.asarray(shard.data) for shard in leaf.addressable_shards)
        assert len(others) == 3, "a copy on each of the four devices"
        if not all(np.array_equal(first, other) for other in others):
            return False
    return True


@pytest.mark.parametrize("trial_loop", ["vmap", "map"])
@pytest.mark.parametrize("over", ["batch", "trials"])
def test_every_layout_equals_one_device(
    over, trial_loop, train_step, create, batches, alone
):
    """Parameters after plain descent, so that a gradient's scale cannot hide."""
    chex.clear_trace_counter()
    runner = Parallel(TRIALS, over, trial_loop)
    run = runner.compile(chex.assert_max_traces(train_step, n=1), no_resident)
    placed = runner.place(runner.init(create, SEED))
    placed, metrics = run(placed, {}, runner.split(batches))
    state, (expected_state, expected_metrics) = runner.gather(placed), alone
    assert state.step.tolist() == [STEPS] * TRIALS
    for field in ("params", "model_state"):
        chex.assert_trees_all_close(
            getattr(state, field),
            getattr(expected_state, field),
            rtol=1e-4,
            atol=1e-6,
        )
    assert metrics["generator/grad_norm"].shape == (TRIALS, STEPS)
    chex.assert_trees_all_close(metrics, expected_metrics, rtol=1e-4, atol=1e-6)
    if over == "batch":
        assert devices_agree((state.params, state.opt_state, state.model_state))
    # A second call goes on from there, and traces nothing anew.
    placed, _ = run(placed, {}, runner.split(batches))
    assert runner.gather(placed).step.tolist() == [2 * STEPS] * TRIALS


def test_trial_is_the_run_of_its_own_seed(create):
    together = Parallel(3, "batch", "map").init(create, SEED)
    for trial in range(3):
        single = Parallel(1, "batch", "map").init(create, SEED + trial)
        of_trial = jax.tree.map(lambda leaf, t=trial: leaf[t], together)
        chex.assert_trees_all_equal(
            of_trial, jax.tree.map(lambda leaf: leaf[0], single)
        )
    assert not np.array_equal(*together.params["generator"]["h_kernel"][:2])


def test_split_by_hand():
    batches = np.arange(2 * 4 * 1 * 8).reshape(2, 4, 1, 8)  # [steps, T, R, B]
    by_batch = Parallel(4, "batch", "map").split({"x": batches})["x"]
    assert by_batch.shape == (4, 4, 2, 1, 2)
    by_trials = Parallel(4, "trials", "map").split({"x": batches})["x"]
    assert by_trials.shape == (4, 1, 2, 1, 8)
    for device in range(4):
        examples = slice(2 * device, 2 * device + 2)
        np.testing.assert_array_equal(
            by_batch[device], batches[..., examples].swapaxes(0, 1)
        )
        np.testing.assert_array_equal(by_trials[device, 0], batches[:, device])


def test_place_and_gather_are_inverse():
    state = {"w": jnp.arange(24).reshape(8, 3), "step": jnp.arange(8)}
    by_trials = Parallel(8, "trials", "map")
    placed = by_trials.place(state)
    assert placed["w"].shape == (4, 2, 3)
    np.testing.assert_array_equal(placed["step"][1], [2, 3])
    chex.assert_trees_all_equal(by_trials.gather(placed), state)
    by_batch = Parallel(8, "batch", "map")
    chex.assert_trees_all_equal(by_batch.place(state), state)
    chex.assert_trees_all_equal(by_batch.gather(state), state)


def test_resident_arrays_are_on_every_device():
    resident = Parallel(1, "batch", "map").replicate({"x": np.arange(5, dtype="uint8")})
    assert resident["x"].dtype == jnp.uint8
    assert devices_agree(resident)


@pytest.mark.parametrize(
    ("trials", "batch_size", "over"),
    [(4, 7, "trials"), (8, 8, "trials"), (1, 8, "batch"), (6, 4, "batch")],
)
def test_layout_that_fits_four_devices(trials, batch_size, over):
    sizes = {"batch_size": batch_size}
    assert Parallel.create(trials, sizes) == Parallel(trials, over, "map")
    assert Parallel.create(trials, sizes, "vmap").trial_loop == "vmap"


def test_neither_trials_nor_batch_can_be_divided():
    with pytest.raises(
        ValueError,
        match="labelled=6 cannot be divided over 4 devices; make it, or",
    ):
        Parallel.create(trials=3, batch_sizes={"batch_size": 8, "labelled": 6})


def test_unknown_trial_loop():
    with pytest.raises(ValueError, match="auto, vmap or map, not 'pmap'"):
        Parallel.create(trials=1, batch_sizes={}, trial_loop="pmap")


@pytest.mark.parametrize(("trials", "cores"), [(1, 1), (4, 4), (9, 3), (7, 1), (12, 6)])
def test_cores_that_trials_divide_over(monkeypatch, trials, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(6)))
    assert parallel.cores_for_trials(trials) == cores


def test_a_run_of_one_process_has_nothing_to_join():
    parallel.initialize_processes(None, None, None)
    assert jax.process_count() == 1
    assert parallel.any_process(True)
    assert not parallel.any_process(False)


def _start_process(coordinator, num_processes, process_id, devices, directory):
    flags = "--xla_backend_optimization_level=0"  # for a quicker compilation
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
    arguments = (coordinator, num_processes, process_id, devices, directory)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.two_processes", *map(str, arguments)],
        env=environment,
        cwd=os.path.dirname(os.path.dirname(__file__)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_two_processes_equal_one_with_two_devices(tmp_path):
    """From initialisation over a checkpoint that both write to the final state."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        coordinator = f"localhost:{free.getsockname()[1]}"
    processes = [
        _start_process(coordinator, 2, 0, 1, tmp_path),
        _start_process(coordinator, 2, 1, 1, tmp_path),
        _start_process("", 1, 0, 2, tmp_path),
    ]
    try:
        for process in processes:
            output, _ = process.communicate(timeout=240)
            assert process.returncode == 0, output
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    states = []
    for name in ("1", "2"):
        checkpoints = Checkpoints(tmp_path / name)
        assert checkpoints.latest() == 4
        states.append(checkpoints.restore_arrays())
        checkpoints.close()
    one, two = states
    assert one["step"] == [4]
    chex.assert_trees_all_equal(two["key"], one["key"])
    for field in ("params", "model_state"):
        chex.assert_trees_all_close(two[field], one[field], rtol=1e-4, atol=1e-6)
    assert optax.tree.norm(two["params"]) > 0.1


def test_devices_that_are_in_use_stay_as_they_are(monkeypatch, caplog):
    """A notebook's cell may be run again, with another number of trials."""
    monkeypatch.delenv("XLA_FLAGS")
    with caplog.at_level(logging.WARNING, logger="absl"):
        parallel.set_cpu_devices(jax.device_count())
        assert not caplog.text
        parallel.set_cpu_devices(jax.device_count() + 1)
    assert "in use as 4 devices and cannot be split into 5; restart" in caplog.text

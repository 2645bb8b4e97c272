"""Trains a toy in one of several processes: run by `test_parallel.py`.

python -m tests.two_processes COORDINATOR NUM_PROCESSES PROCESS_ID DEVICES DIRECTORY
"""

import os
import sys

import jax
import numpy as np

from adversarial_latent import parallel
from adversarial_latent.checkpoints import Checkpoints
from adversarial_latent.state import create_state
from adversarial_latent.steps import make_train_step
from tests import toys

BATCH_SIZE = 8


def main(coordinator, num_processes, process_id, devices, directory):
    parallel.set_cpu_devices(devices)
    parallel.initialize_processes(coordinator or None, num_processes, process_id)
    assert jax.process_count() == num_processes
    assert jax.device_count() == num_processes * devices
    assert parallel.any_process(process_id == num_processes - 1)
    assert not parallel.any_process(False)

    game = toys.normed_gan()
    optimizers = toys.sgd(game, 0.1)
    runner = parallel.Parallel.create(trials=1, batch_sizes={"batch_size": BATCH_SIZE})
    example = toys.normed_gan_batch(0, BATCH_SIZE)
    state = runner.init(lambda key: create_state(game, optimizers, key, example), 0)
    # What is resident is copied to all devices, and divided over none.
    resident = runner.replicate({"scale": np.float32(0.5)})
    run = runner.compile(
        make_train_step(game, optimizers),
        lambda resident, batch: {**batch, "x": batch["x"] * resident["scale"]},
    )
    part = np.split(np.arange(BATCH_SIZE), num_processes)[process_id]
    checkpoints = Checkpoints(os.path.join(directory, str(num_processes)))
    for step in (2, 4):  # the second time from what was restored
        batches = toys.normed_gan_batch(step, 2, 1, 1, BATCH_SIZE)
        batches = {name: leaf[:, :, :, part] for name, leaf in batches.items()}
        state, _ = run(runner.place(state), resident, runner.split(batches))
        state = runner.gather(state)
        checkpoints.save(step, state, {})
        state, _ = checkpoints.restore(state)
    checkpoints.close()


if __name__ == "__main__":
    coordinator, *numbers, directory = sys.argv[1:]
    main(coordinator, *map(int, numbers), directory)

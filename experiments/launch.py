"""Trains and evaluates one run; launched again, it goes on where it stopped.

    python -m experiments.launch --config=configs/amm_digits.py --workdir=runs/digits

Any field of the config can be set: `--config.batch_size=50`. On several hosts start
the same command on each, with --coordinator, --num_processes and --process_id (or
--coordinator=auto where the cluster tells JAX), and one shared --workdir.
"""

import os
import signal
import sys
import types

import jax
from absl import flags

from adversarial_latent import parallel
from adversarial_latent.train import train_and_evaluate
from experiments import summary

_CONFIG = summary.define_config()
_WORKDIR = summary.define_path("workdir", "Directory of the run.", required=True)
_COORDINATOR = flags.DEFINE_string(
    "coordinator", None, "host:port of process 0, or auto, if there are several."
)
_NUM_PROCESSES = flags.DEFINE_integer("num_processes", None, "Number of processes.")
_PROCESS_ID = flags.DEFINE_integer("process_id", None, "Rank of this process.")
_CPU_DEVICES = flags.DEFINE_integer(
    "cpu_devices",
    None,
    "As how many devices the CPU appears. Trials are divided over them. If not given, "
    "the largest divisor of the number of trials for which there are cores.",
    lower_bound=1,
)
flags.mark_flag_as_required("config")


def main() -> None:
    """Runs the experiment."""
    config = _CONFIG.value
    parallel.set_cpu_devices(
        _CPU_DEVICES.value or parallel.cores_for_trials(config.trials)
    )
    parallel.initialize_processes(
        _COORDINATOR.value, _NUM_PROCESSES.value, _PROCESS_ID.value
    )
    signal.signal(signal.SIGTERM, _stop_at_once)
    try:
        results = train_and_evaluate(config, _WORKDIR.value)
    except KeyboardInterrupt:
        results = None
    if results is not None:
        summary.finish(results, _WORKDIR.value)
    elif jax.process_index() == 0:
        _say_stopped()


def _stop_at_once(number: int, frame: types.FrameType | None) -> None:
    """Ends the process on SIGTERM, except in training, which saves first.

    What counts is on the disk already. An exception would be of no use: raised in a
    callback of JAX, it is printed and forgotten.
    """
    del number, frame
    _say_stopped()
    sys.stderr.flush()
    os._exit(0)


def _say_stopped() -> None:
    print(
        f"Stopped; all is saved in {_WORKDIR.value}. Launch again to go on.",
        file=sys.stderr,
    )


if __name__ == "__main__":
    summary.run(main)

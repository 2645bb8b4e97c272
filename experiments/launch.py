"""Trains and evaluates one run; launched again, it resumes where it stopped.

    python -m experiments.launch --config=configs/amm_digits.py --workdir=runs/digits

Any field of the config can be set, for example `--config.batch_size=50`.
`--print_networks` shows the networks and trains nothing. To use several
hosts, start the same command on each with a shared --workdir and with --coordinator,
--num_processes and --process_id. On clusters that JAX detects, --coordinator=auto is
enough.
"""

import os
import shlex
import signal
import sys
import types

import jax
from absl import flags

from adversarial_latent import parallel, run_data, sizing
from adversarial_latent.games import make_game
from adversarial_latent.train import train_and_evaluate
from adversarial_latent.workdir import input_shape, read_config
from experiments import command_line

_CONFIG = command_line.define_config()
_WORKDIR = command_line.define_path("workdir", "Directory of the run.", required=True)
_COORDINATOR = flags.DEFINE_string(
    "coordinator", None, "With several processes: host:port of process 0, or auto."
)
_NUM_PROCESSES = flags.DEFINE_integer("num_processes", None, "Number of processes.")
_PROCESS_ID = flags.DEFINE_integer("process_id", None, "Rank of this process.")
_CPU_DEVICES = flags.DEFINE_integer(
    "cpu_devices",
    None,
    "Number of devices into which the CPU is split; trials are divided among them. "
    "Default: the largest divisor of the number of trials for which there are cores.",
    lower_bound=1,
)
_PRINT_NETWORKS = flags.DEFINE_bool(
    "print_networks",
    False,
    "Print all layers with the shapes of their outputs and their numbers of "
    "parameters, and train nothing.",
)
flags.mark_flag_as_required("config")


def main() -> None:
    """Runs the experiment."""
    config = _CONFIG.value
    if _PRINT_NETWORKS.value:
        dataset = run_data.load_examples(config, _WORKDIR.value)
        game = make_game(sizing.fit_to_data(config, dataset).game)
        print(sizing.describe_networks(game, dataset))
        return
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
        following = _next_commands(_WORKDIR.value)
        command_line.finish(results, _WORKDIR.value, *following)
    elif jax.process_index() == 0:
        _say_stopped()


def _next_commands(workdir: str) -> list[str]:
    """Says how to use the trained model."""
    game, commands = make_game(read_config(workdir).game), []
    if game.can("encode") and not game.conditional:
        commands.append("predict --input=NEW_DATA --output=predictions.csv")
    if game.can("sample"):
        ending = "png" if len(input_shape(workdir)) == 3 else "npz"
        caption = ' --caption="..."' if game.uses_captions else ""
        commands.append(f"sample --output=samples.{ending}{caption}")
    return [
        f"next: python -m experiments.{command} --workdir={shlex.quote(workdir)}"
        for command in commands
    ]


def _stop_at_once(number: int, frame: types.FrameType | None) -> None:
    """Ends the process on SIGTERM outside training; training saves first.

    All that a resumed run needs is on disk already. Raising an exception would not
    work: JAX prints exceptions in its callbacks and ignores them.
    """
    del number, frame
    _say_stopped()
    sys.stderr.flush()
    os._exit(0)


def _say_stopped() -> None:
    print(
        f"Stopped; saved in {_WORKDIR.value}. Launch again to resume.",
        file=sys.stderr,
    )


if __name__ == "__main__":
    command_line.run(main)

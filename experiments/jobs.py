"""Launches as separate processes, with a log each."""

import signal
import subprocess


def launch(command: list[str], log: str) -> bool:
    """Runs a launch to its end and returns whether it succeeded.

    Args:
      command: command of the launch.
      log: file for its output. It ends with a line `error: ...` if the launch failed.

    Raises:
      BaseException: this process is interrupted; the launch has saved its state.
    """
    with (
        open(log, "w") as file,
        _start(command, file) as process,
    ):
        try:
            code = process.wait()
        except BaseException:  # Ctrl-C, or the exit of a job that is to be continued
            process.terminate()
            process.wait()
            raise
    if code and failure(log) is None:  # killed, or a bug
        add_failure(log, f"the launch ended with code {code}")
    return code == 0


def _start(command: list[str], file) -> subprocess.Popen:
    # In its own session, the launch receives Ctrl-C only through this process. Slurm
    # sends SIGUSR2 to all processes of a job before it ends it, but only this one knows
    # what that means.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    try:
        return subprocess.Popen(
            command, stdout=file, stderr=file, start_new_session=True
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def failure(log: str) -> str | None:
    """Returns the error at the end of a launch's log, or None."""
    with open(log, errors="replace") as file:
        errors = [line for line in file if line.startswith("error: ")]
    return errors[-1].removeprefix("error: ").strip() if errors else None


def add_failure(log: str, reason: str) -> None:
    """Adds an error to the end of a log."""
    with open(log, "a") as file:
        file.write(f"\nerror: {reason}\n")

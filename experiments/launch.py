"""From the arguments of runner.py to Hydra, and back from a run's status to an exit status.

Before Hydra starts, the whole command line is checked and the run gets a folder of its own; afterwards the status is
that of what ran, which Hydra does not tell its caller.
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from experiments.errors import UserError

# Arguments that show something of Hydra or of the config and run nothing.
SHOWING = ("--hydra-help", "--version", "--shell-completion", "-sc", "--info", "-i")
DONE, FAILED, MISTAKE, INTERRUPTED = 0, 1, 2, 130  # the last: by SIGINT, 128 + 2


def main(run: Callable[[], Any]) -> None:
    """Check the arguments, let Hydra call the task, exit with the status of what ran: 0, 1, 2, 130 or 143."""
    try:
        arguments, folder = prepare(sys.argv[1:])
        sys.argv[1:] = arguments
        run()
    except UserError as error:
        sys.exit(complain(error))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    if folder is not None:
        sys.exit(exit_status(folder))


def job(start: Callable[[], str], in_sweep: bool) -> str:
    """Start one run and return its status. A mistake ends a single run with status 2; a sweep goes on with the next."""
    from experiments.training import Interrupted

    try:
        return start()
    except UserError as error:
        status = complain(error)
        if in_sweep:
            return "failed"
        sys.exit(status)
    except Interrupted as error:
        sys.exit(128 + error.signum)


def complain(error: UserError) -> int:
    print(error, file=sys.stderr)
    return MISTAKE


def prepare(arguments: Sequence[str]) -> tuple[list[str], Path | None]:
    """The arguments with which Hydra is to start, and the folder of what they start (None: they only show something).

    Raises:
        UserError: mistakes in the config or the call; nothing has been written then.
    """
    if any(argument in ("--help", "-h") for argument in arguments):
        from experiments.config import help
        from experiments.config.composition import CONF

        print(help.text(CONF))
        sys.exit(DONE)
    if any(argument.split("=")[0] in SHOWING for argument in arguments):
        return list(arguments), None
    if any(argument.startswith("--experimental-rerun") for argument in arguments):
        raise UserError("--experimental-rerun: refused, since it unpickles; repeat a run by the command in its report")

    from experiments.config.composition import compose_command_line

    composition = compose_command_line(arguments)
    if any(argument in ("--cfg", "-c") or argument.startswith("--cfg=") for argument in arguments):
        return list(arguments), None
    from experiments.runs import reserve, use

    key = "sweep" if composition.is_sweep else "run"
    folder = (use if composition.folder_given else reserve)(Path(composition.folder))
    return [*arguments, f"hydra.{key}.dir={_quoted(folder)}"], folder


def exit_status(folder: Path) -> int:
    """0 where the run, or every job of the sweep, in `folder` completed; 1 otherwise."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("**/run.json")]
    return DONE if records and all(record["status"] == "completed" for record in records) else FAILED


def _quoted(path: Path) -> str:
    """A path as Hydra's grammar takes any text."""
    text = str(path).replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\${")
    return f"'{text}'"

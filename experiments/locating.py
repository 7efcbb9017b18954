"""What a user writes for RUN → a folder: a path, `latest`, a name, a part of a path, a job as SWEEP/3."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from experiments import folders, runs
from experiments.config.mistakes import nearest
from experiments.errors import UserError
from experiments.parsing import read_json

OUTPUTS = Path("outputs")
LATEST = "latest"
FORMS = "a path, `latest`, a run's name, a part of its path that no other has, or a job as SWEEP/3"
SHOWN = 10  # candidates


def locate(given: str, outputs: Path = OUTPUTS) -> Path:
    """The folder of a run or a sweep.

    `latest` is what was started last, a name the newest of that name. Both, and a part of a path below `outputs`, mean
    what was started by itself, a run or a sweep; of a sweep's jobs only where nothing else fits. What stands before
    `/3` means a sweep, whose job is meant.

    Raises:
        UserError: nothing fits, or several do, which are listed then.
    """
    path = Path(given)
    if not given or _holds(path) is not None:
        return path
    head, slash, number = given.rpartition("/")
    if slash and head and number.isdecimal():
        with suppress(_Unknown):
            return _job(_located(head, outputs, sweeps_only=True), int(number))
    return _located(given, outputs, sweeps_only=False)


def single_run(folder: Path, command: str) -> Path:
    """The folder, once it is known to be no sweep's.

    Raises:
        UserError: it is a sweep's; the command for its best run is named.
    """
    if _holds(folder) != folders.SWEEP:
        return folder
    import shlex

    from experiments.sweeps import files, leaderboard
    from experiments.sweeps.ledger import Ledger

    ledger = Ledger(folder)
    best = files.folder_of(leaderboard.rank(ledger.states(), ledger.plan["metric"]))
    way_out = (
        f"`python -m experiments show {shlex.quote(str(folder))}` shows its jobs"
        if best is None
        else f"Of its best run: `python -m experiments {command} {shlex.quote(str(best))}`"
    )
    raise UserError(f"{folder}: is a sweep's folder, expected that of one run. {way_out}.")


class _Unknown(UserError):
    """Nothing fits."""


def _located(given: str, outputs: Path, sweeps_only: bool) -> Path:
    path = Path(given)
    if _holds(path) == folders.SWEEP or (_holds(path) and not sweeps_only):
        return path
    if os.path.isdir(path):
        return _only(given, list(folders.below(path)), sweeps_only) or path  # its own reader says what it lacks
    everything = list(folders.below(outputs))
    started = [entry for entry in _top(everything) if not sweeps_only or entry[1] == folders.SWEEP]
    names = {folder: facts for folder, file in started if (facts := _facts(folder, file))}
    newest = sorted(names, key=lambda folder: (str(names[folder].get("started_at")), str(folder)), reverse=True)
    if given == LATEST:
        if newest:
            return newest[0]
        what, command = ("sweep", "python runner.py -m seed=1,2") if sweeps_only else ("run", "python runner.py")
        raise UserError(f"{given}: received no folder, since there is no {what} below {outputs}; `{command}` makes one")
    for folder in newest:
        if names[folder].get("name") == given:
            return folder
    for candidates in (started, [] if sweeps_only else everything):
        found = _only(given, _with_part(given, candidates, outputs), sweeps_only)
        if found is not None:
            return found
    known = {str(facts.get("name")) for facts in names.values()} | {LATEST}
    raise _Unknown(
        f"{given}: is no folder, and no run below {outputs} has this name or this part of a path, expected {FORMS}."
        f"{nearest(given, known)} `python -m experiments list` shows them."
    )


def _holds(folder: Path) -> str | None:
    """Which file says that a folder is a run's or a sweep's."""
    return next((file for file in (folders.RUN, folders.SWEEP) if os.path.isfile(folder / file)), None)


def _top(everything: Sequence[tuple[Path, str]]) -> list[tuple[Path, str]]:
    """What was started by itself: everything but the jobs of sweeps."""
    sweeps = {folder for folder, file in everything if file == folders.SWEEP}
    return [(folder, file) for folder, file in everything if folder.parent not in sweeps]


def _with_part(given: str, candidates: Sequence[tuple[Path, str]], outputs: Path) -> list[tuple[Path, str]]:
    """Those whose path below `outputs` has the part; whole folders' names go before parts of them."""
    part = given.strip("/")
    paths = [(entry, f"/{entry[0].relative_to(outputs)}/") for entry in candidates]
    whole = [entry for entry, path in paths if f"/{part}/" in path]
    return whole or [entry for entry, path in paths if part in path]


def _only(given: str, candidates: Sequence[tuple[Path, str]], sweeps_only: bool) -> Path | None:
    """The one there is; jobs count only where there is nothing else.

    Raises:
        UserError: several.
    """
    top = _top(candidates) or list(candidates)
    found = sorted(str(folder) for folder, file in top if not sweeps_only or file == folders.SWEEP)
    if len(found) > 1:
        more = f", and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        lines = "".join(f"\n  {path}" for path in found[:SHOWN])
        raise UserError(f"{given}: {len(found)} folders fit, expected one. Write more of its path:{lines}{more}")
    return Path(found[0]) if found else None


def _job(sweep: Path, number: int) -> Path:
    folder = sweep / str(number)
    if _holds(folder) is None:
        begun = sorted(int(path.name) for path in sweep.iterdir() if path.name.isdecimal() and _holds(path))
        there = ", ".join(map(str, begun[:SHOWN])) + (", …" if len(begun) > SHOWN else "")
        raise UserError(f"{sweep}: received job {number}, expected one that has begun: {there or 'none has'}")
    return folder


def _facts(folder: Path, file: str) -> dict[str, Any]:
    """What a run's or a sweep's own file says of it; {} where it cannot be read."""
    if file == folders.RUN:
        with suppress(UserError):
            return runs.read(folder)
        return {}
    try:
        plan = read_json(folder / file, "the plan of a sweep")
    except (OSError, UserError):
        return {}
    return plan if isinstance(plan, dict) else {}

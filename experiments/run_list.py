"""What `python -m experiments list` prints."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from experiments import folding, listing, run_table, runs
from experiments.errors import UserError
from experiments.locating import OUTPUTS
from experiments.text import plain_lines

Form = Literal["table", "csv", "json", "markdown"]


def text(
    folder: Path | None,
    form: Form,
    *,
    where: Sequence[str],
    columns: str | None,
    sort: str | None,
    reverse: bool,
    limit: int | None,
    jobs: bool,
) -> str:
    """The runs below a folder, or below outputs, that meet the conditions.

    A sweep is one row of a table unless `jobs` are asked for; in the other forms each of its jobs is one.

    Raises:
        UserError: no such folder, a condition that is none, a key that no run has.
    """
    if folder is not None and not folder.is_dir():
        raise UserError(
            f"{folder}: no such folder, expected one that holds runs; without it, those below {OUTPUTS} are listed"
        )
    everything = runs.find(
        folder or OUTPUTS, skipped=lambda error: print(f"left out: {plain_lines(error)}", file=sys.stderr)
    )
    given = columns.split(",") if columns else []
    for key in [*given, *([sort] if sort else [])]:
        listing.check_key(everything, key)
    records = listing.chosen(everything, listing.conditions(where))
    wanted = given or listing.columns(records, sort)
    if form == "table" and not jobs:
        wanted = given or listing.with_jobs(wanted)
        records = folding.folded(records, everything, [*wanted, *([sort] if sort else [])])
    records = listing.ordered(records, sort, reverse, limit)
    if form == "json":
        return json.dumps([{"folder": str(path)} | record for path, record in records], indent=2) + "\n"
    if form == "csv":
        return listing.csv(records, wanted)
    if form == "markdown":
        return listing.markdown(records, wanted) + "\n"
    if not records:
        none = " that meet the conditions" if everything else "; `python runner.py` makes one"
        return f"{folder or OUTPUTS}: no runs{none}\n"
    rows = listing.table(records, wanted)
    return run_table.text(rows if given else listing.with_values(rows), run_table.room(), sort)

"""Which folders below a place hold a run or a sweep, found by their names alone; no file is read."""

import os
from collections.abc import Iterator
from pathlib import Path

RUN = "run.json"
SWEEP = "sweep.json"
SWEEP_PAGE = "sweep.html"


def below(root: Path) -> Iterator[tuple[Path, str]]:
    """Each folder that holds a run or a sweep, `root` itself included, with the name of the file that says so.

    Nothing is looked for below a run, whose plots and checkpoints are many more files than there are runs, and no link
    is followed.
    """
    waiting = [str(root)]
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(place) as entries:
                names = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}
        except OSError:
            continue
        if RUN in names:
            yield Path(place), RUN
            continue
        if SWEEP in names:
            yield Path(place), SWEEP
        waiting += [os.path.join(place, name) for name, is_dir in names.items() if is_dir and name[0] != "."]

"""The table of `python -m experiments list`: it fits a terminal; elsewhere its lines are as long as they need to be.

Rich's own table takes seconds for thousands of runs, so the lines are made here.
"""

import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size

from experiments.listing import as_text
from experiments.text import plain

GAP = 2  # columns between two cells
NARROWEST = 9  # no cell is made shorter; columns that do not fit even so are left out
FOLDER = "folder"  # is there to be copied
SPARE = ("seconds", "epochs", "dataset", "name")  # left out first, in this order; then the last ones
UNLIMITED = 100_000


def room() -> int:
    """Columns of the terminal; where standard output is none, as many as there need to be."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else UNLIMITED


def text(rows: Sequence[Mapping[str, Any]], room: int, sort: str | None = None) -> str:
    """One line a row; `rows` as of `listing.table`, one at least. The column of the key `sort` is never left out."""
    texts = {key: [plain(as_text(row[key])) for row in rows] for key in rows[0]}
    widths = fitting({key: max(map(cell_len, [plain(key), *cells])) for key, cells in texts.items()}, room, sort)
    lines = [[_heading(plain(key), width) for key, width in widths.items()]]
    lines += map(list, zip(*(texts[key] for key in widths), strict=True))
    shown = "".join(f"{(GAP * ' ').join(map(_cell, cells, widths.values())).rstrip()}\n" for cells in lines)
    if left_out := [key for key in texts if key not in widths]:
        shown += f"No room for {', '.join(map(plain, left_out))}: choose with --columns, or widen the terminal.\n"
    return shown


def fitting(widths: Mapping[str, int], room: int, sort: str | None = None) -> dict[str, int]:
    """The widths of columns that fit into a line: the widest are shortened first, then columns are left out.

    The folder is neither shortened nor left out, however little room there is.
    """
    kept = dict(widths)
    while (excess := sum(kept.values()) + GAP * (len(kept) - 1) - room) > 0:
        long = [key for key, width in kept.items() if width > NARROWEST and key != FOLDER]
        spare = [key for key in (*SPARE, *reversed(kept)) if key in kept and key not in (FOLDER, sort)]
        if long:
            widest = max(long, key=lambda key: kept[key])
            second = max([kept[key] for key in long if key != widest], default=NARROWEST)
            kept[widest] = max(kept[widest] - excess, min(second, kept[widest] - 1), NARROWEST)
        elif spare:
            del kept[spare[0]]
        else:
            break
    return kept


def _heading(key: str, width: int) -> str:
    """The last part of a dotted key says most."""
    return key if len(key) <= width else key.rpartition(".")[2]


def _cell(text: str, width: int) -> str:
    """Exactly so wide; what is longer ends in dots."""
    return f"{set_cell_size(text, width - 1)}…" if cell_len(text) > width else set_cell_size(text, width)

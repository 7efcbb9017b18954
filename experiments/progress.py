"""What of a training's progress is shown: what its user wants to see, and what fits the terminal."""

import os
import sys
from collections.abc import Mapping

SETTING = "EXPERIMENTS_PROGRESS"  # of the terminal, not of the run: no config, no result and no fingerprint has it
STYLES = ("bar", "lines", "none")
FIRST_TO_GO = ("val_loss", "accuracy", "loss")  # what a narrow terminal lacks; val_accuracy stays


def style() -> str:
    """bar: one that is wiped at the end; lines: the bar, and a line an epoch that stays; none: nothing."""
    given = os.environ.get(SETTING) or STYLES[0]
    if given not in STYLES:
        print(f"{SETTING}: received {given!r}, expected {', '.join(STYLES)}; a bar is shown", file=sys.stderr)
        return STYLES[0]
    return given


def fitting(metrics: Mapping[str, str], width: int) -> str:
    """Names and values in their order, in at most `width` columns; the less telling ones go first."""
    shown = dict(metrics)
    for name in FIRST_TO_GO:
        if len(_line(shown)) > width:
            shown.pop(name, None)
    return _line(shown)


def _line(metrics: Mapping[str, str]) -> str:
    return "  ".join(f"{name} {value}" for name, value in metrics.items())

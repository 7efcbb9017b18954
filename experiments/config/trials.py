"""The points of a search: what may be searched, and the config of one trial."""

import copy
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser

from experiments.config.arguments import GROUPS
from experiments.config.overrides import Overrides
from experiments.config.schema import ExperimentConfig
from experiments.config.validation import validate
from experiments.dotted import put


def search_mistakes(given: Overrides, is_search: bool, together: Sequence[str], reuse: bool) -> list[str]:
    """What of a sweep does not go with a search, a line each."""
    if is_search and reuse:
        return ["sweep.reuse, sweep.n_trials: a search tries values that no run had before; set one of the two only"]
    if is_search and not given.swept:
        return [
            "sweep.n_trials: received a number, but there is nothing to search in, expected values such as"
            " optimizer.learning_rate=interval(1e-4,1)"
        ]
    if is_search and together:
        return ["sweep.together, sweep.n_trials: a search chooses each value by itself; set one of the two only"]
    if is_search:
        return []
    return [
        f"{each.key}: received an interval, expected values, or the number of trials of a search: sweep.n_trials=20"
        for each in given.intervals
    ]


def groups(point: Sequence[str]) -> tuple[str, ...]:
    """The overrides of a point that choose a group's option, not a value."""
    return tuple(text for text in point if is_choice(text))


def with_values(values: dict[str, Any], point: Sequence[str]) -> ExperimentConfig:
    """A checked config with a point's values put in the place of its own.

    Raises:
        UserError: the values do not go together, a line each.
    """
    changed = copy.deepcopy(values)
    for override in OverridesParser.create().parse_overrides([text for text in point if not is_choice(text)]):
        put(changed, override.key_or_group, override.value())
    return validate(changed)


def is_choice(text: str) -> bool:
    key = text.lstrip("+~").partition("=")[0]
    return key in GROUPS or "/" in key or key.startswith("hydra")

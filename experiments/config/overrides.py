"""A command line's overrides: understood, checked against the options there are, and expanded into a sweep's points."""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, OverrideType
from hydra.errors import HydraException

from experiments.config.arguments import GROUPS
from experiments.config.mistakes import known_keys, nearest, shown
from experiments.config.names import option_hint
from experiments.config.spacing import joined
from experiments.errors import UserError

LAUNCHER = "hydra.launcher."
MAX_JOBS = 10_000
MAX_PROBES = 256
LOG_FROM = 100  # times the low end: an interval that wide is searched by orders of magnitude


@dataclass(frozen=True)
class Choices:
    """One swept key and what each of its jobs gets, as Hydra's own override texts (`optimizer=adam`, `seed=1`)."""

    key: str
    texts: list[str]


@dataclass(frozen=True)
class Interval:
    """A swept key whose values a search takes from between `low` and `high`, both included."""

    key: str
    low: float
    high: float
    is_integer: bool
    is_log: bool

    @property
    def texts(self) -> list[str]:
        """Its two ends."""
        return [self.text(self.low), self.text(self.high)]

    @property
    def inner(self) -> list[str]:
        """A value in between that is no whole number, where a search may try one."""
        return [] if self.is_integer else [self.text(self.low + (self.high - self.low) * 0.381966)]

    def text(self, value: float) -> str:
        """The override that sets a value; six digits are enough to run it again by hand."""
        return f"{self.key}={int(value)}" if self.is_integer else f"{self.key}={value:.6g}"


@dataclass(frozen=True)
class Overrides:
    """What a command line overrides: `fixed` for all jobs, and what differs from job to job."""

    fixed: list[str]
    swept: list[Choices | Interval]

    @property
    def is_sweep(self) -> bool:
        return bool(self.swept)

    def extended(self, other: "Overrides") -> "Overrides":
        """These and `other`, which has the last word on the keys that both change."""
        keys = {text.lstrip("+").partition("=")[0] for text in other.fixed} | {
            each.key.lstrip("+") for each in other.swept
        }
        return Overrides(
            [*(text for text in self.fixed if text.lstrip("+").partition("=")[0] not in keys), *other.fixed],
            [*(each for each in self.swept if each.key.lstrip("+") not in keys), *other.swept],
        )

    @property
    def intervals(self) -> list[Interval]:
        return [each for each in self.swept if isinstance(each, Interval)]

    def probes(self) -> list[tuple[str, ...]]:
        """Points of a search to check before it starts: every value and end, and one from within an interval of
        fractions; in every combination if those are few.
        """
        axes = [[*each.texts, *(each.inner if isinstance(each, Interval) else [])] for each in self.swept]
        if math.prod(map(len, axes)) <= MAX_PROBES:
            return list(itertools.product(*axes))
        longest = max(map(len, axes))
        return [tuple(texts[number % len(texts)] for texts in axes) for number in range(longest)]

    def points(self, together: Sequence[str] = ()) -> list[tuple[str, ...]]:
        """The swept texts of each job: every combination, the last key fastest, but keys `together` go side by side.

        Raises:
            UserError: more jobs than anybody means, or `together` names keys that cannot go together.
        """
        by_key = {choices.key.lstrip("+"): choices.texts for choices in self.swept}
        _check_together(by_key, together)
        axes: list[list[tuple[str, ...]]] = []
        for key, texts in by_key.items():
            if key not in together:
                axes.append([(text,) for text in texts])
            elif key == together[0]:
                axes.append(list(zip(*(by_key[other] for other in together), strict=True)))
        jobs = math.prod(len(axis) for axis in axes)
        if jobs > MAX_JOBS:
            raise UserError(
                f"{', '.join(by_key)}: a sweep of {jobs:,} jobs or more, expected at most {MAX_JOBS:,};"
                " give fewer values"
            )
        return [tuple(itertools.chain(*point)) for point in itertools.product(*axes)]


def _check_together(by_key: dict[str, list[str]], together: Sequence[str]) -> None:
    for key in together:
        if key not in by_key:
            raise UserError(
                f"sweep.together: received {key}, expected swept keys ({', '.join(by_key) or 'none'})."
                f"{nearest(key, by_key)}"
            )
    counts = {key: len(by_key[key]) for key in together}
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{key} has {count}" for key, count in counts.items())
        raise UserError(f"sweep.together: {said} values, expected the same number of each")


def parse(texts: Sequence[str], folders: Sequence[Path], found: list[str]) -> Overrides:
    """Split overrides into fixed and swept; what cannot be used is left out and a line about it added to `found`.

    Keys of the experiment become `++key`: an unknown one is let in and refused by the schema, with everything else.
    """
    parser = OverridesParser.create()
    fixed: list[str] = []
    swept: list[Choices | Interval] = []
    options = {name: group for group in reversed(GROUPS) for name in option_names(group, folders)}
    for text in joined(texts, _is_override, options, found):
        override = parser.parse_override(text)
        if lines := _wrong_options(override, folders):
            found += lines
        elif override.type is OverrideType.ADD and override.key_or_group in (*known_keys(), *GROUPS):
            found.append(f"{shown(text)}: the key is there already and needs no +. Did you mean {text.lstrip('+')}?")
        elif override.is_sweep_override() and override.is_hydra_override():
            found.append(
                f"{override.get_key_element()}: received several values, expected one: jobs share Hydra's settings"
            )
        elif override.is_interval_sweep():
            swept += _interval(override, text, found)
        elif override.is_sweep_override():
            choices = Choices(override.get_key_element(), _swept_texts(override, folders))
            swept.append(choices)
        else:
            fixed.append(_let_in(override, text))
    return Overrides(fixed, swept)


def _interval(override: Override, text: str, found: list[str]) -> list[Interval]:
    """`interval(low, high)`, or nothing and a line in `found`. Tags `log` and `linear` say how it is searched."""
    value: Any = override.value()
    key, low, high = override.get_key_element(), value.start, value.end
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        found.append(
            f"{key}: received {shown(text.partition('=')[2])}, expected interval(LOW, HIGH) with LOW below HIGH"
        )
        return []
    if "log" in value.tags and low <= 0:
        found.append(f"{key}: received {shown(text.partition('=')[2])}, expected a LOW above 0 for a logarithmic scale")
        return []
    wide = low > 0 and high / low >= LOG_FROM
    is_log = "log" in value.tags or (wide and "linear" not in value.tags)
    return [Interval(key, low, high, isinstance(low, int) and isinstance(high, int), is_log)]


def _is_override(text: str) -> bool:
    try:
        OverridesParser.create().parse_override(text)
    except HydraException:
        return False
    return True


def let_in(text: str) -> str:
    """The same override, of a key that need not exist yet."""
    return _let_in(OverridesParser.create().parse_override(text), text)


def option_names(group: str, folders: Sequence[Path]) -> list[str]:
    return sorted({path.stem for folder in folders for path in (folder / group).glob("*.yaml")})


def first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _let_in(override: Override, text: str) -> str:
    key = override.key_or_group
    is_value = key not in GROUPS and "/" not in key and (key.partition(".")[0] != "hydra" or key.startswith(LAUNCHER))
    return f"++{text}" if override.type is OverrideType.CHANGE and is_value else text


def _swept_texts(override: Override, folders: Sequence[Path]) -> list[str]:
    key = override.get_key_element()
    value = override.value()
    if isinstance(value, Glob):
        return [f"{key}={name}" for name in value.filter(option_names(override.key_or_group, folders))]
    return [f"{key}={text}" for text in itertools.islice(override.sweep_string_iterator(), MAX_JOBS + 1)]


def _wrong_options(override: Override, folders: Sequence[Path]) -> list[str]:
    group = override.key_or_group
    value = override.value()
    if group not in GROUPS or override.type is OverrideType.DEL or isinstance(value, dict | Glob):
        return []
    options = option_names(group, folders)
    if override.is_interval_sweep():
        return [f"{group}: received an interval, expected one of {', '.join(options)}"]
    given: Iterable[Any] = override.sweep_string_iterator() if override.is_sweep_override() else [value]
    names = [name for each in given for name in (each if isinstance(each, list) else [each])]
    wrong = [str(name) for name in names if str(name) not in options and not (group == "experiment" and name is None)]
    if group == "model" and wrong and all(name.isdecimal() for name in wrong):  # the widths themselves
        hint = f" Did you mean model.hidden_units=[{','.join(wrong)}]?"
        return [f"{group}: received {', '.join(wrong)}, expected one of {', '.join(options)}.{hint}"]
    return [
        f"{group}: received {shown(name)}, expected one of {', '.join(options)}.{option_hint(group, name, options)}"
        for name in wrong
    ]

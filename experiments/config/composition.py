"""Command line → checked configs, before Hydra starts: what is wrong is said all at once and nothing has run yet.

Hydra itself stops at the first mistake, in its own words, with status 1. So the command line is composed here once
more, first: misspelt keys are let in and refused by the schema with everything else, every point of a sweep is checked
before its first job, and nothing that Hydra would call is unknown to us.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hydra.types import RunMode
from omegaconf import ListConfig, OmegaConf

from experiments.config import hydra_groups, launchers, safety
from experiments.config.arguments import GROUPS, Arguments, read
from experiments.config.composer import Composer, composer
from experiments.config.corrections import several
from experiments.config.defaults import CONF
from experiments.config.overrides import Choices, Interval, Overrides, parse
from experiments.config.reference import ReferenceConfig
from experiments.config.schema import ExperimentConfig
from experiments.config.trials import search_mistakes
from experiments.config.validation import refusal
from experiments.errors import UserError

__all__ = ["CONF", "Composition", "Job", "compose_arguments", "compose_command_line", "reference_of"]

hydra_groups.store()


@dataclass(frozen=True)
class Job:
    """One run: what it overrides (a sweep's own values only) and its checked config."""

    overrides: tuple[str, ...]
    config: ExperimentConfig


@dataclass(frozen=True)
class Composition:
    """What a command line asks for; `folder` is where Hydra would put it, `folder_given` whether the user said so.

    Of a search, `space` is what it chooses from, and `jobs` are points that have been checked.
    `launcher` is the option of `hydra/launcher` that a sweep's jobs are started by.
    """

    jobs: list[Job]
    is_sweep: bool
    folder: str
    folder_given: bool
    space: list[Choices | Interval]
    launcher: str


def compose_command_line(texts: Sequence[str]) -> Composition:
    """Compose and check what `runner.py`'s arguments ask for, every point of a sweep included.

    Raises:
        UserError: all mistakes of the command line and the YAML files, a line each.
    """
    return compose_arguments(read(texts))


def compose_arguments(arguments: Arguments) -> Composition:
    """The same of arguments that have been read.

    Raises:
        UserError: as above.
    """
    found: list[str] = []
    with composer(arguments, found) as hydra:
        hydra.find_places()
        if found:
            raise refusal(found)
        composition = _composition(arguments, hydra, found)
    if found or composition is None:
        raise refusal(found)
    return composition


def _composition(arguments: Arguments, hydra: Composer, found: list[str]) -> Composition | None:
    given = parse(arguments.overrides, hydra.folders, found)
    wrong_groups = [line.split(":")[0] for line in found if line.split(":")[0] in GROUPS]
    base = hydra.compose(given.fixed)
    if base is None:
        return None
    folders = hydra.run_folders(base)
    found += launchers.address_refusals(base.hydra.launcher, arguments.overrides)
    is_sweep = arguments.is_multirun or OmegaConf.select(base, "hydra.mode", default=None) is RunMode.MULTIRUN
    if is_sweep:
        found += safety.sweeper_refusals(base.hydra.sweeper)
        params = [f"{key}={value}" for key, value in (base.hydra.sweeper.get("params") or {}).items()]
        given = parse(params, hydra.folders, found).extended(given)
    else:
        found += [several(each.key, [text.partition("=")[2] for text in each.texts]) for each in given.swept]
        given = Overrides(given.fixed, [])
    together = OmegaConf.select(base, "sweep.together") if is_sweep else None
    together = list(together) if isinstance(together, ListConfig) else []
    is_search = is_sweep and OmegaConf.select(base, "sweep.n_trials") is not None
    found += search_mistakes(given, is_search, together, OmegaConf.select(base, "sweep.reuse") is True)
    points = given.probes() if is_search else given.points(together)
    jobs = [Job(*each) for each in hydra.checked(given.fixed, points, wrong_groups)]
    found[:] = [_with_whole_numbers(line, given.intervals) for line in found]
    where = f"hydra.{'sweep' if is_sweep else 'run'}.dir"
    return Composition(
        jobs,
        is_sweep,
        folders.get(where, ""),
        any(text.lstrip("+").startswith(f"{where}=") for text in arguments.overrides),
        given.swept if is_search else [],
        launchers.name_of(OmegaConf.to_container(base.hydra.launcher, resolve=False)) or "basic",
    )


def reference_of(experiment: str) -> ReferenceConfig:
    """What was published of a saved experiment.

    Raises:
        UserError: there is no such experiment, or nothing was published of it.
    """
    reference = compose_command_line([f"experiment={experiment}"]).jobs[0].config.reference
    if reference is None:
        raise UserError(f"experiment={experiment}: has no reference, expected a saved experiment that was published")
    return reference


def _with_whole_numbers(line: str, intervals: Sequence[Interval]) -> str:
    """The line about a fraction from an interval of a key that takes whole numbers, with the way out."""
    for each in intervals:
        if line.startswith(f"{each.key}: received") and "expected a whole number" in line:
            return f"{line} Write {each.key}=int(interval({each.low:g},{each.high:g}))."
    return line

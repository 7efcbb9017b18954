"""Command line → checked configs, before Hydra starts: what is wrong is said all at once and nothing has run yet.

Hydra itself stops at the first mistake, in its own words, with status 1. So the command line is composed here once
more, first: misspelt keys are let in and refused by the schema with everything else, every point of a sweep is checked
before its first job, and nothing that Hydra would call is unknown to us.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException
from omegaconf import MISSING, DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from experiments.config import hydra_groups, launchers, safety
from experiments.config.mistakes import mistakes, nearest, shown
from experiments.config.overrides import GROUPS, Choices, Interval, Overrides, first_line, let_in, option_names, parse
from experiments.config.reference import ReferenceConfig
from experiments.config.schema import ExperimentConfig
from experiments.config.trials import groups, search_mistakes
from experiments.config.validation import refusal, validate
from experiments.errors import UserError

CONF = Path(__file__).parents[2] / "conf"
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


def from_hydra(cfg: DictConfig) -> ExperimentConfig:
    """The config Hydra composed, as plain checked values (Keras and JSON take no OmegaConf containers)."""
    return validate(OmegaConf.to_container(cfg, resolve=True))


def compose_command_line(arguments: Sequence[str]) -> Composition:
    """Compose and check what `runner.py`'s arguments ask for, every point of a sweep included.

    Raises:
        UserError: all mistakes of the command line and the YAML files, a line each.
    """
    flags = get_args_parser().parse_args(list(arguments))
    folder = Path(flags.config_path or CONF).resolve()
    extra = [Path(flags.config_dir).resolve()] if flags.config_dir else []
    found = safety.searchpath_refusals(_searchpath(folder / f"{flags.config_name or 'config'}.yaml", flags.overrides))
    if found:
        raise refusal(found)
    given = parse(flags.overrides, [folder, *extra], found)
    wrong_groups = [line.split(":")[0] for line in found if line.split(":")[0] in GROUPS]
    composer = _Composer(flags.config_name or "config", folder, extra, wrong_groups)
    with initialize_config_dir(str(folder), version_base="1.3"):
        base = composer.compose(given.fixed, found)
        if base is None:
            raise refusal(found)
        try:
            hydra_node = _hydra_node(base)
        except OmegaConfBaseException as error:
            raise refusal([*found, _composition_mistake(error)]) from None
        found += safety.refusals(hydra_node) + launchers.refusals(hydra_node["launcher"])
        is_sweep = bool(flags.multirun or hydra_node["mode"] == "MULTIRUN")
        if is_sweep:
            params = [f"{key}={value}" for key, value in (hydra_node["sweeper"].get("params") or {}).items()]
            given = parse(params, [folder, *extra], found).extended(given)
        else:
            found += [_needs_multirun(choices.key, choices.texts) for choices in given.swept]
            given = Overrides(given.fixed, [])
        together = OmegaConf.select(base, "sweep.together") if is_sweep else None
        together = list(together) if isinstance(together, ListConfig) else []
        is_search = is_sweep and OmegaConf.select(base, "sweep.n_trials") is not None
        found += search_mistakes(given, is_search, together, OmegaConf.select(base, "sweep.reuse") is True)
        points = given.probes() if is_search else given.points(together)
        jobs = composer.jobs(given.fixed, points, found)
    if found:
        raise refusal(found)
    where = "sweep" if is_sweep else "run"
    folder_given = any(text.lstrip("+").startswith(f"hydra.{where}.dir=") for text in flags.overrides)
    launcher = str(hydra_node["runtime"]["choices"].get("hydra/launcher"))
    return Composition(
        jobs, is_sweep, hydra_node[where]["dir"], folder_given, given.swept if is_search else [], launcher
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


def _searchpath(primary: Path, overrides: Sequence[str]) -> list[Any]:
    """Where a command line and its primary YAML file say that further YAML files are."""
    places = [
        text.partition("=")[2].strip("[]'\"") for text in overrides if text.lstrip("+").startswith("hydra.searchpath=")
    ]
    try:
        hydra = (yaml.safe_load(primary.read_text(encoding="utf-8")) or {}).get("hydra") or {}
    except (OSError, ValueError, AttributeError, yaml.YAMLError):
        return places  # said in full when it is composed
    return places + list(hydra.get("searchpath") or [])


@dataclass(frozen=True)
class _Composer:
    config_name: str
    folder: Path
    extra: list[Path]
    wrong_groups: list[str]

    def compose(self, overrides: Sequence[str], found: list[str]) -> DictConfig | None:
        """Hydra's composition, or None and a line in `found`."""
        search = [f"hydra.searchpath=[{','.join(str(path) for path in self.extra)}]"] if self.extra else []
        try:
            return compose(self.config_name, [*overrides, *search], return_hydra_config=True)
        except MissingConfigException as error:
            found.append(self._missing(error))
        except yaml.YAMLError as error:
            found.append(_yaml_mistake(error))
        except (HydraException, OmegaConfBaseException) as error:
            found.append(_composition_mistake(error))
        return None

    def jobs(self, fixed: Sequence[str], points: Sequence[tuple[str, ...]], found: list[str]) -> list[Job]:
        """Each point of a sweep, or the one run; composed once for each choice of groups, then given its values."""
        composed: dict[tuple[str, ...], DictConfig | None] = {}
        jobs = []
        for point in points:
            chosen = groups(point)
            if chosen not in composed:
                composed[chosen] = self.compose([*fixed, *chosen], found)
            base = composed[chosen]
            if base is None:
                continue
            try:
                values = _plain(base, [text for text in point if text not in chosen])
                jobs.append(Job(point, ExperimentConfig.model_validate(values)))
            except ValidationError as error:
                found += [line for line in mistakes(error) if not line.startswith(tuple(self._consequences()))]
            except OmegaConfBaseException as error:
                found.append(_composition_mistake(error))
        return jobs

    def _consequences(self) -> list[str]:
        return [f"{group}." for group in self.wrong_groups] or ["\0"]

    def _missing(self, error: MissingConfigException) -> str:
        group, _, name = (error.missing_cfg_file or "").rpartition("/")
        options = list(error.options or option_names(group, [self.folder, *self.extra]))
        if not group:
            return first_line(error)
        hint = nearest(name, options) or " A launcher or sweeper of Hydra needs its plugin installed (see README)."
        return f"{group}: received {shown(name)}, expected one of {', '.join(options)}.{hint}"


def _plain(base: DictConfig, overrides: Sequence[str]) -> Any:
    """The experiment's part as plain values, with a sweep's values put in; keys without a value are left out."""
    cfg = base.copy()
    OmegaConf.set_struct(cfg, False)
    cfg.pop("hydra")
    for override in OverridesParser.create().parse_overrides([let_in(text) for text in overrides]):
        OmegaConf.update(cfg, override.key_or_group, override.value(), merge=True, force_add=True)
    return _without_missing(OmegaConf.to_container(cfg, resolve=True))


def _without_missing(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_missing(value) for key, value in node.items() if value != MISSING}
    return node


def _missing_keys(node: Any, prefix: str = "") -> Iterator[str]:
    for name, value in node.items():
        if value == MISSING:
            yield prefix + name
        elif isinstance(value, dict):
            yield from _missing_keys(value, f"{prefix}{name}.")


def _hydra_node(composed: DictConfig) -> dict[str, Any]:
    """Hydra's part, resolved; what Hydra fills in only when a job starts (`hydra.job.num`, …) is "0"."""
    cfg = composed.copy()
    OmegaConf.set_readonly(cfg.hydra, False)
    for key in _missing_keys(OmegaConf.to_container(cfg.hydra, resolve=False)):
        OmegaConf.update(cfg.hydra, key, "0")
    cfg.hydra.overrides.task = []  # the command line as text, not to be resolved
    cfg.hydra.job.override_dirname = ""
    HydraConfig.instance().set_config(cfg)  # what `${hydra:…}` looks into
    node: Any = OmegaConf.to_container(cfg.hydra, resolve=True, enum_to_str=True)
    return dict(node)


def _needs_multirun(key: str, texts: Sequence[str]) -> str:
    values = ",".join(text.partition("=")[2] for text in texts[:5])
    received = f"{key}: received several values ({values}), expected one."
    return f"{received} A sweep over them needs -m; a text that has commas needs quotes."


def _yaml_mistake(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or first_line(error)
    where = f"{mark.name}, line {mark.line + 1}" if mark else "a YAML file"
    return f"{where}: {problem}"


def _composition_mistake(error: Exception) -> str:
    cause = error.__cause__
    if isinstance(cause, yaml.YAMLError):
        return _yaml_mistake(cause)
    key = getattr(error, "full_key", None)
    return f"{key}: {first_line(error)}" if key else " ".join(str(error).split())

"""Command line → checked configs, before Hydra starts: what is wrong is said all at once and nothing has run yet.

Hydra itself stops at the first mistake, prints it in its own words and exits with 1. So the command line is composed
here once more, first: misspelt keys are let in and then refused by the schema together with everything else, every
point of a sweep is checked before its first job, and nothing that Hydra would instantiate is unknown to us.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from experiments.config.mistakes import known_keys, mistakes, nearest, shown, unknown_key
from experiments.config.schema import ExperimentConfig
from experiments.errors import UserError

CONF = Path(__file__).parents[2] / "conf"
GROUPS = ("dataset", "model", "optimizer", "trainer", "experiment")

# All that may be named where Hydra's own part of the config names code: its launchers and sweepers and Python's logging.
CODE_KEYS = ("_target_", "()", "class", "factory")
KNOWN_CODE = (
    "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
    "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
    "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher",
    "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher",
    "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher",
    "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher",
    "logging.StreamHandler",
    "logging.FileHandler",
    "colorlog.ColoredFormatter",
)
KNOWN_STREAMS = ("ext://sys.stdout", "ext://sys.stderr")


@dataclass(frozen=True)
class Composition:
    """What a command line asks for: the checked config of each job, and Hydra's own config of the whole."""

    experiments: list[ExperimentConfig]
    hydra: dict[str, Any]
    multirun: bool


def validate(values: Any) -> ExperimentConfig:
    """Plain values → ExperimentConfig.

    Raises:
        UserError: all mistakes, a line each.
    """
    try:
        return ExperimentConfig.model_validate(values)
    except ValidationError as error:
        raise _refusal(mistakes(error)) from None


def from_hydra(cfg: DictConfig) -> ExperimentConfig:
    """The config Hydra composed, as plain checked values (Keras and JSON take no OmegaConf containers)."""
    values = OmegaConf.to_container(cfg, resolve=True)
    return validate(values)


def compose_command_line(arguments: Sequence[str]) -> Composition:
    """Compose and check what `runner.py`'s arguments ask for, every point of a sweep included.

    Raises:
        UserError: all mistakes of the command line and the YAML files, a line each.
    """
    flags = get_args_parser().parse_args(list(arguments))
    found: list[str] = []
    overrides = _checked_overrides(flags.overrides, found)
    name = flags.config_name or "config"
    folder = str(Path(flags.config_path or CONF).resolve())
    if flags.config_dir:
        overrides.append(f"hydra.searchpath=[{Path(flags.config_dir).resolve()}]")
    with initialize_config_dir(folder, version_base="1.3"):
        first = [override for override in overrides if not _is_sweep(override)]
        base = _composed(name, first, found, flags.overrides)
        if base is None:
            raise _refusal(found)
        hydra_config, _ = base
        multirun = flags.multirun or hydra_config.get("mode") == "MULTIRUN"
        found += _code_in(hydra_config)
        if not multirun:
            found += [
                f"{_text(override).partition('=')[0]}: received {_text(override).partition('=')[2]}, expected one value."
                " Several values need -m (a sweep); a value with commas needs quotes."
                for override in overrides
                if _is_sweep(override)
            ]
            if found:
                raise _refusal(found + _schema_mistakes(base[1]))
            return Composition([validate(base[1])], hydra_config, multirun=False)
        points = []
        for point in _points(overrides, hydra_config):
            composed = _composed(name, point, found, flags.overrides)
            if composed is not None:
                found += [line for line in _schema_mistakes(composed[1]) if line not in found]
                points.append(composed[1])
        if found:
            raise _refusal(found)
        return Composition([validate(point) for point in points], hydra_config, multirun=True)


def _checked_overrides(texts: Sequence[str], found: list[str]) -> list[Override | str]:
    """Overrides that can be composed: those with an unknown group option are reported and dropped."""
    parser = OverridesParser.create()
    kept: list[Override | str] = []
    for text in texts:
        try:
            override = parser.parse_override(text)
        except HydraException as error:
            found.append(f"{shown(text)}: not understood, expected KEY=VALUE. {_first_line(error)}")
            continue
        group = override.key_or_group
        if group in GROUPS and override.type is not OverrideType.DEL:
            options = option_names(group)
            values = _values(override)
            wrong = [value for value in values if value not in options and not isinstance(override.value(), dict)]
            wrong = [value for value in wrong if not (group == "experiment" and value == "null")]
            found += [_unknown_option(group, value, options) for value in wrong]
            if wrong:
                continue
        kept.append(override)
    return kept


def option_names(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def _unknown_option(group: str, value: str, options: Sequence[str]) -> str:
    return f"{group}: received {shown(value)}, expected one of {', '.join(options)}.{nearest(value, options)}"

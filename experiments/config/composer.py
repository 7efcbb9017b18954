"""Hydra's composing, asked for before Hydra starts: with the same places of YAML files, and in a person's words.

Hydra imports nothing here that is not its own (`guard`), and each composition's own part of Hydra's is looked at before
anything in it is resolved (`safety`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobRuntime, setup_globals
from hydra.errors import HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from experiments.config import safety
from experiments.config.arguments import GROUPS, Arguments
from experiments.config.concerned import with_points
from experiments.config.defaults import CONF
from experiments.config.guard import EnvironmentRefused, guarded
from experiments.config.mistakes import mistakes, nearest, shown
from experiments.config.overrides import first_line, let_in, option_names
from experiments.config.schema import ExperimentConfig
from experiments.config.trials import groups

PROGRAM = "runner"  # what Hydra calls a job of runner.py


class Composer:
    """Composes what command lines ask for; mistakes become lines in `found`. Made by `composer`."""

    def __init__(self, arguments: Arguments, loader: ConfigLoaderImpl, found: list[str]) -> None:
        self.arguments = arguments
        self.found = found
        self.folders = arguments.folders  # where options of groups are looked for
        self._loader = loader
        self._composed: dict[tuple[str, ...], DictConfig | None] = {}

    def find_places(self) -> None:
        """Look up the further places of YAML files that an override or the primary file names, and check them.

        Done first: Hydra goes there when it composes.
        """
        for place in self._searchpath():
            refused = safety.searchpath_refusals(place)
            self.found += refused
            self.folders += [] if refused else [Path(each.removeprefix("file://")) for each in place or []]

    def _searchpath(self) -> Iterator[Any]:
        for override in OverridesParser.create().parse_overrides(list(self._understood())):
            if override.get_key_element().lstrip("+~") == "hydra.searchpath":
                yield override.value()
        try:
            loaded = self._loader.repository.load_config(self.arguments.primary)
            primary: Any = OmegaConf.to_container(loaded.config, resolve=False) if loaded else {}
        except Exception:  # said in full when it is composed
            return
        hydra = primary.get("hydra") if isinstance(primary, dict) else None
        yield hydra.get("searchpath") if isinstance(hydra, dict) else None

    def _understood(self) -> Iterator[str]:
        for text in self.arguments.overrides:
            try:
                OverridesParser.create().parse_override(text)
            except HydraException:
                continue
            yield text

    def compose(self, overrides: Sequence[str]) -> DictConfig | None:
        """Hydra's composition, whose own part of Hydra's has been checked; or None, and the mistakes are noted."""
        key = tuple(overrides)
        if key not in self._composed:
            self._composed[key] = self._compose(overrides)
        return self._composed[key]

    def _compose(self, overrides: Sequence[str]) -> DictConfig | None:
        try:
            composed = self._loader.load_configuration(
                self.arguments.primary, list(overrides), RunMode.RUN, from_shell=False
            )
            own: Any = OmegaConf.to_container(composed.hydra, resolve=False, enum_to_str=True)
        except MissingConfigException as error:
            self.found.append(self._missing(error))
        except (yaml.YAMLError, HydraException, OmegaConfBaseException) as error:
            self.found.append(composition_mistake(error))
        except Exception as error:  # Hydra asserts and indexes where a YAML file is not as it expects
            self.found.append(f"the YAML files cannot be composed ({type(error).__name__}: {first_line(error)})")
        else:
            refused = safety.refusals(own, overrides)
            self.found += refused or safety.folder_refusals(self.run_folders(composed))
            return None if refused else composed
        return None

    def checked(
        self, fixed: Sequence[str], points: Sequence[tuple[str, ...]], wrong_groups: Sequence[str]
    ) -> Iterator[tuple[tuple[str, ...], ExperimentConfig]]:
        """Each point of a sweep, or the one run, with its config; composed once for each choice of groups, then given
        its values. What follows from a group's wrong option is not said.
        """
        consequences = tuple(f"{group}." for group in wrong_groups)
        wrong: dict[str, list[tuple[str, ...]]] = {}
        for point in points:
            chosen = groups(point)
            base = self.compose([*fixed, *chosen])
            if base is None:
                continue
            try:
                yield (
                    point,
                    ExperimentConfig.model_validate(_plain(base, [text for text in point if text not in chosen])),
                )
            except ValidationError as error:
                for line in mistakes(error):
                    if not (consequences and line.startswith(consequences)):
                        wrong.setdefault(line, []).append(point)
            except OmegaConfBaseException as error:
                wrong.setdefault(composition_mistake(error), []).append(point)
        self.found += [with_points(line, at, points) for line, at in wrong.items()]

    def run_folders(self, composed: DictConfig) -> dict[str, str]:
        """Where Hydra would put a run and a sweep: `hydra.run.dir`, `hydra.sweep.dir`, resolved."""
        cfg = composed.copy()
        hydra: Any = HydraConfig.instance()
        before, hydra.cfg = hydra.cfg, cfg  # what `${hydra:…}` looks into
        try:
            return {key: str(OmegaConf.select(cfg, key)) for key in ("hydra.run.dir", "hydra.sweep.dir")}
        except OmegaConfBaseException as error:
            self.found.append(composition_mistake(error))
            return {}
        finally:
            hydra.cfg = before

    def _missing(self, error: MissingConfigException) -> str:
        group, _, name = (error.missing_cfg_file or "").rpartition("/")
        if not group:
            where = ", ".join(str(folder) for folder in self.folders)
            if error.missing_cfg_file == self.arguments.primary:
                return f"--config-name: received {shown(name)}, expected the name of a YAML file in {where}"
            return first_line(error)
        options = list(error.options or option_names(group, self.folders))
        inner = group.rpartition("/")[2]
        if not options and inner in GROUPS:
            return f"{group}: no such group. Write in the defaults list: - override /{inner}: {shown(name)[1:-1]}"
        hint = nearest(name, options)
        if not hint and group.startswith("hydra/"):
            hint = " A launcher or sweeper of Hydra needs its plugin installed (see README)."
        return f"{group}: received {shown(name)}, expected one of {', '.join(options)}.{hint}"


@contextmanager
def composer(arguments: Arguments, found: list[str]) -> Iterator[Composer]:
    """A composer for these arguments."""
    version.setbase("1.3")
    setup_globals()
    search_path = create_config_search_path(str(arguments.config_path or CONF))
    if arguments.config_dir:
        place = f"file://{arguments.config_dir}"
        search_path.prepend(provider="command-line", path=place, anchor=SearchPathQuery("schema", None))
    with guarded():
        JobRuntime.instance().set("name", PROGRAM)
        yield Composer(arguments, ConfigLoaderImpl(search_path), found)


def composition_mistake(error: Exception) -> str:
    """What Hydra or OmegaConf could not do, in one line with the key or the file."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, EnvironmentRefused | yaml.YAMLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, yaml.YAMLError):
        return _yaml_mistake(cause)
    error = cause if isinstance(cause, EnvironmentRefused) else error
    key = getattr(error, "full_key", None)
    return f"{key}: {first_line(error)}" if key else " ".join(str(error).split())


def _yaml_mistake(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or first_line(error)
    where = f"{mark.name}, line {mark.line + 1}" if mark else "a YAML file"
    return f"{where}: {problem}"


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

"""What Hydra and OmegaConf must not do for any config: import packages, read the environment, grow without end.

Hydra imports a package to look for YAML files in it, and OmegaConf's `oc.env` reads any variable into the config, from
where it would reach the files of the run. Both are shut where they happen, so that no spelling gets around it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml
from hydra._internal.core_plugins import file_config_source as files
from hydra._internal.core_plugins import importlib_resources_config_source as packages
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.plugins import Plugins
from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf
from omegaconf.basecontainer import BaseContainer
from omegaconf.errors import InterpolationResolutionError

from experiments.config.mistakes import shown
from experiments.config.value_types import VARIABLE
from experiments.parsing import load_yaml

# Keys that may name a variable of the environment. Their value stays the text that names it, in all files; what uses
# the value looks the variable up.
FROM_ENVIRONMENT = ("tracker.uri",)
NAMED_BY_A_CONFIG = ("main", "command-line", "hydra.searchpath")


class EnvironmentRefused(InterpolationResolutionError):
    """A config asks for a variable of the environment where it must not."""


class ImportlibResourcesConfigSource(packages.ImportlibResourcesConfigSource):
    """Hydra's `pkg://`, for Hydra's own packages and those of installed plugins only; it knows it by this name."""

    def __init__(self, provider: str, path: str) -> None:
        if provider.startswith(NAMED_BY_A_CONFIG):
            raise ConfigCompositionException(searchpath_refusal(path))
        super().__init__(provider=provider, path=path)


class FileConfigSource(files.FileConfigSource):
    """Hydra's YAML files, of which none may grow beyond all bounds when its aliases are written out."""

    def load_config(self, config_path: str) -> Any:
        path = Path(self.path) / self._normalize_file_name(config_path)
        with suppress(OSError, UnicodeDecodeError, yaml.YAMLError):  # said in full by Hydra
            text = path.read_text(encoding="utf-8")
            if "*" in text and "&" in text:
                try:
                    load_yaml(text)
                except (ValueError, RecursionError) as error:
                    why = error if isinstance(error, ValueError) else "nested without end"
                    raise ConfigCompositionException(f"{path}: {why}, expected a config") from None
        return super().load_config(config_path)


def searchpath_refusal(place: Any) -> str:
    return f"hydra.searchpath: received {shown(place)}, expected a folder, since packages would be imported"


@contextmanager
def guarded() -> Iterator[None]:
    """Within this, no config imports a package or reads the environment."""
    Plugins.instance()  # registers what is replaced here
    sources = SourcesRegistry.instance().types
    resolvers = BaseContainer._resolvers
    package, file, environment = sources["pkg"], sources["file"], resolvers["oc.env"]
    sources["pkg"], sources["file"] = ImportlibResourcesConfigSource, FileConfigSource
    OmegaConf.register_new_resolver("oc.env", _variable, replace=True)
    try:
        yield
    finally:
        sources["pkg"], sources["file"] = package, file
        resolvers["oc.env"] = environment


def _variable(name: str, default: Any = None, *, _node_: Any) -> str:
    key = _node_._get_full_key(None)
    text = f"${{oc.env:{name}}}"
    if key not in FROM_ENVIRONMENT:
        raise EnvironmentRefused(
            f"received ${{oc.env:{name}}}, refused, since the value of a variable would be written into the run's"
            f" files. Only {', '.join(FROM_ENVIRONMENT)} takes one."
        )
    if default is not None or not re.fullmatch(VARIABLE, text):
        raise EnvironmentRefused(f"received a variable with a default, expected ${{oc.env:NAME}} only ({shown(name)})")
    return text

"""What Hydra and OmegaConf must not do for any config: import packages, read the environment.

Hydra imports a package to look for YAML files in it, and OmegaConf's `oc.env` reads any variable into the config, from
where it would reach the files of the run. Both are shut where they happen, so that no spelling gets around it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hydra._internal.core_plugins import importlib_resources_config_source as packages
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.plugins import Plugins
from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf
from omegaconf.basecontainer import BaseContainer
from omegaconf.errors import InterpolationResolutionError

from experiments.config.mistakes import shown

# Keys that may name a variable of the environment. Their value stays the text that names it, in all files; what uses
# the value looks the variable up.
FROM_ENVIRONMENT = ("tracker.uri",)
VARIABLE = re.compile(r"\$\{oc\.env:([A-Za-z_][A-Za-z0-9_]*)\}")
NAMED_BY_A_CONFIG = ("main", "command-line", "hydra.searchpath")


class EnvironmentRefused(InterpolationResolutionError):
    """A config asks for a variable of the environment where it must not."""


class ImportlibResourcesConfigSource(packages.ImportlibResourcesConfigSource):
    """Hydra's `pkg://`, for Hydra's own packages and those of installed plugins only; it knows it by this name."""

    def __init__(self, provider: str, path: str) -> None:
        if provider.startswith(NAMED_BY_A_CONFIG):
            raise ConfigCompositionException(searchpath_refusal(path))
        super().__init__(provider=provider, path=path)


def searchpath_refusal(place: Any) -> str:
    return f"hydra.searchpath: received {shown(place)}, expected a folder, since packages would be imported"


@contextmanager
def guarded() -> Iterator[None]:
    """Within this, no config imports a package or reads the environment."""
    Plugins.instance()  # registers what is replaced here
    sources = SourcesRegistry.instance().types
    resolvers = BaseContainer._resolvers
    package, environment = sources["pkg"], resolvers["oc.env"]
    sources["pkg"] = ImportlibResourcesConfigSource
    OmegaConf.register_new_resolver("oc.env", _variable, replace=True)
    try:
        yield
    finally:
        sources["pkg"] = package
        resolvers["oc.env"] = environment


def _variable(name: str, default: Any = None, *, _node_: Any) -> str:
    key = _node_._get_full_key(None)
    text = f"${{oc.env:{name}}}"
    if key not in FROM_ENVIRONMENT:
        raise EnvironmentRefused(
            f"received ${{oc.env:{name}}}, refused, since the value of a variable would be written into the run's"
            f" files. Only {', '.join(FROM_ENVIRONMENT)} takes one."
        )
    if default is not None or not VARIABLE.fullmatch(text):
        raise EnvironmentRefused(f"received a variable with a default, expected ${{oc.env:NAME}} only ({shown(name)})")
    return text

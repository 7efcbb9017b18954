"""What a run's config has otherwise than the project's defaults, by the YAML files alone: Hydra may be at work."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

CONF = Path(__file__).parents[2] / "conf"
KIND = "kind"
NO_DEFAULT = "–"
NOT_SHOWN = ("name", "tags", "notes", "sweep", "reference")


def changed(config: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """(key, value, default) of each key that differs; [] where the defaults cannot be read.

    Of a group whose `kind` is another than the default option's, the defaults are those of an option of that kind:
    with `optimizer=adam` it is `optimizer.kind` that differs, and `beta_1` only if it is not adam.yaml's. A key that
    no option has, such as one of an older version, has NO_DEFAULT.
    """
    try:
        return [*_differences(config, _defaults_for(config), "")]
    except (OSError, KeyError, TypeError, AttributeError, yaml.YAMLError):
        return []


def _differences(ours: Mapping[str, Any], theirs: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any, Any]]:
    for key, value in ours.items():
        if not prefix and key in NOT_SHOWN:
            continue
        default = theirs.get(key, NO_DEFAULT)
        if isinstance(value, Mapping):
            yield from _differences(value, default if isinstance(default, Mapping) else {}, f"{prefix}{key}.")
        elif value != default:
            yield prefix + key, value, default


def _defaults_for(config: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults, each group's those of the kind that the config has; `kind` itself stays the default option's."""
    found = dict(defaults())
    for group, usual in found.items():
        ours = config.get(group)
        if isinstance(usual, dict) and isinstance(ours, Mapping) and KIND in usual and ours.get(KIND) != usual[KIND]:
            found[group] = _of_kind(group, ours.get(KIND)) | {KIND: usual[KIND]}
    return found


@lru_cache
def _of_kind(group: str, kind: Any) -> dict[str, Any]:
    """The option of a kind that is named like it, else the first one; {} where there is none."""
    paths = sorted((CONF / group).glob("*.yaml"), key=lambda path: (path.stem != kind, path.stem))
    options = (option(group, path.stem) for path in paths)
    return next((option for option in options if option.get(KIND) == kind), {})


@lru_cache(maxsize=1)
def defaults() -> dict[str, Any]:
    """The config that is run when nothing else is said; interpolations stay as they are written."""
    whole = _read(CONF / "config.yaml")
    groups = [entry for entry in whole.pop("defaults") if isinstance(entry, dict)]
    chosen = {group: name for entry in groups for group, name in entry.items() if name and " " not in group}
    return whole | {group: option(group, name) for group, name in chosen.items()}


def option(group: str, name: str) -> dict[str, Any]:
    """All values of an option's YAML file and of those it extends."""
    values = _read(CONF / group / f"{name}.yaml")
    for parent in values.pop("defaults", []):
        if isinstance(parent, str) and parent != "_self_":
            values = option(group, parent) | values
    return values


def _read(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))

"""What a run's config has otherwise than the project's defaults, by the YAML files alone: Hydra may be at work."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

CONF = Path(__file__).parents[2] / "conf"
NOT_SHOWN = ("name", "tags", "notes", "sweep", "reference")


def changed(config: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """(key, value, default) of each key that differs; [] where the defaults cannot be read.

    Defaults are those of the option that a run has chosen for a group where its `kind` tells it.
    """
    try:
        return [*_differences(config, _defaults(), "")]
    except (OSError, KeyError, TypeError, AttributeError, yaml.YAMLError):
        return []


def _differences(ours: Mapping[str, Any], theirs: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any, Any]]:
    for key, value in ours.items():
        if not prefix and key in NOT_SHOWN:
            continue
        default = theirs.get(key)
        if isinstance(value, Mapping):
            yield from _differences(value, default if isinstance(default, Mapping) else {}, f"{prefix}{key}.")
        elif value != default:
            yield prefix + key, value, default


@lru_cache(maxsize=1)
def _defaults() -> dict[str, Any]:
    whole = _read(CONF / "config.yaml")
    groups = [entry for entry in whole.pop("defaults") if isinstance(entry, dict)]
    chosen = {group: option for entry in groups for group, option in entry.items() if option and " " not in group}
    return whole | {group: _option(group, option) for group, option in chosen.items()}


def _option(group: str, name: str) -> dict[str, Any]:
    values = _read(CONF / group / f"{name}.yaml")
    for parent in values.pop("defaults", []):
        if isinstance(parent, str) and parent != "_self_":
            values = _option(group, parent) | values
    return values


def _read(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))

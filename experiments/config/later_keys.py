"""Configs of runs that began before a key existed: what the key would have said of them."""

from typing import Any

LATER: dict[str, Any] = {
    "trainer": {"tensorboard": False, "keep_checkpoints": True},
    "tracker": {"kind": "none"},
    "sweep": {"n_trials": None, "sampler": "tpe", "pruner": "median"},
    "reference": None,
    "tags": [],
    "notes": None,
}


def with_later_keys(values: Any) -> Any:
    """A run's own config with the keys that came later; its other keys stay as they are."""
    return _filled(values, LATER)


def _filled(values: Any, later: dict[str, Any]) -> Any:
    if not isinstance(values, dict):
        return values
    added = {key: value for key, value in later.items() if key not in values}
    return {
        key: _filled(value, later[key]) if isinstance(later.get(key), dict) else value for key, value in values.items()
    } | added

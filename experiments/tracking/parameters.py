"""A config as the flat table that trackers show."""

from collections.abc import Iterator
from typing import Any

from experiments.config import ExperimentConfig

# How a run is tracked and swept is none of what was tried.
LEFT_OUT = {"tracker", "sweep"}


def flat(config: ExperimentConfig) -> dict[str, Any]:
    """Dotted key → value: `{"model.hidden_units": [128, 64], …}`."""
    return dict(_flat(config.model_dump(exclude=LEFT_OUT), ""))


def _flat(values: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def metrics(record: dict[str, Any]) -> dict[str, float]:
    """The metrics of the trained network in run.json: `{"test.accuracy": …}`, finite ones only."""
    return {
        f"{split}.{name}": value
        for split, values in record["metrics"].items()
        for name, value in values.items()
        if value is not None and abs(value) < float("inf")
    }

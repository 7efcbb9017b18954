"""A run beside what was published of its experiment: which figures agree, and whether it was reproduced."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments import runs
from experiments.config import ReferenceConfig
from experiments.dotted import value_at
from experiments.errors import UserError
from experiments.history import History
from experiments.reports import saved

METRICS = {
    "loss": "training loss",
    "accuracy": "training accuracy",
    "val_loss": "validation loss",
    "val_accuracy": "validation accuracy",
}


@dataclass(frozen=True)
class Check:
    """One published figure, ours (None where the run has none) and how far apart they may be."""

    what: str
    published: float
    ours: float | None
    tolerance: float

    @property
    def difference(self) -> float | None:
        return None if self.ours is None else self.ours - self.published

    @property
    def agrees(self) -> bool:
        # Half of the last printed digit: published figures are rounded.
        return self.difference is not None and abs(self.difference) <= self.tolerance + 5e-5


@dataclass(frozen=True)
class Reproduction:
    """Everything that is compared. `deviations`: what this run's config has otherwise, (key, ours, published)."""

    reference: ReferenceConfig
    final: Check
    curve: list[Check]
    classes: list[Check]
    deviations: list[tuple[str, Any, Any]]

    @property
    def checks(self) -> list[Check]:
        return [self.final, *self.curve, *self.classes]

    @property
    def is_reproduced(self) -> bool:
        return all(check.agrees for check in self.checks)

    @property
    def verdict(self) -> str:
        """In one sentence."""
        agree = sum(check.agrees for check in self.checks)
        ours = "no test accuracy" if self.final.ours is None else f"test accuracy {self.final.ours:.4f}"
        beside = f"{ours}, published {self.final.published:.4f} (± {self.final.tolerance:g} counts)"
        if self.is_reproduced:
            return f"Reproduced: {beside}; all {len(self.checks)} published figures agree within their tolerances."
        missed = [check.what for check in self.checks if not check.agrees]
        named = ", ".join(missed[:3]) + (f" and {len(missed) - 3} more" if len(missed) > 3 else "")
        return f"Not reproduced: {beside}; {agree} of {len(self.checks)} published figures agree, not {named}."


def of_run(folder: Path, reference: ReferenceConfig | None = None) -> Reproduction | None:
    """A run's folder beside the reference of its config, or another; None where there is neither.

    Raises:
        UserError: no run, or its reference cannot be understood.
    """
    from pydantic import ValidationError

    record = runs.read(folder)
    values = (record.get("config") or {}).get("reference")
    if reference is None and values is None:
        return None
    if reference is None:
        try:
            reference = ReferenceConfig.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            raise UserError(f"{folder / runs.RECORD}: config.reference.{key}: {first['msg']}") from None
    return compare(reference, record, saved.history(folder), saved.classification_report(folder))


def compare(reference: ReferenceConfig, record: Mapping[str, Any], history: History, report: Any) -> Reproduction:
    """`record` as in run.json; `report` as in classification_report.json, or None."""
    test = (record.get("metrics") or {}).get("test") or {}
    return Reproduction(
        reference=reference,
        final=Check("test accuracy", reference.accuracy, test.get("accuracy"), reference.tolerance.accuracy),
        curve=list(_curve(reference, history)),
        classes=list(_classes(reference, report)),
        deviations=list(_deviations(reference, record.get("config") or {})),
    )


def _curve(reference: ReferenceConfig, history: History) -> Iterator[Check]:
    ours = {epoch.epoch: epoch for epoch in history.epochs}
    for point in reference.curve:
        tolerance = [each for each in reference.tolerance.curve if each.from_epoch <= point.epoch][-1]
        for metric, words in METRICS.items():
            yield Check(
                f"{words} of epoch {point.epoch}",
                getattr(point, metric),
                getattr(ours.get(point.epoch), metric, None),
                getattr(tolerance, metric),
            )


def _classes(reference: ReferenceConfig, report: Any) -> Iterator[Check]:
    rows = {row["name"]: row["f1-score"] for row in (report or {}).get("classes", [])}
    for each in reference.classes:
        yield Check(f"F1 of class {each.name}", each.f1, rows.get(each.name), reference.tolerance.f1)


def _deviations(reference: ReferenceConfig, config: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for key, published in reference.setting.items():
        ours = value_at(config, key)
        if ours != published:
            yield key, ours, published


def as_json(found: Reproduction) -> dict[str, Any]:
    """Plain values of everything that was compared."""
    return {
        "reproduced": found.is_reproduced,
        "verdict": found.verdict,
        "source": found.reference.source,
        "deviations": [{"key": key, "ours": ours, "published": published} for key, ours, published in found.deviations],
        "checks": [
            {
                "what": check.what,
                "published": check.published,
                "ours": check.ours,
                "tolerance": check.tolerance,
                "agrees": check.agrees,
            }
            for check in found.checks
        ],
    }

"""A run beside what was published of its experiment: which figures agree, and whether it was reproduced."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

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
    """One published figure, ours (None where the run has none) and how far apart they may be.

    `comparable` is False where the run did not train the epochs that the published figure is of.
    """

    what: str
    published: float
    ours: float | None
    tolerance: float
    comparable: bool = True

    @property
    def difference(self) -> float | None:
        return None if self.ours is None else self.ours - self.published

    @property
    def agrees(self) -> bool:
        # Half of the last printed digit: published figures are rounded.
        within = self.difference is not None and abs(self.difference) <= self.tolerance + 5e-5
        return self.comparable and within

    @property
    def status(self) -> Literal["agrees", "does not agree", "not comparable"]:
        if not self.comparable or self.ours is None:
            return "not comparable"
        return "agrees" if self.agrees else "does not agree"


@dataclass(frozen=True)
class Reproduction:
    """Everything that is compared. `deviations`: what this run's config has otherwise, (key, ours, published).

    `epochs`: how many the run trained; `published_epochs`: how many the published training had, None where the
    reference does not say. `ended`: how the run's record says that it ended.
    """

    reference: ReferenceConfig
    final: Check
    curve: list[Check]
    classes: list[Check]
    deviations: list[tuple[str, Any, Any]]
    epochs: int
    published_epochs: int | None
    ended: str

    @property
    def checks(self) -> list[Check]:
        return [self.final, *self.curve, *self.classes]

    @property
    def is_reproduced(self) -> bool:
        return all(check.agrees for check in self.checks)

    @property
    def is_contradicted(self) -> bool:
        """Whether a figure that can be compared does not agree."""
        return any(check.status == "does not agree" for check in self.checks)

    @property
    def verdict(self) -> str:
        """What came out, in words."""
        if self.is_reproduced:
            return (
                f"Reproduced: {self._beside}; all {len(self.checks)} published figures agree within their tolerances."
            )
        compared = [check for check in self.checks if check.status != "not comparable"]
        agree = [check for check in compared if check.agrees]
        left_out = [check for check in self.checks if check.status == "not comparable"]
        missed = _named([check for check in compared if not check.agrees])
        if not left_out:
            how_many = f"{len(agree)} of {len(compared)} published figures agree"
            return f"Not reproduced: {self._beside}; {how_many}, not {missed}."
        text = (
            f"Not reproduced: {self._why_not_comparable}. {len(left_out)} of {len(self.checks)} published figures are"
            f" not comparable: {_named(left_out)}."
        )
        if not compared:
            return text
        if len(agree) == len(compared):
            return f"{text} The other {len(compared)} agree within their tolerances."
        return f"{text} Of the other {len(compared)}, {len(agree)} agree, not {missed}."

    @property
    def _beside(self) -> str:
        ours = "no test accuracy" if self.final.ours is None else f"test accuracy {self.final.ours:.4f}"
        return f"{ours}, published {self.final.published:.4f} (± {self.final.tolerance:g} counts)"

    @property
    def _why_not_comparable(self) -> str:
        trained = f"{self.epochs} epoch{'' if self.epochs == 1 else 's'}"
        published = self.published_epochs
        if published is not None and self.epochs > published:
            return f"the run trained {trained}, the published training had {published}"
        if published is not None and self.epochs < published:
            how = "" if self.ended == "completed" else f" and is {self.ended}"
            return f"the run trained {self.epochs} of {published} epochs{how}"
        how = "" if self.ended == "completed" else f", is {self.ended}"
        return f"the run trained {trained}{how} and lacks figures that were published"


def _named(checks: list[Check]) -> str:
    more = f" and {len(checks) - 3} more" if len(checks) > 3 else ""
    return ", ".join(check.what for check in checks[:3]) + more


def of_run(folder: Path, reference: ReferenceConfig | None = None) -> Reproduction | None:
    """A run's folder beside the reference of its config, or another; None where there is neither.

    Raises:
        UserError: no run, or its reference cannot be understood.
    """
    from pydantic import ValidationError

    record = runs.received(folder)
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
    """`record` as in run.json; `report` as in classification_report.json, or None.

    Figures of the end (test accuracy, classes) compare only where the run trained as many epochs as were published.
    """
    test = (record.get("metrics") or {}).get("test") or {}
    trained, published = len(history.epochs), reference.setting.get("trainer.epochs")
    last = max((point.epoch for point in reference.curve), default=0)
    to_the_end = trained == published if isinstance(published, int) else trained >= last
    tolerance = reference.tolerance
    return Reproduction(
        reference=reference,
        final=Check("test accuracy", reference.accuracy, test.get("accuracy"), tolerance.accuracy, to_the_end),
        curve=list(_curve(reference, history)),
        classes=list(_classes(reference, report, to_the_end)),
        deviations=list(_deviations(reference, record.get("config") or {})),
        epochs=trained,
        published_epochs=published if isinstance(published, int) else last if trained < last else None,
        ended=str(record.get("status")),
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
                comparable=point.epoch in ours,
            )


def _classes(reference: ReferenceConfig, report: Any, to_the_end: bool) -> Iterator[Check]:
    rows = {row["name"]: row["f1-score"] for row in (report or {}).get("classes", [])}
    for each in reference.classes:
        yield Check(f"F1 of class {each.name}", each.f1, rows.get(each.name), reference.tolerance.f1, to_the_end)


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
        "epochs": {"ours": found.epochs, "published": found.published_epochs},
        "source": found.reference.source,
        "deviations": [{"key": key, "ours": ours, "published": published} for key, ours, published in found.deviations],
        "checks": [
            {
                "what": check.what,
                "published": check.published,
                "ours": check.ours,
                "tolerance": check.tolerance,
                "agrees": check.agrees,
                "status": check.status,
            }
            for check in found.checks
        ],
    }

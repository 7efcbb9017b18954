"""A run's saved model scored again: on the run's own data, or on other data of the same shape and number of classes."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from experiments import datasets, runs, saved_models
from experiments.config import DatasetConfig, ExperimentConfig
from experiments.datasets import Dataset
from experiments.datasets.catalogue import CATALOGUE
from experiments.dotted import value_at
from experiments.errors import UserError
from experiments.evaluation import classification_report, evaluate, wilson_interval
from experiments.familiarity import unlike
from experiments.rows import Layout
from experiments.text import plain

DATASETS = Path(__file__).parents[1] / "conf" / "dataset"
SAME_LOSS = 1e-6  # relative; other machines sum in another order


@dataclass(frozen=True)
class Rescored:
    """What a saved model is worth on one split; `interval` is accuracy's Wilson interval of 95 %.

    `recorded` is what run.json says of the same split, None where it says nothing or the data is not the run's own.
    """

    dataset: Dataset
    split: str
    rows: int
    loss: float
    accuracy: float
    interval: tuple[float, float]
    report: str
    per_class: dict[str, Any]
    recorded: dict[str, float | None] | None
    warnings: tuple[str, ...]

    @property
    def equals_recorded(self) -> bool | None:
        if self.recorded is None:
            return None
        then = self.recorded.get("loss")  # None where it was no number
        same_loss = math.isnan(self.loss) if then is None else math.isclose(self.loss, then, rel_tol=SAME_LOSS)
        return same_loss and self.accuracy == self.recorded.get("accuracy")

    def as_json(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset.name,
            "source": self.dataset.source,
            "fingerprint": self.dataset.fingerprint,
            "split": self.split,
            "rows": self.rows,
            "loss": self.loss,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "recorded": self.recorded,
            "equals_recorded": self.equals_recorded,
            "warnings": list(self.warnings),
            "report": self.per_class,
        }


def rescore(
    folder: Path, name: str | None, path: Path | None, split: Literal["test", "validation", "train"]
) -> Rescored:
    """Score a run's saved model; nothing is written.

    `name` is another data set's, taken as its YAML says; `path` is where the data lies, in place of where it lay.

    Raises:
        UserError: no run or no model, the data is not found, or its shape or classes are not the model's.
    """
    layout = saved_models.layout(folder)
    record = runs.received(folder)
    config = runs.unchanged_config(folder, record)
    chosen_data = _data(config, name, path, split)
    known = CATALOGUE[chosen_data.kind]
    _check_fit(layout, folder, known.name, known.shape, known.class_names)  # before anything is downloaded
    dataset = datasets.load(chosen_data)

    from experiments import session

    session.start(config.seed)
    chosen = getattr(dataset, split)
    evaluation = evaluate(saved_models.load(folder), chosen)
    text, per_class = classification_report(evaluation, dataset.class_names)
    correct = int((evaluation.y_pred == evaluation.y_true).sum())
    warnings = _warnings(layout, dataset, record["dataset"].get("fingerprint") if name is None else None)
    return Rescored(
        dataset=dataset,
        split=split,
        rows=len(chosen),
        loss=evaluation.loss,
        accuracy=evaluation.accuracy,
        interval=wilson_interval(correct, len(chosen)),
        report=text,
        per_class=per_class,
        recorded=(record.get("metrics") or {}).get(split) if name is None and not warnings else None,
        warnings=(*warnings, *([] if name is None and path is None else _of_other_data(dataset, split, record))),
    )


def _data(config: ExperimentConfig, name: str | None, path: Path | None, split: str) -> DatasetConfig:
    """The run's own data, or another data set as its YAML file says, looked for in the cache that the run used.

    Raises:
        UserError: `name` is no data set's.
    """
    own = config.dataset
    if name is None:
        return own if path is None else own.model_copy(update={"path": str(path)})
    if name not in datasets.NAMES:
        from experiments.config.mistakes import nearest

        raise UserError(
            f"--dataset: received {name!r}, expected one of {', '.join(datasets.NAMES)}.{nearest(name, datasets.NAMES)}"
        )
    values = yaml.safe_load((DATASETS / f"{name}.yaml").read_text(encoding="utf-8"))
    here = {"path": None if path is None else str(path), "cache_dir": own.cache_dir, "mirror": own.mirror}
    if split == "test":
        here["validation"] = "test"  # which leaves the training rows whole, however few
    return DatasetConfig.model_validate(values | here)


def _of_other_data(dataset: Dataset, split: str, record: dict[str, Any]) -> Iterator[str]:
    """A warning where the samples are unlike those that the model was trained on."""
    text = unlike(getattr(dataset, split).x, dataset.scale, value_at(record, "dataset.statistics"))
    if text:
        yield f"{plain(dataset.source)}: {text}"


def _warnings(layout: Layout, dataset: Dataset, fingerprint: str | None) -> tuple[str, ...]:
    """What makes a score another than the run's; `fingerprint` is that of the run's data, None for other data."""
    found = []
    if fingerprint not in (None, dataset.fingerprint):
        found.append(
            f"{plain(dataset.source)}: the data has the fingerprint {dataset.fingerprint}, expected"
            f" {plain(fingerprint)}, with which the run was trained"
        )
    pairs = zip(dataset.class_names, layout.class_names, strict=True)
    other = next(((ours, theirs) for ours, theirs in pairs if ours != theirs), None)
    if other:
        ours, theirs = map(plain, other)
        found.append(f"{dataset.name}: its classes have other names ({ours}) than the model's ({theirs})")
    return tuple(found)


def _check_fit(layout: Layout, folder: Path, name: str, shape: tuple[int, ...], class_names: tuple[str, ...]) -> None:
    """The data is what the model takes and answers.

    Raises:
        UserError: it is not; both are named.
    """
    wrong = []
    if shape != layout.shape:
        wrong.append(f"rows of shape {shape}, expected {layout.shape}")
    if len(class_names) != len(layout.class_names):
        wrong.append(f"{len(class_names)} classes, expected {len(layout.class_names)}")
    if wrong:
        raise UserError(
            f"{name}: has {' and '.join(wrong)}, which the model of {plain(folder)} takes."
            " Name data of that shape with --dataset, or another run."
        )

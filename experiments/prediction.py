"""Files → rows → a saved model's answers on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments import rows, runs, saved_models
from experiments.dotted import value_at
from experiments.familiarity import unlike
from experiments.text import plain


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model says of one row of a file; probabilities: (classes,) float32."""

    file: Path
    row: int
    probabilities: np.ndarray
    class_names: Sequence[str]

    @property
    def ranking(self) -> list[tuple[str, float]]:
        """Each class by name with its probability, most probable first."""
        return [(self.class_names[index], float(self.probabilities[index])) for index in self._order]

    @property
    def _order(self) -> list[int]:
        return [int(index) for index in np.argsort(-self.probabilities, kind="stable")]

    def as_json(self) -> dict[str, Any]:
        name, probability = self.ranking[0]
        return {
            "file": str(self.file),
            "row": self.row,
            "class": name,
            "index": self._order[0],
            "probability": probability,
            "probabilities": [float(value) for value in self.probabilities],
        }


def predict(folder: Path, files: Sequence[Path]) -> tuple[list[Answer], list[str]]:
    """Answers of a run's saved model on all rows of the files, in order, and what is to be known of them.

    That is a line for each image that was changed, and a warning for each file whose samples are unlike those that the
    model was trained on.

    Raises:
        UserError: no run or no model, or files that do not fit, all of them at once, before anything is predicted.
    """
    layout = saved_models.layout(folder)
    read = rows.read(files, layout)

    from experiments import evaluation, session

    session.start(0)
    model = saved_models.load(folder)
    probabilities = evaluation.probabilities(model, np.concatenate([each.x for each in read]))
    places = [(each.file, row) for each in read for row in range(len(each.x))]
    answers = [
        Answer(file, row, given, layout.class_names) for (file, row), given in zip(places, probabilities, strict=True)
    ]
    notes = [f"{plain(each.file)}: {each.note}" for each in read if each.note]
    return answers, notes + _warnings(read, layout, value_at(runs.read(folder), "dataset.statistics"))


def _warnings(read: Sequence[rows.Rows], layout: rows.Layout, trained_on: Any) -> list[str]:
    if not layout.images:
        return []
    found = ((each.file, unlike(each.x, layout.scale, trained_on)) for each in read)
    return [f"warning: {plain(file)}: {text}" for file, text in found if text]

"""Whether images are like those that a network was trained on: of others its answers mean little, sure as they look."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.datasets.statistics import STATISTICS, of_samples

MARGIN = 1.0  # standard deviations beyond the least and the most of the training samples …
SMALLEST_MARGIN = 0.1  # … and at least so much, of pixels in [0, 1]
SHARE = 0.01  # of a file's samples that may lie outside without a word; one sample may not
WORDS = {
    "mean": "mean brightness",
    "border": "brightness of the border",
    "range": "difference of the lightest and the darkest pixel",
}

_KEYS = ("least", "most", "mean", "standard_deviation")

Bounds = dict[str, tuple[float, float]]


def unlike(x: np.ndarray, scale: float, trained_on: Any) -> str:
    """In words how images (n, height, width[, channels]) differ from the training samples, "" where they do not.

    `trained_on` is what run.json says of those (`dataset.statistics`); where it says nothing, nothing is told.
    """
    bounds = _bounds(trained_on)
    if bounds is None or x.ndim not in (3, 4) or not len(x):
        return ""
    found = of_samples(x, scale)
    outside = {name: ~_within(values, bounds[name]) for name, values in found.items()}
    strange = np.any(list(outside.values()), axis=0)
    if strange.sum() <= SHARE * len(x):
        return ""
    name = max(STATISTICS, key=lambda each: int(outside[each].sum()))
    ours = float(np.median(found[name][strange]))
    whose = "it is" if len(x) == 1 else f"{int(strange.sum()):,} of {len(x):,} samples are"
    text = (
        f"{whose} unlike the training samples ({WORDS[name]} {ours:.2f}, there"
        f" {trained_on[name]['least']:.2f} to {trained_on[name]['most']:.2f}, of 0 to 1)"
    )
    if _inverted({name: values[strange] for name, values in found.items()}, bounds):
        light = trained_on["border"]["mean"] > trained_on["mean"]["mean"]
        there, here = ("dark on light", "light on dark") if light else ("light on dark", "dark on light")
        return f"{text}: it looks {here} where they are {there}. Invert it; the answer means little."
    return f"{text}. The answer means little: see whether it is scaled, cut out and coloured as they are."


def _bounds(trained_on: Any) -> Bounds | None:
    """Where each statistic may lie; None where a record does not say."""
    found: Bounds = {}
    for name in STATISTICS:
        known = trained_on.get(name) if isinstance(trained_on, Mapping) else None
        given = [known.get(key) for key in _KEYS] if isinstance(known, Mapping) else []
        numbers = [float(number) for number in given if isinstance(number, float | int)]
        if len(numbers) != len(_KEYS):
            return None
        least, most, _, deviation = numbers
        margin = max(MARGIN * deviation, SMALLEST_MARGIN)
        found[name] = (least - margin, most + margin)
    return found


def _within(values: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    return (bounds[0] <= values) & (values <= bounds[1])


def _inverted(found: Mapping[str, np.ndarray], bounds: Bounds) -> bool:
    """Whether most of these samples would be like the training samples if dark and light were exchanged."""
    fits = [_within(1 - found[name], bounds[name]) for name in ("mean", "border")]
    return bool(np.mean(np.all([*fits, _within(found["range"], bounds["range"])], axis=0)) > 0.5)

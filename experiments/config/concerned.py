"""Which points of a sweep a mistake concerns."""

from collections.abc import Sequence

from experiments.config.expectations import listed

Point = tuple[str, ...]


def with_points(line: str, wrong: Sequence[Point], points: Sequence[Point]) -> str:
    """The line about a mistake that `wrong` of all `points` have, with the swept values that lead to it.

    Nothing is added where all have it, or where it is the swept value itself that the line is about.
    """
    if len(wrong) == len(points):
        return line
    said = f"{line.rstrip('.?')}{'?' if line.endswith('?') else '.'} This is so"
    for position in range(len(points[0])):
        texts = dict.fromkeys(point[position] for point in wrong)
        if sum(point[position] in texts for point in points) == len(wrong):
            key = next(iter(texts)).lstrip("+").partition("=")[0]
            return line if line.startswith(f"{key}:") else f"{said} with {listed(list(texts))}."
    return f"{said} in {len(wrong)} of {len(points)} points, such as {', '.join(wrong[0])}."

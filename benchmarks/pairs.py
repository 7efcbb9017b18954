"""Two sides timed in turns, and their ratio with its spread."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]


def seconds(data: str, *command: str) -> float:
    """Seconds that a Python program takes from start to end, in an empty folder; EXPERIMENTS_DATA is `data`."""
    environment = os.environ | {"EXPERIMENTS_DATA": data}
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, *command], cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - started


def compare(theirs: Callable[[], float], ours: dict[str, Callable[[], float]], pairs: int) -> None:
    """Time both sides `pairs` times in turns and print medians, the median ratio and its extremes."""
    rows: list[tuple[float, dict[str, float]]] = []
    for number in range(1, pairs + 1):
        rows.append((theirs(), {name: side() for name, side in ours.items()}))
        said = ", ".join(f"{name} {value:.1f} s" for name, value in rows[-1][1].items())
        print(f"pair {number}: scripts {rows[-1][0]:.1f} s, {said}", flush=True)
    for name in ours:
        ratios = [script / sides[name] for script, sides in rows]
        print(
            f"{name}: scripts {statistics.median(row[0] for row in rows):.1f} s,"
            f" ours {statistics.median(row[1][name] for row in rows):.1f} s;"
            f" ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )

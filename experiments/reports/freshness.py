"""Whether a run's plots and page show the run as it is now: each carries the digest of all it was made from."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments import runs
from experiments.received import open_regular, read_bytes
from experiments.reports.saved import PREDICTIONS, REPORT

PAGE = "report.html"
PLOTS = "plots"
DRAWING = 1  # raised when plots or pages come to show the same run in another way
KEY = "made-from"  # of a PNG's text, and of a page's meta element
LARGEST = 4_000_000_000  # bytes of a file that is shown
HEAD_BYTES = 4096  # in which a file says what it was made from

# What a run's record says and no plot shows.
NOT_PLOTTED = {
    "name", "tags", "notes", "command", "pid", "started_at", "resumed_at", "finished_at", "duration_seconds",
    "environment", "throughput", "reused_from",
}  # fmt: skip


def expected_plots(record: Mapping[str, Any]) -> list[str]:
    """The plots that a run should have, an unfinished one too; `record` is its run.json."""
    epochs, dataset = record.get("epochs_completed") or 0, record.get("dataset") or {}
    test = (record.get("metrics") or {}).get("test") if dataset else None
    found = {
        "training_curves.png": epochs > 0,
        "diagnosis.png": epochs > 1,
        "beside_published.png": epochs > 0 and (record.get("config") or {}).get("reference") is not None,
        "confusion_matrix.png": test is not None,
        "calibration.png": test is not None,
        "sample_predictions.png": test is not None and dataset.get("rows") == "images",
        "worst_mistakes.png": test is not None and dataset.get("rows") == "images" and test["accuracy"] != 1,
    }
    return [name for name, is_drawn in found.items() if is_drawn]


def of_plots(folder: Path) -> str:
    """The digest of what the plots of a run are made from.

    Raises:
        UserError: the folder holds no run.
    """
    record = {key: value for key, value in runs.read(folder).items() if key not in NOT_PLOTTED}
    return _digest(record, folder, (runs.HISTORY, f"{REPORT}.json", PREDICTIONS))


def of_page(folder: Path) -> str:
    """The digest of what the page of a run is made from, the plots among it.

    Raises:
        UserError: the folder holds no run.
    """
    record = {key: value for key, value in runs.read(folder).items() if key != "pid"}
    plots = {path.name: made_from(path) for path in sorted((folder / PLOTS).glob("*.png"))}
    files = (runs.HISTORY, runs.CONFIG, f"{REPORT}.json", PREDICTIONS)
    return _digest({"record": record, "plots": plots}, folder, files)


def made_from(path: Path) -> str | None:
    """The digest that a PNG or a page carries; None where there is none, or no such file."""
    try:
        with open_regular(path) as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return None
    of_png, of_page = rb"tEXtmade-from\0", rb'<meta name="made-from" content="'
    found = re.search(rb"(?:" + of_png + rb"|" + of_page + rb")([0-9a-f]{64})", head)
    return found[1].decode() if found else None


def stale_plots(folder: Path) -> list[str]:
    """Names of the plots that are missing or show something else.

    Raises:
        UserError: the folder holds no run.
    """
    current = of_plots(folder)
    return [name for name in expected_plots(runs.read(folder)) if made_from(folder / PLOTS / name) != current]


def is_fresh(folder: Path) -> bool:
    """Whether all plots and the page of a run show it as it is.

    Raises:
        UserError: the folder holds no run.
    """
    return not stale_plots(folder) and made_from(folder / PAGE) == of_page(folder)


def _digest(values: Any, folder: Path, files: tuple[str, ...]) -> str:
    digest = hashlib.sha256(f"{DRAWING} {json.dumps(values, sort_keys=True)}".encode())
    for name in files:
        path = folder / name
        content = read_bytes(path, "a file of the run", LARGEST) if path.is_file() else b""
        digest.update(f"\n{name} {len(content)} ".encode() + content)
    return digest.hexdigest()

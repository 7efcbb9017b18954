"""The last files of a run, drawn from its other files: what is missing or out of date is made again."""

import logging
from collections.abc import Callable
from pathlib import Path

from experiments import diagnosis, plots, reports, runs
from experiments.config import ReferenceConfig
from experiments.datasets import Dataset
from experiments.errors import ReportsMissing
from experiments.reports import freshness, saved
from experiments.signals import Interrupted, stop

log = logging.getLogger(__name__)


def draw(folder: Path, reference: ReferenceConfig | None, dataset: Callable[[], Dataset]) -> None:
    """Make the plots and the page of a run that do not show it as it is; one that fails keeps no other from it.

    `dataset` is called where a plot shows images.

    Raises:
        Interrupted: by a signal, between two of them.
        ReportsMissing: some could not be made.
        UserError: the folder holds no run.
    """
    record, history, evaluation = runs.read(folder), saved.history(folder), saved.evaluation(folder)
    findings = diagnosis.diagnose(history, record)
    class_names = (record.get("dataset") or {}).get("class_names", [])
    made_from = freshness.of_plots(folder)
    figures = plots.of_run(
        history, evaluation, dataset, class_names=class_names, reference=reference, findings=findings
    )

    def plot(name: str) -> None:
        reports.write_plots(folder, {name: figures[name]()}, made_from)

    causes: dict[str, Exception] = {}
    for name in freshness.stale_plots(folder):
        _try(f"{freshness.PLOTS}/{name}", lambda name=name: plot(name), causes)  # type: ignore[misc]
    if causes or not freshness.is_fresh(folder):
        _try(freshness.PAGE, lambda: reports.write_html(folder), causes)
    if causes:
        raise ReportsMissing(folder, record["status"], causes)


def _try(name: str, write: Callable[[], object], causes: dict[str, Exception]) -> None:
    try:
        stop.check()
        write()
    except Interrupted:
        raise
    except Exception as error:  # a full disk, data that is gone: the training is done all the same
        log.info("%s could not be written.", name, exc_info=True)
        causes[name] = error

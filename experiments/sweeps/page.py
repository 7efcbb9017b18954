"""The sweep's folder → sweep.html and plots/."""

from pathlib import Path

from experiments import reports
from experiments.files import write_text
from experiments.reports.pages import environment, picture
from experiments.sweeps import plots
from experiments.sweeps.leaderboard import Leaderboard
from experiments.sweeps.ledger import Ledger

PAGE = "sweep.html"
ALT = {
    "curves": "The metric of every job, epoch by epoch",
    "heat_map": "The mean metric for each pair of values of the two swept keys",
}


def write_page(ledger: Ledger, board: Leaderboard) -> Path:
    """Draw what there is and write sweep.html, one self-contained page."""
    figures = plots.of_sweep(board)
    reports.write_plots(ledger.folder, figures)
    names = [name.removesuffix(".png") for name in figures]
    alts = {name: ALT.get(name, f"{board.metric} of each job against {name.removeprefix('by_')}") for name in names}
    html = (
        environment()
        .get_template("sweep.html.j2")
        .render(
            plan=ledger.plan,
            board=board,
            keys=[key for key in board.keys if key != "seed"] or board.keys,
            failures=[state for state in board.states if state.status not in ("completed", "pending", "running")],
            plots=[picture(ledger.folder / "plots" / f"{name}.png", name, alts[name]) for name in names],
            folder=str(ledger.folder),
        )
    )
    write_text(ledger.folder / PAGE, html)
    return ledger.folder / PAGE

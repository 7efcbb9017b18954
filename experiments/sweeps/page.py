"""The sweep's folder → sweep.html and plots/."""

from pathlib import Path
from urllib.parse import quote

from experiments import folders, reports
from experiments.files import write_text
from experiments.reports.pages import environment, picture
from experiments.sweeps import plots, table
from experiments.sweeps.leaderboard import Leaderboard
from experiments.sweeps.ledger import PENDING, PRUNED, Ledger

PAGE = folders.SWEEP_PAGE
ENDED_WELL_OR_NOT_YET = ("completed", PRUNED, PENDING, "running")
ALT = {
    "curves": "The metric of every job, epoch by epoch",
    "heat_map": "The mean metric for each pair of values of the two swept keys",
    "search_history": "The metric of each trial in the order they were chosen, and the best so far",
}


def write_page(ledger: Ledger, board: Leaderboard) -> Path:
    """Draw what there is and write sweep.html, one self-contained page."""
    figures = plots.of_sweep(board)
    shares: dict[str, float] = {}
    if ledger.search:
        from experiments.sweeps.search import importances

        figures["search_history.png"] = plots.search_history(board)
        shares = importances(ledger)
    if shares:
        figures["importances.png"] = plots.importances(shares, board.metric)
    reports.write_plots(ledger.folder, figures)
    names = [name.removesuffix(".png") for name in figures]
    said = ", ".join(f"{key} {share:.0%}" for key, share in shares.items())
    alts = {name: ALT.get(name, f"{board.metric} of each job against {name.removeprefix('by_')}") for name in names}
    alts["importances"] = f"Share of each searched key in the differences of {board.metric}: {said}"
    html = (
        environment()
        .get_template("sweep.html.j2")
        .render(
            plan=ledger.plan,
            board=board,
            links=_links(board),
            groups=(table.heading(board), table.groups(board)),
            jobs=(table.job_heading(board), table.jobs(board)) if board.is_repeated else None,
            failures=[
                state for state in board.states if state.status not in ("completed", PRUNED, "pending", "running")
            ],
            plots=[picture(ledger.folder / "plots" / f"{name}.png", name, alts[name]) for name in names],
            folder=str(ledger.folder),
        )
    )
    write_text(ledger.folder / PAGE, html)
    return ledger.folder / PAGE


def _links(board: Leaderboard) -> dict[str, str]:
    """The pages of jobs that have one, from the sweep's page: the whole folder can be moved."""
    pages = {state.folder.name: state.folder / reports.PAGE for state in board.states}
    return {name: f"{quote(name)}/{reports.PAGE}" for name, page in pages.items() if page.is_file()}

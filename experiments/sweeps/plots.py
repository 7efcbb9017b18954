"""Leaderboard → figures: the metric against each swept key, all curves, a heat map for two keys."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.errors import UserError
from experiments.history import History
from experiments.plots import styled
from experiments.reports import saved
from experiments.sweeps.leaderboard import SEED, Leaderboard, described
from experiments.sweeps.ledger import PRUNED, State
from experiments.text import plain

log = logging.getLogger(__name__)

MANY = 10  # values of a key, up to which their means are drawn
NAMED = 24  # curves, up to which each has a name of its own in the legend
BEST = 10  # of more curves, those that have
COLOURS = 10  # of Matplotlib's tab10; from one ten of curves to the next, the line changes
LINES = ("-", "--", ":")
DASH = 0.12  # half of that at a mean; values that are no numbers are 1 apart
OTHERS = "#a9a9a9"
DIVERGED = "#c62828"


def of_sweep(board: Leaderboard) -> dict[str, Figure]:
    """File name → figure: all that can be drawn of a sweep, of an unfinished one too."""
    keys = [key for key in board.keys if key != SEED]
    figures = {f"by_{key.replace('/', '.')}.png": by_key(board, key) for key in keys or board.keys}
    if curves := _histories(board):
        figures["curves.png"] = all_curves(curves, board.metric)
    if len(keys) == 2 and any(group.ranked.values for group in board.groups) and _is_grid(board, keys):
        figures["heat_map.png"] = heat_map(board, keys[0], keys[1])
    return figures


@styled
def by_key(board: Leaderboard, key: str) -> Figure:
    """The metric against one swept key: a point a job, and the means: a line through those of numbers, a dash at those
    of other values. Jobs without a result lie below.
    """
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    texts = [state.job.swept.get(key, "") for state in board.states]
    positions, is_number = _positions(texts)
    values = [state.metric(board.metric) if state.status == "completed" else None for state in board.states]
    done = [(x, y) for x, y in zip(positions, values, strict=True) if y is not None]
    if done:
        _means(axes, done, joined=is_number and key != SEED)  # nothing lies between two seeds, or two optimizers
        axes.plot(*zip(*done, strict=True), "o", color="#1f6feb", markersize=6, label="a job")
    pruned = [
        (x, y)
        for x, state in zip(positions, board.states, strict=True)
        if state.status == PRUNED and (y := state.metric(board.metric)) is not None
    ]
    if pruned:
        axes.plot(*zip(*pruned, strict=True), "o", color="#888888", fillstyle="none", label="pruned")
    if done or pruned:
        figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    missing: dict[float, str] = {}
    for x, y, state in zip(positions, values, board.states, strict=True):
        if y is None and state.status not in (PRUNED, missing.get(x)):
            missing[x] = f"{missing[x]}, {state.status}" if x in missing else state.status
    for x, status in missing.items():
        axes.plot([x], [0.03], "X", color=DIVERGED, markersize=9, transform=axes.get_xaxis_transform())
        axes.annotate(
            status, (x, 0.06), xycoords=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=8, color=DIVERGED
        )
    if is_number and min(positions) > 0 and max(positions) / min(positions) >= 20:
        axes.set_xscale("log")
    if not is_number or len(set(texts)) <= 12:
        ticks = dict(zip(positions, texts, strict=True))
        axes.set_xticks(
            list(ticks), [plain(text)[:24] for text in ticks.values()], rotation=0 if len(ticks) <= 6 else 45
        )
        axes.minorticks_off()
    axes.margins(x=0.06, y=0.12)
    axes.set_xlabel(plain(key))
    axes.set_ylabel(board.metric)
    axes.set_title(f"{board.metric} by {plain(key)}")
    return figure


def _means(axes: Any, done: Sequence[tuple[float, float]], joined: bool) -> None:
    at = sorted({x for x, _ in done})
    if len(at) > MANY or (len(at) == len(done) and not joined):  # a job is its own mean
        return
    means = [float(np.mean([y for x, y in done if x == here])) for here in at]
    if joined:
        axes.plot(at, means, color="#1f6feb", label="mean")
    else:
        axes.hlines(means, np.array(at) - DASH, np.array(at) + DASH, color="#1f6feb", linewidth=2, label="mean")


@styled
def all_curves(curves: dict[str, History], metric: str) -> Figure:
    """The metric of every job, epoch by epoch; `curves` best first, of which many are named only as others."""
    named = len(curves) if len(curves) <= NAMED else BEST
    figure = Figure(figsize=(8, 4.6 + 0.09 * named), layout="constrained")
    axes = figure.add_subplot()
    column = "val_" + metric.partition(".")[2]
    for number, (name, history) in enumerate(curves.items()):
        style = _style(number) if number < named else {"color": OTHERS, "linewidth": 0.8, "zorder": 1}
        label = plain(name)[:50] if number < named else f"{len(curves) - named} other jobs" if number == named else None
        marker = "o" if len(history.epochs) <= 10 and number < named else None
        axes.plot(history.column("epoch"), history.column(column), marker=marker, markersize=4, label=label, **style)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("Epoch #")
    axes.set_ylabel(metric)
    axes.set_title(f"{metric} of every job")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, title="best first", title_fontsize=8, handlelength=3)
    return figure


@styled
def heat_map(board: Leaderboard, across: str, down: str) -> Figure:
    """The mean metric for each pair of values of two keys; pairs without a result stay empty and say why."""
    columns = list(dict.fromkeys(state.job.swept.get(across, "") for state in board.states))
    lines = list(dict.fromkeys(state.job.swept.get(down, "") for state in board.states))
    values = np.full((len(lines), len(columns)), np.nan)
    figure = Figure(
        figsize=(max(5.5, 1.1 * len(columns) + 2.5), max(3.5, 0.7 * len(lines) + 1.8)), layout="constrained"
    )
    axes = figure.add_subplot()
    for group in board.groups:
        line, column = lines.index(group.swept.get(down, "")), columns.index(group.swept.get(across, ""))
        mean = group.ranked.mean
        values[line, column] = np.nan if mean is None else mean
        if mean is None:
            axes.text(column, line, group.states[0].status, ha="center", va="center", fontsize=8, color=DIVERGED)
    image = axes.imshow(values, cmap="viridis", aspect="auto")
    for (line, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            bright = float(np.asarray(image.norm(value))) > 0.6
            colour = "#111111" if bright else "white"
            axes.text(column, line, f"{value:.4f}", ha="center", va="center", fontsize=9, color=colour)
    axes.grid(False)
    axes.set_xticks(range(len(columns)), [plain(text)[:20] for text in columns])
    axes.set_yticks(range(len(lines)), [plain(text)[:20] for text in lines])
    axes.set_xlabel(plain(across))
    axes.set_ylabel(plain(down))
    axes.set_title(f"Mean {board.metric}")
    figure.colorbar(image, ax=axes)
    return figure


@styled
def search_history(board: Leaderboard) -> Figure:
    """The metric of each trial in the order in which they were chosen, and the best so far."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    sign = -1 if board.metric.endswith("loss") else 1
    found = [
        (state.job.number, value, state.status)
        for state in board.states
        if (value := state.metric(board.metric)) is not None
    ]
    for status, colour in (("completed", "#1f6feb"), (PRUNED, "#888888")):
        points = [(number, value) for number, value, each in found if each == status]
        if points:
            face = colour if status == "completed" else "none"
            axes.plot(*zip(*points, strict=True), "o", color=colour, markerfacecolor=face, label=f"a trial, {status}")
    done = [(number, value) for number, value, status in found if status == "completed"]
    if done:
        best = sign * np.maximum.accumulate([sign * value for _, value in done])
        axes.step([number for number, _ in done], best, where="post", color="#1a7f37", label="best so far")
    for state in board.states:
        if state.metric(board.metric) is None:
            axes.plot([state.job.number], [0.03], "X", color=DIVERGED, transform=axes.get_xaxis_transform())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("Trial")
    axes.set_ylabel(board.metric)
    axes.set_title("The search, trial by trial")
    if found:
        axes.legend(loc="best", fontsize=8)
    return figure


@styled
def importances(shares: dict[str, float], metric: str) -> Figure:
    """Each swept key's share in the differences of the metric."""
    figure = Figure(figsize=(8, 1.4 + 0.45 * len(shares)), layout="constrained")
    axes = figure.add_subplot()
    names = list(shares)[::-1]
    bars = axes.barh([plain(name) for name in names], [shares[name] for name in names], color="#1f6feb")
    axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=9)
    axes.set_xlim(0, 1.1)
    axes.set_xlabel(f"Share in the differences of {metric}")
    axes.set_title("Importance of the searched keys")
    return figure


def _is_grid(board: Leaderboard, keys: Sequence[str]) -> bool:
    """Whether each key has few values, as those of a search's interval are not."""
    return all(len({state.job.swept.get(key) for state in board.states}) <= MANY + 2 for key in keys)


def _positions(texts: Sequence[str]) -> tuple[list[float], bool]:
    """Where values lie along an axis: as numbers where they all are, else one beside the other."""
    try:
        return [float(text) for text in texts], True
    except ValueError:
        order = list(dict.fromkeys(texts))
        return [float(order.index(text)) for text in texts], False


def _style(number: int) -> dict[str, Any]:
    """A colour and a line that no other of NAMED curves has."""
    import matplotlib as mpl

    return {"color": mpl.colormaps["tab10"](number % COLOURS), "linestyle": LINES[number // COLOURS]}


def _histories(board: Leaderboard) -> dict[str, History]:
    """The history of each job that has one, best first; jobs without a result stand at the end."""
    sign = 1 if board.metric.endswith("loss") else -1

    def order(state: State) -> tuple[bool, float]:
        value = state.metric(board.metric)
        return value is None, sign * (value or 0.0)

    found = {}
    for state in sorted(board.states, key=order):
        try:
            history = saved.history(state.folder)
        except UserError as error:
            log.warning("its curve is left out: %s", error)
            continue
        if history.epochs:
            found[described(state.job.swept) if state.job.swept else state.folder.name] = history
    return found

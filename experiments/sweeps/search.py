"""A search: each trial's values are chosen by what came out of the trials before it (Optuna's ask and tell).

The sweep's folder is the only record. Before a value is chosen, Optuna is told all that stands there; so a search that
goes on after a kill chooses as if nothing had happened, and nothing has to be kept in step with it.
"""

import importlib.util
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np

from experiments.config.composition import Composition
from experiments.config.overrides import Interval
from experiments.config.trials import groups, with_values
from experiments.dotted import value_at
from experiments.errors import UserError
from experiments.reports import saved
from experiments.sweeps.ledger import PRUNED, Job, Ledger, State

log = logging.getLogger(__name__)

FIRST_AT_RANDOM = 0.25  # of the trials, before a model is made of them; at least 4, at most 10
PRUNED_FROM = 0.25  # of the epochs on


def check_installed() -> None:
    """Raises:
    UserError: Optuna is not installed.
    """
    if importlib.util.find_spec("optuna") is None:
        raise UserError(
            "sweep.n_trials: a search needs the package optuna, which is not installed: pip install 'optuna>=4.5'"
        )


def plan(composition: Composition) -> dict[str, Any]:
    """What sweep.json says of a search: what it chooses from, and the checked config of each choice of groups."""
    first = composition.jobs[0].config
    bases = {groups(job.overrides): job.config for job in composition.jobs}
    return {
        **first.sweep.model_dump(include={"n_trials", "sampler", "pruner"}),
        "seed": first.seed,
        "space": [_described(each) for each in composition.space],
        "bases": [{"groups": list(texts), "config": config.model_dump()} for texts, config in bases.items()],
    }


def _described(axis: Any) -> dict[str, Any]:
    if isinstance(axis, Interval):
        return {"key": axis.key, "low": axis.low, "high": axis.high, "integer": axis.is_integer, "log": axis.is_log}
    return {"key": axis.key, "texts": axis.texts}


def jobs(ledger: Ledger) -> Iterator[Job]:
    """The trials to run: those that have not ended, then new ones, each chosen when it is asked for."""
    yield from [state.job for state in ledger.states() if state.is_unfinished]
    while len(ledger.jobs) < ledger.size:
        yield _ask(ledger)


def _ask(ledger: Ledger) -> Job:
    search = ledger.plan["search"]
    study = study_of(ledger)
    trial = study.ask(_distributions(search["space"]))
    texts = [_text(axis, trial.params[axis["key"]]) for axis in search["space"]]
    base = next(each["config"] for each in search["bases"] if tuple(each["groups"]) == groups(texts))
    return ledger.add(texts, with_values(base, texts))


def study_of(ledger: Ledger) -> Any:
    """An `optuna.Study` that knows all trials of a sweep's folder, without the one to come.

    Its random state follows from the sweep's seed and the number of trials there are.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    search, states = ledger.plan["search"], ledger.states()
    seed = int(np.random.SeedSequence([search["seed"], len(states)]).generate_state(1)[0])  # neighbours are alike
    first = max(4, min(10, round(FIRST_AT_RANDOM * search["n_trials"])))
    samplers: dict[str, Any] = {
        "tpe": lambda: optuna.samplers.TPESampler(seed=seed, n_startup_trials=first),
        "random": lambda: optuna.samplers.RandomSampler(seed=seed),
    }
    epochs = value_at(search["bases"][0], "config.trainer.epochs", 0)
    pruners: dict[str, Any] = {
        "median": lambda: optuna.pruners.MedianPruner(n_warmup_steps=max(1, round(PRUNED_FROM * epochs))),
        "none": optuna.pruners.NopPruner,
    }
    study = optuna.create_study(
        direction="minimize" if ledger.plan["metric"].endswith("loss") else "maximize",
        sampler=samplers[search["sampler"]](),
        pruner=pruners[search["pruner"]](),
    )
    distributions = _distributions(search["space"])
    for state in states:
        study.add_trial(_told(state, ledger.plan["metric"], search["space"], distributions))
    return study


def _told(state: State, metric: str, space: list[dict[str, Any]], distributions: dict[str, Any]) -> Any:
    """What Optuna is told of a job. One that diverged counts as the worst, one that failed not at all."""
    import optuna

    results = {
        "completed": optuna.trial.TrialState.COMPLETE,
        PRUNED: optuna.trial.TrialState.PRUNED,
        "diverged": optuna.trial.TrialState.PRUNED,
        "failed": optuna.trial.TrialState.FAIL,
    }
    result = results.get(state.status, optuna.trial.TrialState.RUNNING)
    value = state.metric(metric) if result == optuna.trial.TrialState.COMPLETE else None
    if result == optuna.trial.TrialState.COMPLETE and value is None:
        result = optuna.trial.TrialState.FAIL
    is_counted = state.status in ("completed", PRUNED)
    return optuna.trial.create_trial(
        state=result,
        value=value,
        params={axis["key"]: _value(axis, text) for axis, text in zip(space, state.job.overrides, strict=True)},
        distributions=distributions,
        intermediate_values=dict(_values(state, metric)) if is_counted else {},
    )


def _values(state: State, metric: str) -> Iterator[tuple[int, float]]:
    """(epoch from 1, validation metric) of the epochs a job has done."""
    history = saved.history(state.folder)
    column = "val_" + metric.partition(".")[2]
    yield from zip(map(int, history.column("epoch")), history.column(column), strict=True)


def pruning(ledger: Ledger, number: int) -> Any:
    """A Keras callback that stops a trial which is worse than the median of those before; `pruned` is then its epoch.

    What the other trials came to is looked up once, when the trial starts or goes on.
    """
    import keras

    state = ledger.states()[number]
    metric = ledger.plan["metric"]
    trial = study_of(ledger).ask()
    before = dict(_values(state, metric))
    for epoch, value in before.items():
        trial.report(value, epoch)

    class Pruning(keras.callbacks.Callback):  # type: ignore[misc]
        pruned: int | None = None

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch + 1 not in before:  # which an epoch after the last checkpoint may be
                trial.report(float(logs["val_" + metric.partition(".")[2]]), epoch + 1)
            if trial.should_prune():
                self.pruned = epoch + 1
                self.model.stop_training = True

    return Pruning()


def importances(ledger: Ledger) -> dict[str, float]:
    """Each swept key's share in the differences of the metric, largest first; {} where they are too few to tell."""
    import optuna

    try:
        return dict(optuna.importance.get_param_importances(study_of(ledger)))
    except (RuntimeError, ValueError) as error:
        log.info("no importances: %s", error)
        return {}


def _distributions(space: list[dict[str, Any]]) -> dict[str, Any]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, Any] = {}
    for axis in space:
        if "texts" in axis:
            found[axis["key"]] = CategoricalDistribution(axis["texts"])
        else:
            kind = IntDistribution if axis["integer"] else FloatDistribution
            found[axis["key"]] = kind(axis["low"], axis["high"], log=axis["log"])
    return found


def _text(axis: dict[str, Any], value: Any) -> str:
    if "texts" in axis:
        return str(value)
    return Interval(axis["key"], axis["low"], axis["high"], axis["integer"], axis["log"]).text(value)


def _value(axis: dict[str, Any], text: str) -> Any:
    """The value that a job's override text gave, within the interval whatever its rounding."""
    if "texts" in axis:
        return text
    number = float(text.partition("=")[2])
    return min(max(int(number) if axis["integer"] else number, axis["low"]), axis["high"])

"""All that decides how a training goes on, as plain data for a checkpoint."""

import random
from collections.abc import Iterable
from typing import Any

import numpy as np

from experiments.checkpoints import encode
from experiments.errors import UserError
from experiments.history import COLUMNS
from experiments.training.compiled import all_variables

# Set by Keras when the training begins.
OF_KERAS = {"_model", "_params", "params"}
COMPARISONS = {"less", "greater"}  # of keras.ops, which callbacks choose from


def capture(model: Any, callbacks: Iterable[Any]) -> dict[str, Any]:
    """Variables of model and optimizer, callbacks' attributes, random generators."""
    return {
        "variables": [variable.numpy() for variable in all_variables(model)],
        "callbacks": [
            {"type": type(each).__name__, "attributes": _attributes(each), "comparisons": _comparisons(each)}
            for each in callbacks
        ],
        "stop_training": bool(model.stop_training),
        "random": {"python": random.getstate(), "numpy": np.random.get_state()},
    }


def restore(state: dict[str, Any], model: Any, callbacks: Iterable[Any]) -> None:
    """Set everything as `capture` found it; called after `on_train_begin`, in which callbacks reset themselves.

    Raises:
        UserError: the state is that of another network, optimizer or list of callbacks.
    """
    import keras

    callbacks = list(callbacks)
    if not _is_state(state):
        raise _no_state()
    restore_variables(state, model)
    saved, given = [each["type"] for each in state["callbacks"]], [type(callback).__name__ for callback in callbacks]
    if saved != given:
        raise _other("callbacks", saved, given)
    for callback, each in zip(callbacks, state["callbacks"], strict=True):
        vars(callback).update(each["attributes"])
        vars(callback).update({name: getattr(keras.ops, function) for name, function in each["comparisons"].items()})
    model.stop_training = state["stop_training"]
    try:
        random.setstate(state["random"]["python"])
        np.random.set_state(state["random"]["numpy"])
    except (KeyError, TypeError, ValueError):
        raise _no_state() from None


def _is_state(state: dict[str, Any]) -> bool:
    """Whether all parts are there and of their types: a file from elsewhere may hold anything."""
    parts = {"epoch": int, "step": int, "seconds": float, "totals": list, "history": list, "variables": list}
    parts |= {"callbacks": list, "stop_training": bool, "random": dict}
    return (
        all(isinstance(state.get(name), kind) for name, kind in parts.items())
        and all(
            isinstance(array, np.ndarray | np.generic) and array.dtype.kind in "fiub" for array in state["variables"]
        )
        and all(
            isinstance(each, dict)
            and isinstance(each.get("attributes"), dict)
            and isinstance(each.get("comparisons"), dict)
            and set(each["comparisons"].values()) <= COMPARISONS
            for each in state["callbacks"]
        )
        and len(state["totals"]) == 2
        and all(isinstance(row, list) and len(row) == len(COLUMNS) for row in state["history"])
    )


def restore_variables(state: dict[str, Any], model: Any) -> None:
    """Set the variables of model and optimizer only."""
    variables = all_variables(model)
    saved = [array.shape for array in state["variables"]]
    given = [tuple(variable.shape) for variable in variables]
    if saved != given:
        raise _other("variables of shapes", saved, given)
    for variable, array in zip(variables, state["variables"], strict=True):
        variable.assign(array)


def finite(state: dict[str, Any]) -> bool:
    """Whether all variables are numbers."""
    return all(np.isfinite(array).all() for array in state["variables"] if array.dtype.kind == "f")


def _attributes(callback: Any) -> dict[str, Any]:
    """What is plain data of a callback's attributes; other objects are made anew by its constructor."""
    plain = {}
    for name, value in vars(callback).items():
        if name not in OF_KERAS:
            try:
                encode(value, {})
            except TypeError:
                continue
            plain[name] = value
    return plain


def _comparisons(callback: Any) -> dict[str, str]:
    """Attributes that are functions of keras.ops, by name: a callback that monitors a value chooses `less` or `greater`
    when it first sees one, and turns its `min_delta` around then. Chosen again, it would turn twice."""
    import keras

    names = {name: getattr(value, "__name__", "") for name, value in vars(callback).items() if callable(value)}
    return {name: of for name, of in names.items() if getattr(keras.ops, of, None) is getattr(callback, name)}


def _no_state() -> UserError:
    return UserError(
        "checkpoint: does not hold the state of a training, expected one that a run has saved."
        " Get the run's folder anew, or start a new run."
    )


def _other(what: str, saved: Any, given: Any) -> UserError:
    return UserError(
        f"checkpoint: made with {what} {saved}, received {given}, expected the same."
        " Resume with the run's own config, or start a new run."
    )

"""The loop over epochs and chunks of steps: callbacks, progress, checkpoints, interruption."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from experiments.checkpoints import Checkpoints
from experiments.datasets import Dataset, Split
from experiments.history import Epoch, History
from experiments.signals import StopRequest
from experiments.training.compiled import Totals, compiled, copy_variables, resident
from experiments.training.saving import Diverged, Saver
from experiments.training.state import capture, restore, restore_variables

log = logging.getLogger(__name__)

# A chunk lasts about this long: Ctrl-C, the bar and checkpoints by time wait for its end.
CHUNK_SECONDS = 0.5
EVALUATION_ROWS = 1000


def train(
    model: Any,
    dataset: Dataset,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    jit_compile: bool | str = "auto",
    deterministic: bool = True,
    callbacks: Sequence[Any] = (),
    checkpoints: Checkpoints | None = None,
    checkpoint_every: int = 1,
    checkpoint_minutes: float | None = None,
    stop: StopRequest | None = None,
    history: History | None = None,
    on_step: Callable[[int, dict[str, float]], None] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> History:
    """Train a compiled `keras.Model` (loss sparse_categorical_crossentropy) that takes rows as they are stored.

    Where `checkpoints` holds a usable state, training goes on from there, in mid-epoch too, and ends as it would have
    ended without the interruption. Epoch e takes the rows in the order `default_rng([seed, e]).permutation(n)`, e from
    0. `keras.utils.set_random_seed` is the caller's.

    `jit_compile`: True, False, or "auto": XLA where it is known to help and every layer supports it.
    `callbacks`: Keras' contract, but that `on_train_batch_begin` and `_end` are called once a chunk of about 0.5 s,
    with the index of its first and last step and the means of the epoch so far. Epoch logs have `loss`, `accuracy`,
    `val_loss`, `val_accuracy` and `learning_rate`.
    `history` is extended as epochs end (after a resume by those of the checkpoint first) and returned.
    `on_step(steps done in the epoch, logs)` is called after each chunk, `on_epoch` after each epoch and its checkpoint.

    Raises:
        Diverged: the loss or a weight became NaN or infinite. `model` then has the weights of the last checkpoint.
        Interrupted: `stop` was asked for; the state has been committed where `checkpoints` are kept.
        OSError: a checkpoint could not be written; the ones before are intact.
    """
    import keras
    import tensorflow as tf

    if deterministic:
        tf.config.experimental.enable_op_determinism()
    _build(model, dataset.train)
    engine = compiled(model, jit_compile)
    training = _Training(
        engine=engine,
        dataset=dataset,
        batch_size=batch_size,
        seed=seed,
        callbacks=keras.callbacks.CallbackList(
            list(callbacks), model=engine.model, epochs=epochs, steps=-(-len(dataset.train) // batch_size), verbose=0
        ),
        saver=Saver(checkpoints, checkpoint_every, checkpoint_minutes),
        stop=stop or StopRequest(),
        history=History() if history is None else history,
        on_step=on_step,
        on_epoch=on_epoch,
    )
    try:
        training.run(epochs)
    finally:
        if engine.model is not model:
            copy_variables(engine.model, model)
    return training.history


def _build(model: Any, split: Split) -> None:
    """Make all variables and metrics: callbacks ask the metrics in which direction they get better."""
    model.optimizer.build(model.trainable_variables)
    rows, labels = split.x[:1], split.y[:1]
    model.compute_metrics(rows, labels, model(rows, training=False))
    model.reset_metrics()


class _Pace:
    """How many steps make a chunk of CHUNK_SECONDS. The first chunk, one step, is compiled as it runs: not measured."""

    def __init__(self) -> None:
        self.steps = 1
        self._warm = False

    def measured(self, steps: int, seconds: float) -> None:
        if self._warm:
            wanted = int(CHUNK_SECONDS * steps / max(seconds, 1e-9))
            self.steps = max(1, min(wanted, 8 * self.steps))
        self._warm = True


class _Training:
    """One training from where it stands to its end."""

    def __init__(
        self,
        *,
        engine: Any,
        dataset: Dataset,
        batch_size: int,
        seed: int,
        callbacks: Any,
        saver: Saver,
        stop: StopRequest,
        history: History,
        on_step: Callable[[int, dict[str, float]], None] | None,
        on_epoch: Callable[[Epoch], None] | None,
    ) -> None:
        self.engine = engine
        self.model = engine.model
        self.train_rows = resident(dataset.train)
        self.validation_rows = resident(dataset.validation)
        self.batch_size = batch_size
        self.seed = seed
        self.callbacks = callbacks
        self.saver = saver
        self.stop = stop
        self.history = history
        self.on_step = on_step
        self.on_epoch = on_epoch
        self.compiled: set[tuple[str, int]] = set()  # kinds of steps and their rows
        self.paces = {"train": _Pace(), "evaluate": _Pace()}
        self.epoch = 0  # finished epochs
        self.step = 0  # finished steps of the epoch after them
        self.totals = Totals()
        self.seconds = 0.0  # spent in that epoch

    def run(self, epochs: int) -> None:
        self.model.stop_training = False
        self.callbacks.on_train_begin()
        self._resume()
        try:
            while self.epoch < epochs and (self.step or not self.model.stop_training):
                self._one_epoch(epochs)
        except Diverged:
            self._back_to_last_checkpoint()
            raise
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        self.callbacks.on_train_end()

    def _one_epoch(self, epochs: int) -> None:
        started = time.perf_counter() - self.seconds
        if self.step == 0:
            self.callbacks.on_epoch_begin(self.epoch)
        self._train_steps(started)
        logs = self._means() | self._validate(started)
        logs["learning_rate"] = float(str(self.model.optimizer.learning_rate.numpy()))  # 0.01, not 0.00999…
        self.callbacks.on_epoch_end(self.epoch, dict(logs))
        self.epoch, self.step, self.totals, self.seconds = self.epoch + 1, 0, Totals(), 0.0
        row = Epoch(epoch=self.epoch, seconds=time.perf_counter() - started, **logs)
        self.history.epochs.append(row)
        if self.saver.due_at_epoch(self.epoch, last=self.epoch == epochs or self.model.stop_training):
            with self.stop.held():
                self.saver.save(self._state())
        if self.on_epoch:
            self.on_epoch(row)

    def _train_steps(self, started: float) -> None:
        import tensorflow as tf

        n = len(self.train_rows[1])
        permutation = tf.constant(np.random.default_rng([self.seed, self.epoch]).permutation(n).astype(np.int32))
        for first, count, size in self._chunks("train", n, self.batch_size):
            if self.model.stop_training:
                break
            self.callbacks.on_train_batch_begin(first)
            self.step, self.totals = self.engine.train(
                self.train_rows, permutation, (self.batch_size, size), (first, first + count), self.totals
            )
            self.seconds = time.perf_counter() - started
            if not np.isfinite(self.totals.loss):
                raise Diverged(self.epoch + 1, self.step)
            logs = self._means()
            self.callbacks.on_train_batch_end(self.step - 1, logs)
            if self.on_step:
                self.on_step(self.step, logs)
            self._boundary()

    def _validate(self, started: float) -> dict[str, float]:
        n = len(self.validation_rows[1])
        batch_size = min(n, EVALUATION_ROWS)
        totals = Totals()
        self.callbacks.on_test_begin()
        for first, count, size in self._chunks("evaluate", n, batch_size):
            _, totals = self.engine.evaluate(self.validation_rows, (batch_size, size), (first, first + count), totals)
            self.seconds = time.perf_counter() - started
            self._boundary()
        if not np.isfinite(totals.loss):
            raise Diverged(self.epoch + 1, self.step)
        logs = totals.means(n)
        self.callbacks.on_test_end(logs)
        return {f"val_{name}": value for name, value in logs.items()}

    def _chunks(self, kind: str, n: int, batch_size: int) -> Any:
        """(first step, number of steps, rows a step) from where the epoch stands; a partial last batch by itself."""
        pace, done = self.paces[kind], self.step if kind == "train" else 0
        whole, rest = divmod(n, batch_size)
        while done < whole:
            count = min(pace.steps, whole - done)
            started = time.perf_counter()
            with self._awaited(kind, batch_size):
                yield done, count, batch_size
            pace.measured(count, time.perf_counter() - started)
            done += count
        if rest and done == whole:
            with self._awaited(kind, rest):
                yield done, 1, rest

    @contextmanager
    def _awaited(self, kind: str, size: int) -> Iterator[None]:
        """A chunk whose end a signal waits for, however slow the machine; not for a compilation, which may take long
        and has nothing to save."""
        with self.stop.held((kind, size) in self.compiled):
            yield
        self.compiled.add((kind, size))

    def _boundary(self) -> None:
        """What waits for the end of a chunk."""
        if self.stop.signum is not None or self.saver.due_by_time():
            with self.stop.held():
                self.saver.save(self._state())
        self.stop.check()

    def _means(self) -> dict[str, float]:
        return self.totals.means(min(self.step * self.batch_size, len(self.train_rows[1])))

    def _state(self) -> dict[str, Any]:
        return {
            "epoch": self.epoch,
            "step": self.step,
            "totals": [self.totals.loss, self.totals.hits],
            "seconds": self.seconds,
            "history": [list(row) for row in self.history.epochs],
            **capture(self.model, self.callbacks.callbacks),
        }

    def _resume(self) -> None:
        checkpoints = self.saver.checkpoints
        state = checkpoints.load() if checkpoints else None
        if state:
            restore(state, self.model, self.callbacks.callbacks)
            self.epoch, self.step, self.seconds = state["epoch"], state["step"], state["seconds"]
            self.totals = Totals(*state["totals"])
            self.history.epochs[:] = [Epoch(*row) for row in state["history"]]
        elif checkpoints and checkpoints.are_there:
            log.warning("%s: no checkpoint can be used, so training starts again from epoch 0", checkpoints.folder)

    def _back_to_last_checkpoint(self) -> None:
        state = self.saver.checkpoints.load() if self.saver.checkpoints else None
        if state:
            restore_variables(state, self.model)

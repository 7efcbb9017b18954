"""A Keras model's training and validation steps as compiled loops over resident data.

A call runs steps `first` to `stop` of an epoch. Both are tensors, so one compilation serves chunks of any length, and
what a step computes does not depend on where a chunk ends.
"""

import json
import logging
from typing import Any, NamedTuple

import numpy as np

from experiments.datasets import Split

log = logging.getLogger(__name__)

# Layers that XLA compiles for a CPU into code slower than TensorFlow's own (docs/engine.md has the measurement).
SLOW_IN_XLA_ON_CPU = ("BaseConv", "BaseSeparableConv", "BaseDepthwiseConv", "BaseConvTranspose")


class Rows(NamedTuple):
    """A split as tensors, as it is stored. x: (n, *shape) uint8 or float32; y: (n,) int32."""

    x: Any
    y: Any


class Totals(NamedTuple):
    """Sums over the rows seen: `loss` float64 in nats, `hits` (right answers) int64; carried from chunk to chunk."""

    loss: Any = 0.0
    hits: Any = 0

    def means(self, rows: int) -> dict[str, float]:
        return {"loss": float(self.loss) / rows, "accuracy": float(self.hits) / rows}


class CompiledModel:
    """The compiled loops of one built and compiled Keras model with one optimizer."""

    def __init__(self, model: Any, jit_compile: bool | str) -> None:
        self.model = model
        self.jit_compile = (not _slow_in_xla(model)) if jit_compile == "auto" else bool(jit_compile)
        self._may_fall_back = jit_compile == "auto" and self.jit_compile
        self._make()

    def _make(self) -> None:
        import tensorflow as tf

        # Without autograph: the loops are TensorFlow's own already, and rewriting code takes a third of a second.
        options = {"jit_compile": self.jit_compile, "autograph": False}
        self._train = tf.function(self._train_steps, **options)
        self._evaluate = tf.function(self._evaluation_steps, **options)

    def train(
        self, rows: Rows, permutation: Any, sizes: tuple[int, int], span: tuple[int, int], totals: Totals
    ) -> tuple[int, Totals]:
        """Train on the steps of a span, (first, stop): step i takes `rows` at permutation[i * batch_size:][:size].

        `sizes`: (batch_size, size), the two differ in a partial last batch. `permutation`: (n,) int32 tensor.
        Returns the step reached and the new totals. The loop ends early after a step whose loss is not finite; the
        loss total is not finite then.
        """
        return self._call("_train", (rows, permutation, sizes), span, totals)

    def evaluate(self, rows: Rows, sizes: tuple[int, int], span: tuple[int, int], totals: Totals) -> tuple[int, Totals]:
        """The same for validation, in the order of the rows."""
        return self._call("_evaluate", (rows, sizes), span, totals)

    def _call(self, function: str, arguments: tuple, span: tuple[int, int], totals: Totals) -> tuple[int, Totals]:
        import tensorflow as tf

        numbers = (
            (tf.constant(span[0]), tf.constant(span[1])),
            Totals(tf.constant(totals.loss, tf.float64), tf.constant(totals.hits, tf.int64)),
        )
        try:
            step, reached = getattr(self, function)(*arguments, *numbers)
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            if not self._may_fall_back:
                raise
            # XLA refuses before anything runs, so the variables are as they were.
            log.warning("XLA cannot compile this network, it runs without: %s", str(error).strip().partition("\n")[0])
            self.jit_compile = self._may_fall_back = False
            self._make()
            step, reached = getattr(self, function)(*arguments, *numbers)
        return int(step), Totals(float(reached.loss), int(reached.hits))

    def _train_steps(
        self, rows: Rows, permutation: Any, sizes: tuple[int, int], span: tuple[Any, Any], totals: Totals
    ) -> Any:
        import tensorflow as tf

        model = self.model
        variables = model.trainable_variables
        batch_size, size = sizes
        first, stop = span

        def step(number: Any, totals: Totals) -> Any:
            chosen = tf.slice(permutation, [number * batch_size], [size])
            x, y = tf.gather(rows.x, chosen), tf.gather(rows.y, chosen)
            with tf.GradientTape() as tape:
                probabilities = model(x, training=True)
                loss = model.compute_loss(x=x, y=y, y_pred=probabilities, training=True)
                scaled = model.optimizer.scale_loss(loss)
            model.optimizer.apply(tape.gradient(scaled, variables), variables)
            return number + 1, _added(totals, loss, probabilities, y)

        def unfinished(number: Any, totals: Totals) -> Any:
            return (number < stop) & tf.math.is_finite(totals.loss)

        return tf.while_loop(unfinished, step, (first, totals))

    def _evaluation_steps(self, rows: Rows, sizes: tuple[int, int], span: tuple[Any, Any], totals: Totals) -> Any:
        import tensorflow as tf

        model = self.model
        batch_size, size = sizes
        first, stop = span
        shape = rows.x.shape[1:]

        def step(number: Any, totals: Totals) -> Any:
            start = number * batch_size
            x = tf.slice(rows.x, [start] + [0] * len(shape), [size, *shape])
            y = tf.slice(rows.y, [start], [size])
            probabilities = model(x, training=False)
            loss = model.compute_loss(x=x, y=y, y_pred=probabilities, training=False)
            return number + 1, _added(totals, loss, probabilities, y)

        return tf.while_loop(lambda number, totals: number < stop, step, (first, totals))


def _added(totals: Totals, loss: Any, probabilities: Any, y: Any) -> Totals:
    import tensorflow as tf

    right = tf.equal(tf.argmax(probabilities, axis=-1, output_type=y.dtype), y)
    return Totals(totals.loss + tf.cast(loss, tf.float64) * y.shape[0], totals.hits + tf.math.count_nonzero(right))


def _slow_in_xla(model: Any) -> bool:
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return False
    names = {base.__name__ for layer in model._flatten_layers() for base in type(layer).__mro__}
    return not names.isdisjoint(SLOW_IN_XLA_ON_CPU)


class _Cached(NamedTuple):
    key: str
    compiled: CompiledModel


_last: list[_Cached] = []  # at most one: the jobs of a serial sweep come one after another


def compiled(model: Any, jit_compile: bool | str) -> CompiledModel:
    """The compiled loops for `model`, those of the model before where the two differ in nothing that was compiled in.

    The loops are bound to the variables of the model they were made of. So where they are reused, `.model` is that
    twin, with all variables (weights, optimizer's, seeds) set to those of `model`; hand them back by `copy_variables`.
    """
    key = _key(model, jit_compile)
    if _last and key is not None and _last[0].key == key:
        twin = _last[0].compiled
        copy_variables(model, twin.model)
        return twin
    _last.clear()
    made = CompiledModel(model, jit_compile)
    if key is not None:
        _last.append(_Cached(key, made))
    return made


def copy_variables(source: Any, target: Any) -> None:
    """Set all variables of `target`, a model of the same architecture and optimizer, to those of `source`."""
    for ours, theirs in zip(all_variables(source), all_variables(target), strict=True):
        theirs.assign(ours)


def all_variables(model: Any) -> list[Any]:
    """Weights, seed generators and the optimizer's variables (its learning rate is one), in a fixed order."""
    return [*model.variables, *model.optimizer.variables]


def _key(model: Any, jit_compile: bool | str) -> str | None:
    """All that is compiled in: not the learning rate, which is a variable. None where a part cannot be described."""
    import keras

    try:
        optimizer = keras.optimizers.serialize(model.optimizer)
        if isinstance(optimizer["config"]["learning_rate"], float):
            del optimizer["config"]["learning_rate"]
        variables = [(variable.path, list(variable.shape), variable.trainable) for variable in model.variables]
        parts = [model.get_config(), model.loss, optimizer, variables]
        return json.dumps([type(model).__name__, parts, jit_compile, keras.config.dtype_policy().name])
    except (NotImplementedError, TypeError, ValueError):
        return None


def resident(split: Split) -> Rows:
    """A split made into tensors once, for all steps."""
    import tensorflow as tf

    return Rows(_tensor(split.x), tf.constant(split.y, tf.int32))


ALIGNMENT = 64  # bytes, which TensorFlow's kernels expect of a tensor


def _tensor(array: np.ndarray) -> Any:
    """A tensor that shares the array's memory where it can; `tf.constant` takes two copies.

    On a GPU there is one copy in any case, the GPU's.
    """
    import tensorflow as tf

    if not array.size or tf.config.list_physical_devices("GPU"):
        return tf.constant(array)
    if array.ctypes.data % ALIGNMENT or not (array.flags.c_contiguous and array.flags.writeable):
        array = _aligned(array)
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def _aligned(array: np.ndarray) -> np.ndarray:
    memory = np.empty(array.nbytes + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    copy = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy

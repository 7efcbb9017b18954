"""Config + Dataset → an uncompiled Keras model, and what can be said of one. The data owns the shapes."""

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from experiments.config import MLPConfig, ModelConfig
from experiments.datasets import Dataset

if TYPE_CHECKING:
    import keras


def build_model(config: ModelConfig, dataset: Dataset) -> "keras.Model":
    """The network a config describes, from raw rows (n, *shape) as stored to probabilities (n, classes) float32.

    Scaling to [0, 1] is the network's first layer: it happens on the batch, and a saved model takes raw pixels.
    """
    import keras

    rows = keras.Input(dataset.shape, dtype=str(dataset.train.x.dtype), name=dataset.rows)
    scaled = keras.layers.Rescaling(dataset.scale, name="scale")(rows)
    hidden = BUILDERS[config.kind](config, scaled)
    classes = keras.layers.Dense(dataset.num_classes, activation="softmax", name="classes")(hidden)
    return keras.Model(rows, classes, name=config.kind)


def _mlp(config: MLPConfig, inputs: Any) -> Any:
    import keras

    hidden = keras.layers.Flatten(name="flatten")(inputs)
    for number, units in enumerate(config.hidden_units, start=1):
        hidden = keras.layers.Dense(units, activation=config.activation, name=f"hidden_{number}")(hidden)
        if config.dropout:
            hidden = keras.layers.Dropout(config.dropout, name=f"dropout_{number}")(hidden)
    return hidden


BUILDERS: dict[str, Callable[[Any, Any], Any]] = {"mlp": _mlp}


def describe(model: "keras.Model") -> dict[str, Any]:
    """What run.json says of a model: parameters, layers, and FLOPs of one row's forward pass.

    A multiplication with its addition counts as two; biases, activations and scaling are left out (below 1 %).
    """
    layers = [layer for layer in model.layers if layer.name not in {tensor.name for tensor in model.inputs}]
    return {
        "parameters": model.count_params(),
        "flops": sum(_flops(layer) for layer in layers),
        "layers": [
            {
                "name": layer.name,
                "type": type(layer).__name__,
                "output_shape": list(layer.output.shape[1:]),
                "parameters": layer.count_params(),
            }
            for layer in layers
        ],
    }


def _flops(layer: Any) -> int:
    kernel = getattr(layer, "kernel", None)
    if kernel is None:
        return 0
    # Dense and convolution alike: the kernel is applied once for each position of the output.
    positions: Iterable[int] = layer.output.shape[1:-1]
    return 2 * math.prod(kernel.shape) * math.prod(positions)

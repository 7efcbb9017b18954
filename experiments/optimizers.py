"""Config → Keras optimizer."""

from typing import TYPE_CHECKING

from experiments.config import OptimizerConfig

if TYPE_CHECKING:
    import keras


def build_optimizer(config: OptimizerConfig) -> "keras.optimizers.Optimizer":
    """The optimizer a config names; its keys are Keras' own arguments."""
    import keras

    builders = {
        "sgd": keras.optimizers.SGD,
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "nadam": keras.optimizers.Nadam,
        "adamax": keras.optimizers.Adamax,
        "rmsprop": keras.optimizers.RMSprop,
        "adagrad": keras.optimizers.Adagrad,
    }
    return builders[config.kind](**config.model_dump(exclude={"kind"}))

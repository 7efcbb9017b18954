"""The schema of an experiment: types, ranges, allowed names and cross-checks on one page.

Every default stands in `conf/`, none here: a key that is missing from a config is a mistake that is reported.
Strict types: `1.5` is no number of epochs, `"10"` is no number at all, and a list is no number.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from experiments.config.reference import ReferenceConfig
from experiments.config.value_types import (
    MAX_BATCH_SIZE,
    MAX_EPOCHS,
    MAX_SEED,
    Decay,
    FilePath,
    Fraction,
    HiddenUnits,
    Keys,
    Name,
    NonNegativeFloat,
    Notes,
    PositiveFloat,
    Tags,
    TrackerAddress,
    TrackerName,
    WebAddress,
)


class Schema(BaseModel):
    """Base of all parts: unknown keys are refused, values are immutable, NaN and infinity are no numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class DatasetConfig(Schema):
    """A data set known by name, found on disk or downloaded."""

    kind: Literal["digits", "mnist", "fashion_mnist", "cifar10", "cifar100"] = Field(
        description="Which data set: digits is embedded, the others are found on disk or downloaded."
    )
    path: FilePath | None = Field(description="A file or folder that holds the data; looked at before anything else.")
    cache_dir: FilePath | None = Field(
        description="Where downloads are kept; null: Keras' own folder, ~/.keras/datasets."
    )
    mirror: WebAddress | None = Field(
        description="Address of a folder that holds the official files; null: the data set's own host.",
    )
    test: Literal["official"] | Fraction = Field(
        description="official: the test split as published; a fraction: that part of all samples, split anew"
        " (stratified)."
    )
    validation: Literal["test"] | Fraction = Field(
        description="test: validate on the test split, as the article does; a fraction: that part of the training"
        " split is held out (stratified)."
    )
    split_seed: int = Field(
        ge=0,
        le=MAX_SEED,
        description="Seed of the splits and of `limit`, apart from `seed`: repeated runs share their test samples.",
    )
    limit: int | None = Field(
        ge=1, description="At most this many samples of the training and of the test split (stratified); null: all."
    )

    @model_validator(mode="after")
    def _digits_has_no_official_test_split(self) -> Self:
        if self.kind == "digits" and self.test == "official":
            raise ValueError("test: digits has no official test split; give a fraction such as test=0.25")
        return self


class MLPConfig(Schema):
    """A multilayer perceptron: dense hidden layers of one activation, softmax output sized by the data."""

    kind: Literal["mlp"] = Field(description="The architecture.")
    hidden_units: HiddenUnits = Field(
        description="Units of each hidden layer, first to last; [] is a linear classifier."
    )
    activation: Literal[
        "sigmoid", "relu", "tanh", "elu", "selu", "gelu", "silu", "leaky_relu", "softplus", "softsign", "linear"
    ] = Field(description="Activation of every hidden layer, by its Keras name.")
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        description="Share of each hidden layer's outputs that is dropped in training; 0: none."
    )


class OptimizerSchema(Schema):
    """What every optimizer has: Keras' own arguments under Keras' own names."""

    learning_rate: PositiveFloat = Field(description="How far the weights go in each step.")
    weight_decay: NonNegativeFloat | None = Field(description="Decoupled weight decay; null: none.")
    clipnorm: PositiveFloat | None = Field(description="Each gradient's norm is clipped to this; null: never.")
    global_clipnorm: PositiveFloat | None = Field(
        description="All gradients' joint norm is clipped to this; null: never."
    )

    @model_validator(mode="after")
    def _one_kind_of_clipping(self) -> Self:
        if self.clipnorm is not None and self.global_clipnorm is not None:
            raise ValueError("clipnorm, global_clipnorm: give at most one of the two; set the other to null")
        return self


class SGDConfig(OptimizerSchema):
    """Stochastic gradient descent, with momentum where wanted (keras.optimizers.SGD)."""

    kind: Literal["sgd"] = Field(description="The optimizer.")
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        description="Share of the last step that goes into the next; 0: plain gradient descent."
    )
    nesterov: bool = Field(description="Nesterov's momentum, which looks ahead; it needs momentum above 0.")

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov: true needs momentum above 0; set momentum=0.9 or nesterov=false")
        return self


class AdamConfig(OptimizerSchema):
    """Adam and its close relatives (keras.optimizers.Adam, AdamW, Nadam, Adamax)."""

    kind: Literal["adam", "adamw", "nadam", "adamax"] = Field(description="The optimizer.")
    beta_1: Decay = Field(description="Decay of the running mean of the gradients.")
    beta_2: Decay = Field(description="Decay of the running mean of the squared gradients.")
    epsilon: PositiveFloat = Field(description="Small number that keeps the division finite.")


class RMSpropConfig(OptimizerSchema):
    """keras.optimizers.RMSprop."""

    kind: Literal["rmsprop"] = Field(description="The optimizer.")
    rho: Decay = Field(description="Decay of the running mean of the squared gradients.")
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        description="Share of the last step that goes into the next; 0: none."
    )
    epsilon: PositiveFloat = Field(description="Small number that keeps the division finite.")
    centered: bool = Field(description="Divide by the gradients' variance instead of their mean square.")


class AdagradConfig(OptimizerSchema):
    """keras.optimizers.Adagrad."""

    kind: Literal["adagrad"] = Field(description="The optimizer.")
    initial_accumulator_value: NonNegativeFloat = Field(description="Start of the sums of squared gradients.")
    epsilon: PositiveFloat = Field(description="Small number that keeps the division finite.")


Monitor = Literal["val_loss", "val_accuracy", "loss", "accuracy"]


class EarlyStoppingConfig(Schema):
    """Stop when a metric gets no better (keras.callbacks.EarlyStopping)."""

    patience: int | None = Field(ge=0, description="Epochs without improvement before training stops; null: never.")
    monitor: Monitor = Field(description="The metric that has to get better.")
    min_delta: NonNegativeFloat = Field(description="A change that is not larger is no improvement.")
    restore_best_weights: bool = Field(description="Keep the weights of the best epoch, not of the last.")


class ReduceOnPlateauConfig(Schema):
    """Lower the learning rate when a metric gets no better (keras.callbacks.ReduceLROnPlateau)."""

    patience: int | None = Field(
        ge=0, description="Epochs without improvement before the learning rate is lowered; null: never."
    )
    monitor: Monitor = Field(description="The metric that has to get better.")
    factor: Fraction = Field(description="The new learning rate is the old one times this factor.")
    min_delta: NonNegativeFloat = Field(description="A change that is not larger is no improvement.")
    cooldown: int = Field(ge=0, description="Epochs to wait after the learning rate was lowered.")
    min_learning_rate: NonNegativeFloat = Field(description="The learning rate is never lowered below this.")


class ScheduleConfig(Schema):
    """How the learning rate goes from optimizer.learning_rate down to a fraction of it, epoch by epoch."""

    decay: Literal["none", "linear", "cosine", "exponential"] = Field(
        description="How the learning rate goes down over the epochs; none: it stays."
    )
    final_fraction: Annotated[float, Field(ge=0.0, le=1.0)] = Field(
        description="The learning rate of the last epoch as a fraction of optimizer.learning_rate."
    )
    warmup_epochs: int = Field(
        ge=0, le=MAX_EPOCHS, description="Epochs in which the learning rate first rises in even steps; 0: none."
    )

    @model_validator(mode="after")
    def _exponential_never_reaches_zero(self) -> Self:
        if self.decay == "exponential" and self.final_fraction == 0:
            raise ValueError("final_fraction: 0 is never reached exponentially; give a small number such as 0.01")
        return self


class TrainerConfig(Schema):
    """How long and in what portions the network is trained, and what is kept on the way."""

    epochs: int = Field(ge=1, le=MAX_EPOCHS, description="Passes over the training split.")
    batch_size: int = Field(ge=1, le=MAX_BATCH_SIZE, description="Samples a step; the last, partial batch counts too.")
    max_minutes: PositiveFloat | None = Field(description="Training stops after as many minutes; null: never.")
    jit_compile: Literal["auto"] | bool = Field(description="Compile with XLA; auto: where it is known to help.")
    deterministic: bool = Field(description="The same seed gives the same bits; see docs/engine.md for what it costs.")
    checkpoint_every: int = Field(ge=1, le=MAX_EPOCHS, description="Epochs between two checkpoints.")
    checkpoint_minutes: PositiveFloat | None = Field(
        description="In a long epoch, a checkpoint after as many minutes too; null: only at the epoch's end."
    )
    keep_checkpoints: bool = Field(
        description="Keep the last checkpoint of a completed run, with the optimizer's state; false: none."
    )
    tensorboard: bool = Field(description="Write TensorBoard's event files into the run's folder.")
    schedule: ScheduleConfig
    early_stopping: EarlyStoppingConfig
    reduce_on_plateau: ReduceOnPlateauConfig

    @model_validator(mode="after")
    def _one_hand_on_the_learning_rate(self) -> Self:
        if self.schedule.decay != "none" and self.reduce_on_plateau.patience is not None:
            raise ValueError(
                "schedule.decay, reduce_on_plateau.patience: both change the learning rate; set schedule.decay=none"
                " or reduce_on_plateau.patience=null"
            )
        if self.schedule.warmup_epochs >= self.epochs:
            raise ValueError(
                f"schedule.warmup_epochs: received {self.schedule.warmup_epochs}, expected fewer than the"
                f" {self.epochs} epochs of the training"
            )
        return self


class NoTrackerConfig(Schema):
    """The run's folder only."""

    kind: Literal["none"] = Field(description="The tracker.")


class MLflowConfig(Schema):
    """MLflow, in which parameters, metrics and files of all runs can be looked at side by side."""

    kind: Literal["mlflow"] = Field(description="The tracker.")
    uri: TrackerAddress | None = Field(
        description="Address of MLflow's server or SQLite file; null: mlflow.db beside the runs.",
    )
    experiment: TrackerName | None = Field(description="MLflow's experiment; null: the run's name.")


class SweepConfig(Schema):
    """What a sweep is judged by and how its values go together."""

    metric: Literal["validation.accuracy", "validation.loss"] = Field(
        description="What the leaderboard ranks by; never the test split."
    )
    together: Keys = Field(
        description="Swept keys whose values go together, first with first, instead of each with each."
    )
    reuse: bool = Field(description="Take over finished runs of the same config instead of running them again.")
    n_trials: int | None = Field(
        ge=1,
        le=10_000,
        description="A search: as many points are tried, each chosen by the results before it; null: every point.",
    )
    sampler: Literal["tpe", "random"] = Field(
        description="How a search chooses: tpe (Bayesian, a tree-structured Parzen estimator) or random."
    )
    pruner: Literal["median", "none"] = Field(
        description="median: a search ends runs that are worse than the median of those before at the same epoch."
    )


ModelConfig = MLPConfig
OptimizerConfig = Annotated[SGDConfig | AdamConfig | RMSpropConfig | AdagradConfig, Field(discriminator="kind")]

TrackerConfig = Annotated[NoTrackerConfig | MLflowConfig, Field(discriminator="kind")]


class ExperimentConfig(Schema):
    """One experiment: enough to run it again."""

    name: Name = Field(
        description="Name of the experiment and of its folder; by default the kinds of data set and model: digits_mlp."
    )
    tags: Tags = Field(description="Words to find the run by; they may be changed later.")
    notes: Notes | None = Field(description="What is to be known of the run; may be changed later.")
    seed: int = Field(
        ge=0, le=MAX_SEED, description="Seed of the initial weights and the order of samples; 0 is one too."
    )
    dataset: DatasetConfig
    model: ModelConfig
    optimizer: OptimizerConfig
    trainer: TrainerConfig
    tracker: TrackerConfig
    sweep: SweepConfig
    reference: ReferenceConfig | None = Field(description="What was published of this experiment; null: nothing.")

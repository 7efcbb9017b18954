"""The schema of what was published of an experiment, and how close a run has to come to it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Loss = Annotated[float, Field(ge=0.0)]
Epoch = Annotated[int, Field(ge=1)]


class Published(BaseModel):
    """Base of all parts: unknown keys are refused, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class PointConfig(Published):
    """One epoch of a published log."""

    epoch: Epoch
    loss: Loss
    accuracy: Share
    val_loss: Loss
    val_accuracy: Share


class ClassConfig(Published):
    """One class of a published classification report."""

    name: str
    precision: Share
    recall: Share
    f1: Share
    support: Annotated[int, Field(ge=0)]


class CurveToleranceConfig(Published):
    """How far an epoch may be from the published one, from `from_epoch` on to the next of these."""

    from_epoch: Epoch
    loss: Loss
    accuracy: Share
    val_loss: Loss
    val_accuracy: Share


class ToleranceConfig(Published):
    """The largest differences that still count as reproduced, and why they are what they are."""

    reason: str = Field(description="What the tolerances rest on.")
    accuracy: Share = Field(description="Of the final test accuracy.")
    f1: Share = Field(description="Of each class's F1.")
    curve: list[CurveToleranceConfig] = Field(description="Of the epochs that were published, first to last.")


class ReferenceConfig(Published):
    """What was published of an experiment. It changes nothing of a run but what its report says."""

    source: str = Field(description="Where the figures come from.")
    claim: str = Field(description="What was said of them in words.")
    setting: dict[str, bool | int | float | str | list[int] | None] = Field(
        description="The config with which they were reached, dotted keys; a run's report names what it has otherwise."
    )
    differences: list[str] = Field(description="Where any run differs from what was published, whatever its config.")
    accuracy: Share = Field(description="The final accuracy on the test split.")
    curve: list[PointConfig] = Field(description="Epochs of the log.")
    classes: list[ClassConfig] = Field(description="The classification report.")
    tolerance: ToleranceConfig

"""What run.json, sweep.json and classification_report.json hold, checked once, when they are read.

Keys that are not listed here may be there and stay as they are: later versions add some. A key that a former version
did not write yet is filled in with what it would have said.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from experiments.config.mistakes import dotted
from experiments.errors import UserError
from experiments.text import brief

Count = Annotated[int, Field(ge=0, le=10**15)]
Share = Annotated[float, Field(ge=0, le=1)]
Measure = Annotated[float, Field(ge=-1e300, le=1e300)]
Seconds = Annotated[float, Field(ge=0, le=1e12)]
# What pydantic expects, in the words of this project's messages.
WORDS = {
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "float_type": "a number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "a mapping",
    "string_type": "text",
}
Metrics = dict[str, "SplitRecord"]


class Record(BaseModel):
    """Base of all parts: strict types, unknown keys allowed."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)


class SplitRecord(Record):
    """Metrics of one split; a loss that is no number is null."""

    accuracy: Share
    loss: Measure | None


class SizesRecord(Record):
    """How many samples each split has."""

    train: Annotated[int, Field(ge=1, le=10**12)]
    validation: Annotated[int, Field(ge=1, le=10**12)]
    test: Annotated[int, Field(ge=1, le=10**12)]


class DataRecord(Record):
    """What was learnt from."""

    name: str
    fingerprint: str
    sizes: SizesRecord
    shape: list[Count]
    rows: str
    class_names: list[str]
    class_counts: dict[str, list[Count]] = {}
    source: str
    validation_is_test: bool

    @model_validator(mode="after")
    def _one_count_a_class(self) -> Self:
        for split, counts in self.class_counts.items():
            if len(counts) != len(self.class_names):
                raise ValueError(f"class_counts.{split} has {len(counts)} counts for {len(self.class_names)} classes")
        return self


class ThroughputRecord(Record):
    """What training cost."""

    rows_per_second: Measure
    seconds_per_epoch: Seconds
    peak_memory_mb: Measure


class LayerRecord(Record):
    """One layer of the network."""

    name: str
    type: str
    output_shape: list[Count]
    parameters: Count


class ModelRecord(Record):
    """The network."""

    parameters: Count
    flops: Count
    layers: list[LayerRecord]


class GitRecord(Record):
    """The project's own code."""

    commit: str
    dirty: bool


class EnvironmentRecord(Record):
    """What the run ran on."""

    versions: dict[str, str]
    platform: str
    devices: list[str]
    cpu_count: Count | None
    git: GitRecord | None


class TrainerRecord(Record):
    """Of a config's trainer what is looked at without running it."""

    epochs: Count = 0


class OptimizerRecord(Record):
    """Of a config's optimizer what is looked at without running it."""

    learning_rate: Measure | None = None


class ConfigRecord(Record):
    """Of a config what is looked at without running it; to run it, it is checked against its own schema."""

    dataset: dict[str, Any] = {}
    model: dict[str, Any] = {}
    optimizer: OptimizerRecord = OptimizerRecord()
    trainer: TrainerRecord = TrainerRecord()
    reference: dict[str, Any] | None = None


class RunRecord(Record):
    """run.json."""

    status: Literal["running", "completed", "failed", "diverged", "interrupted"]
    error: str | None = None
    name: str
    tags: list[str] = []
    notes: str | None = None
    seed: Count
    started_at: str | None = None
    resumed_at: list[str] = []
    finished_at: str | None = None
    duration_seconds: Seconds | None = None
    epochs_completed: Count = 0
    metrics: Metrics = {}
    throughput: ThroughputRecord | None = None
    pruned: Count | None = None
    dataset: DataRecord | None = None
    model: ModelRecord | None = None
    environment: EnvironmentRecord | None = None
    config_fingerprint: str | None = None
    config: ConfigRecord | None = None
    command: str = ""

    @model_validator(mode="after")
    def _metrics_are_of_data(self) -> Self:
        if self.metrics and self.dataset is None:
            raise ValueError("dataset is missing, whose metrics are there")
        return self


class JobRecord(Record):
    """A planned job: the folder of that number, what it overrides, its config."""

    number: Count
    overrides: list[Annotated[str, Field(pattern=r"^[^=]+=")]]
    config: dict[str, Any]


class AxisRecord(Record):
    """One key that a search chooses for: from texts, or between two numbers."""

    key: str
    texts: list[str] | None = None
    low: Measure | None = None
    high: Measure | None = None
    integer: bool = False
    log: bool = False

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if not self.texts and (self.low is None or self.high is None or self.low > self.high):
            raise ValueError("it has neither texts nor low and high")
        return self


class BaseRecord(Record):
    """The config of one choice of groups."""

    groups: list[str]
    config: ConfigRecord


class SearchRecord(Record):
    """What a search chooses from, and how."""

    n_trials: Annotated[int, Field(ge=1, le=10_000)]
    sampler: Literal["tpe", "random"]
    pruner: Literal["median", "none"]
    seed: Count
    space: Annotated[list[AxisRecord], Field(min_length=1)]
    bases: Annotated[list[BaseRecord], Field(min_length=1)]


class SweepRecord(Record):
    """sweep.json."""

    name: str
    started_at: str | None = None
    command: str
    arguments: list[str]
    metric: Annotated[str, Field(pattern=r"^(train|validation|test)\.(accuracy|loss)$")]
    search: SearchRecord | None = None
    jobs: list[JobRecord]

    @model_validator(mode="after")
    def _numbered(self) -> Self:
        for place, job in enumerate(self.jobs):
            if job.number != place:
                raise ValueError(f"jobs[{place}].number is {job.number}, where {place} was expected")
            if self.search and len(job.overrides) != len(self.search.space):
                raise ValueError(f"jobs[{place}].overrides are {len(job.overrides)}, one for each key was expected")
        if not self.jobs and not self.search:
            raise ValueError("jobs is empty")
        return self


class ClassRecord(Record):
    """Precision and recall of one class; support is its number of samples."""

    name: str
    precision: Share
    recall: Share
    f1_score: Annotated[Share, Field(alias="f1-score")]
    support: Annotated[float, Field(ge=0, le=1e12)]


class AverageRecord(Record):
    """Means over the classes."""

    precision: Share
    recall: Share
    f1_score: Annotated[Share, Field(alias="f1-score")]
    support: Annotated[float, Field(ge=0, le=1e12)]


class ReportRecord(Record):
    """classification_report.json."""

    classes: list[ClassRecord]
    macro: Annotated[AverageRecord, Field(alias="macro avg")]
    weighted: Annotated[AverageRecord, Field(alias="weighted avg")]


def checked(path: Path, kind: type[Record], content: Any, expected: str) -> dict[str, Any]:
    """The content of a file, as it stands there, with the keys that former versions did not write.

    Raises:
        UserError: a key lacks or has a value of another type; the file and the key are named.
    """
    try:
        kind.model_validate(content)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        key = dotted(detail["loc"]) or "its content"
        message = detail["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        if detail["type"] == "missing":
            problem = f"{key}: has no value, expected one"
        elif detail["type"] == "value_error":
            problem = f"{key}: {message}"
        else:
            problem = f"{key}: received {brief(detail['input'])}, expected {WORDS.get(detail['type'], message)}"
        raise UserError(
            f"{path}: {problem}. The file was damaged or changed; expected {expected}, as it was written."
        ) from None
    return _later_keys(kind) | dict(content)


def _later_keys(kind: type[Record]) -> dict[str, Any]:
    """The keys of `kind` that may lack, with their values; parts that are records stay out."""
    fields = kind.model_fields.items()
    return {
        name: field.get_default(call_default_factory=True)
        for name, field in fields
        if not field.is_required() and not isinstance(field.default, Record)
    }

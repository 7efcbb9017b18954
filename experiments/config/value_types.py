"""The types of a config's values: what each may be, and in words what a message, --help and an editor say of it."""

from typing import Annotated, Any

from pydantic import Field

# Bounds that only a slip of the finger crosses. They turn `trainer.epochs=1e9` into a message instead of a hang.
MAX_EPOCHS = 1_000_000
MAX_BATCH_SIZE = 1_000_000
MAX_UNITS = 1_000_000
MAX_LAYERS = 1_000
MAX_SEED = 2**32 - 1

# A run's name is a folder's name: no separators, no leading dot, nothing a shell, Hydra or Windows gives a meaning.
NAME_PATTERN = r"^[^\s./\\:*?\"'<>|$`\x00-\x1f\x7f][^/\\:*?\"'<>|$`\x00-\x1f\x7f]*$"


def _expected(words: str) -> Any:
    """What a value must be where type and range do not say it, carried by the type into the JSON Schema."""
    return Field(json_schema_extra={"expected": words})


Name = Annotated[
    str,
    Field(min_length=1, max_length=100, pattern=NAME_PATTERN),
    _expected(
        "text of 1 to 100 characters that can name a folder:"
        " no slash, no leading dot or space, none of : * ? \" ' < > | $ ` \\"
    ),
]
Tag = Annotated[
    str,
    Field(min_length=1, max_length=50, pattern=r"^[^,\x00-\x1f\x7f]+$"),
    _expected("a tag: text of 1 to 50 characters on one line, without a comma"),
]
Tags = Annotated[list[Tag], Field(max_length=50), _expected("a list of at most 50 tags, such as [baseline,best]")]
Notes = Annotated[str, Field(max_length=10_000), _expected("text of at most 10000 characters")]
FilePath = Annotated[str, _expected("a path")]
WebAddress = Annotated[str, Field(pattern=r"^https?://"), _expected("an address that begins with http:// or https://")]
VARIABLE = r"\$\{oc\.env:([A-Za-z_][A-Za-z0-9_]*)\}"  # stays as it is: the value is looked up where it is used
TrackerAddress = Annotated[
    str,
    Field(pattern=rf"^(https?://[^@\s]+|sqlite:///.+|{VARIABLE})$"),
    _expected(
        "an address that begins with http://, https:// or sqlite:/// and has no password in it"
        " (that goes into MLFLOW_TRACKING_PASSWORD), or ${oc.env:VARIABLE} that holds one"
    ),
]
TrackerName = Annotated[str, Field(min_length=1, max_length=250), _expected("text of 1 to 250 characters")]
Fraction = Annotated[float, Field(gt=0.0, lt=1.0)]
PositiveFloat = Annotated[float, Field(gt=0.0, le=1e6)]
NonNegativeFloat = Annotated[float, Field(ge=0.0, le=1e6)]
Decay = Annotated[float, Field(ge=0.0, lt=1.0)]
Units = Annotated[int, Field(ge=1, le=MAX_UNITS)]
HiddenUnits = Annotated[
    list[Units],
    Field(max_length=MAX_LAYERS),
    _expected("a list of whole numbers, one a hidden layer, such as [256,128], or []"),
]
Keys = Annotated[list[str], _expected("a list of swept keys, such as [model,optimizer.learning_rate], or []")]

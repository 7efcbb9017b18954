"""The address of a tracker that stands in the environment: looked up where it is used, written down nowhere.

A config holds the text that names the variable, and so do all files that are made of it. The value may be a secret.
"""

import os
import re
from urllib.parse import urlsplit

from experiments.config import ExperimentConfig
from experiments.config.schema import MLflowConfig
from experiments.config.value_types import VARIABLE
from experiments.errors import UserError

ADDRESS = re.compile(r"https?://\S+|sqlite:///.+")


def of(config: ExperimentConfig) -> str | None:
    """The tracker's address; None where the config names none.

    Raises:
        UserError: the variable that holds it is not set, or holds no address.
    """
    uri = config.tracker.uri if isinstance(config.tracker, MLflowConfig) else None
    named = re.fullmatch(VARIABLE, uri or "")
    if named is None:
        return uri
    value = os.environ.get(named[1])
    if value is None or not ADDRESS.fullmatch(value):
        state = "is not set" if value is None else "holds no address"
        raise UserError(
            f"tracker.uri: received {uri}, but the variable {named[1]} {state}, expected one that begins with http://,"
            " https:// or sqlite:///"
        )
    return value


def is_hidden(config: ExperimentConfig) -> bool:
    """Whether the address comes from the environment."""
    return isinstance(config.tracker, MLflowConfig) and re.fullmatch(VARIABLE, config.tracker.uri or "") is not None


def masked(text: str, address: str) -> str:
    """A text without the address and its parts."""
    parts = urlsplit(address)
    pieces = {address, parts.netloc, parts.hostname, parts.username, parts.password, parts.path.lstrip("/")}
    for piece in sorted((piece for piece in pieces if piece), key=len, reverse=True):
        text = re.sub(re.escape(piece), "***", text, flags=re.IGNORECASE)
    return text

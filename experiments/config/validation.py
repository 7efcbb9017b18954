"""Plain values → checked config, or one message of all that is wrong with them."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from experiments.config.mistakes import mistakes
from experiments.config.schema import ExperimentConfig
from experiments.errors import UserError


def validate(values: Any) -> ExperimentConfig:
    """Plain values → ExperimentConfig.

    Raises:
        UserError: all mistakes, a line each.
    """
    try:
        return ExperimentConfig.model_validate(values)
    except ValidationError as error:
        raise refusal(mistakes(error)) from None


def refusal(lines: Sequence[str]) -> UserError:
    """One message of all that is wrong with a config."""
    unique = list(dict.fromkeys(lines))
    if len(unique) == 1:
        return UserError(f"The config has a mistake: {unique[0]}")
    return UserError(f"The config has {len(unique)} mistakes:\n" + "\n".join(f"  {line}" for line in unique))

"""A run's own config with overrides put on top, checked like any other."""

import copy
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import OverrideType

from experiments.config.arguments import GROUPS
from experiments.config.composition import compose_command_line
from experiments.config.defaults import CONF
from experiments.config.later_keys import with_later_keys
from experiments.config.overrides import parse
from experiments.config.schema import ExperimentConfig
from experiments.config.validation import refusal, validate
from experiments.dotted import put


def changed(values: dict[str, Any], overrides: Sequence[str]) -> ExperimentConfig:
    """The config of a run, as its config.yaml has it, with `KEY=VALUE` and `GROUP=OPTION` put in the place of its own.

    Nothing is composed but the options that are chosen, and nothing is filled in: `values` may come from elsewhere.

    Raises:
        UserError: all mistakes, a line each.
    """
    found: list[str] = []
    given = parse(overrides, [CONF], found)
    found += [f"{each.key}: received several values, expected one; a sweep needs runner.py -m" for each in given.swept]
    result = copy.deepcopy(with_later_keys(values))
    parser = OverridesParser.create()
    for override in sorted(parser.parse_overrides(given.fixed), key=lambda each: each.key_or_group not in GROUPS):
        key = override.key_or_group
        if key == "experiment" or "/" in key or key.partition(".")[0] == "hydra" or override.type is OverrideType.DEL:
            found.append(f"{key}: cannot be changed in a run that is run again, expected keys of its config.yaml")
        elif key in GROUPS and isinstance(override.value(), str):
            composed = compose_command_line([f"{key}={override.value()}"]).jobs[0].config
            result[key] = composed.model_dump()[key]
        else:
            put(result, key, override.value())
    if found:
        raise refusal(found)
    return validate(result)

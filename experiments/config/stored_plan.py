"""A sweep's stored plan, checked like a command line before it is carried on.

sweep.json is a file like any other, and may come from elsewhere. Its argument texts are not used as they stand: what
Hydra is started with is built anew from what a plan may name, the launcher with its options and the experiment's keys.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException

from experiments.config import launchers
from experiments.config.arguments import GROUPS, Arguments, read
from experiments.config.defaults import CONF
from experiments.config.hydra_groups import BASIC_LAUNCHER, LAUNCHERS
from experiments.config.later_keys import with_later_keys
from experiments.config.mistakes import known_keys, shown
from experiments.config.overrides import LAUNCHER, let_in, option_names
from experiments.config.validation import validate
from experiments.errors import UserError

CHOICE = "hydra/launcher"


def arguments_of(plan: Mapping[str, Any], file: Path) -> Arguments:
    """The arguments with which Hydra carries a sweep on; `file` is where the plan was read.

    Raises:
        UserError: the plan asks for something else than the jobs of a sweep.
    """
    stored: Any = plan.get("arguments")
    jobs: Any = plan.get("jobs")
    if not _is_texts(stored) or not isinstance(jobs, list) or not all(isinstance(job, dict) for job in jobs):
        raise UserError(f"{file}: has no arguments and jobs, expected the plan of a sweep")
    try:
        arguments = read(stored, folders_exist=False)
    except UserError as error:
        raise UserError(f"{file}: arguments: {error}") from None
    if arguments.action or arguments.resolve or arguments.package:
        raise UserError(f"{file}: arguments: {' '.join(map(shown, stored))}, expected those of a sweep")
    for number, job in enumerate(jobs):
        _check_job(job, number, file)
    if plan.get("search") is not None:
        _check_search(plan["search"], file)
    understood = [override for text in arguments.overrides if (override := _parsed(text)) is not None]
    return Arguments((*_launcher(understood, file), *_fixed(understood)), is_multirun=True)


def for_hydra(overrides: Sequence[str], folders: Sequence[Path]) -> list[str]:
    """A job's overrides as Hydra can compose them, of which it keeps a record: options that are not in `folders` any
    more are left out. What runs is the job's checked config.
    """
    return [
        text
        for text in overrides
        if (override := _parsed(text)) is not None
        and (override.key_or_group not in GROUPS or override.value() in option_names(override.key_or_group, folders))
    ]


def _check_job(job: Mapping[str, Any], number: int, file: Path) -> None:
    where = f"{file}: jobs[{number}]"
    if job.get("number") != number or isinstance(job["number"], bool):
        raise UserError(f"{where}.number: received {shown(job.get('number'))}, expected {number}")
    _check_overrides(job.get("overrides"), f"{where}.overrides")
    _check_config(job.get("config"), where)


def _check_search(search: Any, file: Path) -> None:
    """The values a search chooses from become overrides too."""
    space = search.get("space") if isinstance(search, dict) else None
    bases = search.get("bases") if isinstance(search, dict) else None
    if not isinstance(space, list) or not isinstance(bases, list) or not bases:
        raise UserError(f"{file}: search: has no space and bases, expected those of a search")
    for number, axis in enumerate(space):
        where = f"{file}: search.space[{number}]"
        if not isinstance(axis, dict) or not isinstance(axis.get("key"), str):
            raise UserError(f"{where}: received {shown(axis)}, expected a key and its values")
        texts = axis.get("texts", [f"{axis['key']}={axis.get(end)}" for end in ("low", "high")])
        _check_overrides(texts, where)
        for text in texts:
            if text.partition("=")[0] != axis["key"]:
                raise UserError(f"{where}: received {shown(text)}, expected a value of {axis['key']}")
    for number, base in enumerate(bases):
        if not isinstance(base, dict) or not _is_texts(base.get("groups")):
            raise UserError(f"{file}: search.bases[{number}]: received {shown(base)}, expected groups and a config")
        _check_overrides(base["groups"], f"{file}: search.bases[{number}].groups")
        _check_config(base.get("config"), f"{file}: search.bases[{number}]")


def _check_config(config: Any, where: str) -> None:
    if not isinstance(config, dict):
        raise UserError(f"{where}.config: received {shown(config)}, expected a config")
    try:
        validate(with_later_keys(config))
    except (AttributeError, KeyError, TypeError):  # a part of it is no group of keys
        raise UserError(f"{where}.config: received {shown(config)}, expected a config") from None
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def _check_overrides(texts: Any, where: str) -> None:
    """Refuse what sets anything else than keys of the experiment."""
    if not _is_texts(texts):
        raise UserError(f"{where}: received {shown(texts)}, expected a list of KEY=VALUE")
    for text in texts:
        override = _parsed(text)
        if override is None or not (_is_value(override) or _is_option(override)):
            raise UserError(f"{where}: received {shown(text)}, expected KEY=VALUE of the experiment's own keys")


def _launcher(overrides: Sequence[Override], file: Path) -> Iterator[str]:
    """The choice of a launcher and its options, as far as a plan may choose them."""
    name, options = "basic", {}
    for override in overrides:
        if override.key_or_group == CHOICE:
            name = str(override.value())
        elif override.key_or_group.startswith(LAUNCHER) and override.type is not OverrideType.DEL:
            options[override.key_or_group.removeprefix(LAUNCHER)] = override.value()
    if name != "basic" and name not in LAUNCHERS:
        raise UserError(f"{file}: {CHOICE}: received {shown(name)}, expected one of basic, {', '.join(LAUNCHERS)}")
    option = LAUNCHERS.get(name, BASIC_LAUNCHER)
    lines = launchers.refusals(option | {key: value for key, value in options.items() if key != "_target_"})
    if "_target_" in options:
        lines.append(f"{LAUNCHER}_target_: refused, since no file selects code to run")
    address = options.get("address")
    if address not in (None, "auto", os.environ.get("RAY_ADDRESS")):
        lines.append(
            f"{LAUNCHER}address: received {shown(address)}, which a stored plan cannot choose; if you trust that"
            f" machine, start with RAY_ADDRESS={address}"
        )
    if lines:
        raise UserError(f"{file}: " + "\n".join(lines))
    yield f"{CHOICE}={name}"
    yield from (f"{LAUNCHER}{key}={'null' if value is None else value}" for key, value in options.items())


def _fixed(overrides: Sequence[Override]) -> Iterator[str]:
    """What all jobs share, for Hydra's own record of them; what needs YAML files from elsewhere is left out."""
    for override in overrides:
        if _is_value(override):
            yield let_in(str(override.input_line))
        elif _is_option(override) and override.value() in option_names(override.key_or_group, [CONF]):
            yield str(override.input_line)


def _parsed(text: str) -> Override | None:
    try:
        return OverridesParser.create().parse_override(text)
    except HydraException:
        return None


def _is_value(override: Override) -> bool:
    return override.key_or_group in known_keys() and override.key_or_group not in GROUPS and _is_literal(override)


def _is_option(override: Override) -> bool:
    return override.key_or_group in GROUPS and isinstance(override.value(), str) and _is_literal(override)


def _is_literal(override: Override) -> bool:
    """Whether it sets one value, nothing of which is filled in later."""
    return (
        override.type is not OverrideType.DEL
        and override.package is None
        and not override.is_sweep_override()
        and "${" not in str(override.input_line)
    )


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)

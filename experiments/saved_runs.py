"""Run folders as they were left: found, read and checked. Nothing is written here."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from experiments import folders, provenance
from experiments.config import ExperimentConfig
from experiments.config.later_keys import with_later_keys
from experiments.config.validation import validate
from experiments.errors import UserError
from experiments.parsing import read_json, read_yaml
from experiments.received import refuse_links
from experiments.records import RunRecord, checked
from experiments.text import brief

CONFIG = "config.yaml"
RECORD = folders.RUN
PRUNED = "pruned"
EXPECTED = "the record of a run"


def read(folder: Path) -> dict[str, Any]:
    """A run's record, checked.

    Raises:
        UserError: there is no run in the folder, or its record is damaged; the key is named.
    """
    path = folder / RECORD
    try:
        content = read_json(path, EXPECTED)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"{folder}: holds no {RECORD}, expected a run's folder such as outputs/NAME/TIMESTAMP."
            " `python -m experiments list` shows them."
        ) from None
    return checked(path, RunRecord, content, EXPECTED)


def received(folder: Path) -> dict[str, Any]:
    """`read` of a folder that may have been received from anybody: it must hold no links.

    Raises:
        UserError: as `read` does; or a link in the folder.
    """
    record = read(folder)
    refuse_links(folder)
    return record


def outcome(record: Mapping[str, Any]) -> str:
    """The status as people are told it: `pruned` for a completed run that a search gave up."""
    pruned = record.get("status") == "completed" and record.get("pruned")
    return PRUNED if pruned else str(record.get("status"))


def find(folder: Path, skipped: Callable[[UserError], None] | None = None) -> list[tuple[Path, dict[str, Any]]]:
    """All runs below a folder, newest first; what cannot be read is left out, and told to `skipped`."""
    found = []
    for place, file in folders.below(folder):
        if file == RECORD:
            try:
                found.append((place, read(place)))
            except UserError as error:
                if skipped is not None:
                    skipped(error)
    return sorted(found, key=lambda run: (str(run[1].get("started_at")), str(run[0])), reverse=True)


def unchanged_config(folder: Path, record: dict[str, Any]) -> ExperimentConfig:
    """The run's config, which must still be the one with which it began.

    Raises:
        UserError: config.yaml or the config in run.json was changed, or config.yaml cannot be read.
    """
    path = folder / CONFIG
    values, then = config_values(folder), record["config"] or {}
    changes = [f"  {key}: {brief(now)}, expected {brief(before)}" for key, before, now in differences(then, values)]
    if changes:
        raise UserError(
            f"{path}: was changed since the run began. A resumed run ends exactly as it would have, so its"
            f" config stays. Undo the change, or start a new run with it: `python -m experiments rerun {folder}`.\n"
            + "\n".join(changes)
        )
    fingerprint = provenance.fingerprint_of(values)
    if record["config_fingerprint"] not in (None, fingerprint):
        raise UserError(
            f"{path}: was changed since the run began, and so was {RECORD}: the config's fingerprint is {fingerprint},"
            f" expected {brief(record['config_fingerprint'])}. Get the folder anew, or start a new run."
        )
    return validate(with_later_keys(values))


def config_values(folder: Path) -> dict[str, Any]:
    """What a run's config.yaml holds, not checked yet.

    Raises:
        UserError: it cannot be read, or is no mapping.
    """
    path = folder / CONFIG
    try:
        values = read_yaml(path, "the run's config")
    except FileNotFoundError:
        raise UserError(f"{path}: is not there, expected the run's config") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}: received {brief(values)}, expected the run's config")
    return values


def differences(first: dict[str, Any], second: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Each dotted key in which two configs differ, with both values (None where a config lacks it)."""
    for key in dict.fromkeys([*first, *second]):
        ours, theirs = first.get(key), second.get(key)
        if isinstance(ours, dict) and isinstance(theirs, dict):
            yield from differences(ours, theirs, f"{prefix}{key}.")
        elif ours != theirs:
            yield prefix + key, ours, theirs

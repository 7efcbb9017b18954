"""What people say of a run: its name, tags and notes, in run.json, where they may change; the config stays."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments import reports, runs
from experiments.config.mistakes import refused
from experiments.config.value_types import Name, Notes, Tag
from experiments.errors import UserError
from experiments.files import write_json
from experiments.received import refuse_read_only


def change(folder: Path, add: Sequence[str], remove: Sequence[str], notes: str | None, name: str | None) -> str:
    """Change a run's labels and write its page again; return in words what they are now.

    Raises:
        UserError: no run, a process runs in it, a tag or name that cannot be one, or a tag to remove that it has not.
    """
    record = runs.received(folder)
    refuse_read_only(folder)
    tags = list(record.get("tags") or [])
    for tag in remove:
        if tag not in tags:
            its = f"expected one of its tags: {', '.join(tags)}" if tags else "since it has no tags"
            raise UserError(f"{folder}: has no tag {tag!r} to remove, {its}")
    tags = [tag for tag in tags if tag not in remove]
    tags += [_checked(Tag, "--add", tag) for tag in add if tag not in tags]
    changes: dict[str, Any] = {"tags": list(dict.fromkeys(tags))}
    if notes is not None:
        changes["notes"] = _checked(Notes, "--notes", notes) or None
    if name is not None:
        changes["name"] = _checked(Name, "--name", name)
    with runs.locked(folder):
        write_json(folder / runs.RECORD, runs.read(folder) | changes)
        if (folder / reports.PAGE).exists():
            reports.write_html(folder)
    record = runs.read(folder)
    said = f"{record['name']}, tags: {', '.join(record['tags']) or 'none'}"
    return said + (f", notes: {record['notes']}" if record.get("notes") else "")


def _checked(kind: Any, option: str, value: str) -> str:
    if why := refused(kind, value):
        raise UserError(f"{option}: {why}")
    return value

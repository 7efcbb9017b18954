"""Exact state, saved and restored: one file a checkpoint, complete or not there at all, the last two kept.

A checkpoint is a plain .npz (`numpy.load` opens it): the member `state` is JSON in which each array is a reference to
another member, `config_fingerprint` is that of the run's config (files of former versions lack it), and `sha256` is the
digest of all the others. Nothing in it is a pickle, so no file can run code.
"""

import hashlib
import json
import logging
import re
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from experiments.errors import UserError
from experiments.files import atomic
from experiments.received import open_regular

log = logging.getLogger(__name__)

NAME = re.compile(r"epoch-\d{7}-step-\d{9}\.npz", re.ASCII)
# Keys that tell an encoded value from a dict; see `encode`.
ARRAY, TUPLE, ITEMS = "__array__", "__tuple__", "__items__"


class Checkpoints:
    """The checkpoints of one run, in `folder`; made for one process at a time (the run folder's lock sees to that).

    Their order is that of epoch and step, which stand in the names: the clock may be set back.
    """

    def __init__(self, folder: Path, config_fingerprint: str | None = None) -> None:
        self.folder = folder
        self._config = config_fingerprint
        self._previous: Path | None = None  # the newest one known to be good

    def save(self, state: dict[str, Any], *, epoch: int, step: int) -> Path:
        """Commit `state`, reached after `epoch` finished epochs and `step` steps of the next one.

        `state` is made of dicts, lists, tuples, numbers, text, booleans, None and numpy arrays.

        Raises:
            OSError: the disk is full or the folder cannot be written to; the checkpoints before are as they were.
            TypeError: `state` holds something else.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"epoch-{epoch:07d}-step-{step:09d}.npz"
        arrays: dict[str, np.ndarray] = {}
        text = json.dumps(encode(state, arrays))
        members = {"state": np.frombuffer(text.encode(), np.uint8)} | arrays
        if self._config is not None:
            members["config_fingerprint"] = np.array(self._config)
        with atomic(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **members, sha256=_digest(members))
        kept = {path, self._previous}
        for other in self._files():
            if other not in kept:
                other.unlink(missing_ok=True)
        self._previous = path
        return path

    def load(self) -> dict[str, Any] | None:
        """The newest state that can be used, or None; each damaged file before it is named in a warning.

        Raises:
            UserError: it was saved by a run of another config.
        """
        for path in reversed(self._files()):
            try:
                state, config = _read(path)
            except Exception as error:  # damaged bytes make zip, numpy and JSON raise nearly anything
                log.warning("%s: damaged (%.200s) and passed over", path, error or type(error).__name__)
                continue
            if self._config is not None and config not in (None, self._config):
                raise UserError(
                    f"{path}: was saved by a run whose config has the fingerprint {config:.64}, expected"
                    f" {self._config}. Get the folder anew, or start a new run."
                )
            self._previous = path
            return state
        return None

    def keep(self, number: int) -> None:
        """Remove all but the newest `number`, and the folder where nothing is left in it."""
        files = self._files()
        for path in files[: max(0, len(files) - number)]:
            path.unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()

    @property
    def are_there(self) -> bool:
        """Whether there is any, damaged or not."""
        return bool(self._files())

    def _files(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("epoch-*-step-*.npz") if NAME.fullmatch(path.name))


def _read(path: Path) -> tuple[dict[str, Any], str | None]:
    """State and fingerprint of the config."""
    with open_regular(path) as file, np.load(file, allow_pickle=False) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.zip.infolist()):
            raise ValueError("its members are compressed, expected stored as they are")
        members = {name: archive[name] for name in archive.files}
    expected = members.pop("sha256")
    if not np.array_equal(expected, _digest(members)):
        raise ValueError("its contents do not have the SHA-256 that it names")
    config = members.pop("config_fingerprint", None)
    state = decode(json.loads(members["state"].tobytes()), members)
    if not isinstance(state, dict):
        raise TypeError("its state is no mapping")
    return state, None if config is None else str(config)


def _digest(members: dict[str, np.ndarray]) -> np.ndarray:
    """SHA-256 over names, dtypes, shapes and bytes, as 32 bytes uint8."""
    digest = hashlib.sha256()
    for name, array in members.items():
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).data if array.size else b"")
    return np.frombuffer(digest.digest(), np.uint8)


def encode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """`value` as what JSON can hold; numpy arrays and scalars are put into `arrays` under names of their own.

    Raises:
        TypeError: something in `value` is none of the types that `Checkpoints.save` takes.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufcSU":
        name = f"array_{len(arrays)}"
        arrays[name] = np.asarray(value)
        return {ARRAY: name, "scalar": isinstance(value, np.generic)}
    if type(value) is list:
        return [encode(item, arrays) for item in value]
    if type(value) is tuple:
        return {TUPLE: [encode(item, arrays) for item in value]}
    if type(value) is dict:
        if all(type(key) is str and not key.startswith("__") for key in value):
            return {key: encode(item, arrays) for key, item in value.items()}
        return {ITEMS: [[encode(key, arrays), encode(item, arrays)] for key, item in value.items()]}
    raise TypeError(f"a checkpoint holds no {type(value).__name__}")


def decode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """What `encode` was given."""
    if isinstance(value, list):
        return [decode(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if ARRAY in value:
        array = arrays[value[ARRAY]]
        return array[()] if value["scalar"] else array
    if TUPLE in value:
        return tuple(decode(item, arrays) for item in value[TUPLE])
    if ITEMS in value:
        return {decode(key, arrays): decode(item, arrays) for key, item in value[ITEMS]}
    return {key: decode(item, arrays) for key, item in value.items()}

"""The cache of official files: looked into, checked, filled by a download."""

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from experiments.datasets.catalogue import KnownDataset, OfficialFile
from experiments.errors import UserError

LOCK_SECONDS = 3600  # CIFAR's host takes up to 40 minutes
TRIES = 3


@dataclass(frozen=True)
class Cache:
    """Where downloads are kept: `cache_dir`, or Keras' own folder (`KERAS_HOME` respected)."""

    folder: Path

    @classmethod
    def at(cls, cache_dir: str | None) -> "Cache":
        if cache_dir is not None:
            return cls(Path(cache_dir).expanduser())
        home = os.environ.get("KERAS_HOME") or "~/.keras"
        return cls(Path(home).expanduser() / "datasets")

    def file(self, known: KnownDataset, file: OfficialFile) -> Path:
        return self.folder / known.cache / file.name

    def find(self, known: KnownDataset) -> Path | None:
        """The folder or file that holds the data set, or None.

        Raises:
            UserError: an official file is there but is not what was published.
        """
        for name in known.extracted:
            if (self.folder / name).is_dir():
                return self.folder / name
        paths = [self.file(known, file) for file in known.files]
        if not paths or not all(path.is_file() for path in paths):
            return None
        for path, file in zip(paths, known.files, strict=True):
            _check_hash(path, file)
        return paths[0] if len(paths) == 1 else paths[0].parent

    def fetch(self, known: KnownDataset, mirror: str | None = None) -> Path:
        """Find the data set or download it; of several processes one downloads and the others wait.

        Raises:
            UserError: it cannot be downloaded, or what came is not what was published.
        """
        try:
            (self.folder / known.cache).mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / f".{known.name}.lock", timeout=LOCK_SECONDS):
                for file in known.files:
                    if not self.file(known, file).is_file() and self.find(known) is None:
                        _download(file, self.file(known, file), mirror)
                found = self.find(known)
                assert found is not None
                return found
        except OSError as error:
            raise UserError(
                f"{self.folder}: cannot be written to ({error.strerror or error}), expected a folder for"
                f" {known.title}. Choose another with dataset.cache_dir=…"
            ) from None


def _download(file: OfficialFile, path: Path, mirror: str | None) -> None:
    import pooch
    import requests

    host = mirror.rstrip("/") + "/" if mirror else file.host
    print(f"Downloading {host}{file.name} ({file.megabytes:g} MB) to {path}", file=sys.stderr, flush=True)
    pooch.get_logger().setLevel("ERROR")
    looked_for = f"Looked for {file.name} in {path.parent} and found none."
    place = pooch.create(path.parent, host, registry={file.name: file.hash}, retry_if_failed=TRIES - 1)
    try:
        place.fetch(file.name, downloader=pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=30))
    except ValueError as error:  # pooch's word for a wrong hash; the file it had moved nowhere
        raise UserError(f"{host}{file.name}: is not the published file. {_one_line(error)}") from None
    except requests.RequestException as error:
        raise UserError(
            f"{host}{file.name}: cannot be downloaded ({type(error).__name__}: {_reason(error)}). {looked_for}"
            f" Put {file.name} into {path.parent}, or name a file or folder that holds the data with dataset.path=…,"
            " or another host with dataset.mirror=…"
        ) from None


def _check_hash(path: Path, file: OfficialFile) -> None:
    algorithm, _, expected = file.hash.partition(":")
    with open(path, "rb") as content:
        actual = hashlib.file_digest(content, algorithm).hexdigest()
    if actual != expected:
        raise UserError(
            f"{path}: its {algorithm.upper()} is {actual}, expected {expected} (as published). Delete it to download it"
            f" again, or use it as it is with dataset.path={path}"
        )


def _reason(error: BaseException) -> str:
    """The innermost cause, without the outer ones' repetitions."""
    while isinstance(error.args[0] if error.args else None, BaseException) or getattr(error, "reason", None):
        inner = getattr(error, "reason", None) or error.args[0]
        if not isinstance(inner, BaseException):
            break
        error = inner
    return _one_line(error)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())

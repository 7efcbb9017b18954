"""The cache of official files: looked into, checked, filled by a download."""

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from experiments.datasets import cifar
from experiments.datasets.catalogue import KnownDataset, OfficialFile
from experiments.errors import UserError

TRIES = 3
PAUSE_SECONDS = 1.0  # before the second try; longer before the third
SILENCE_SECONDS = 30  # a host that sends nothing for so long is given up
CHUNK_BYTES = 1 << 18


@dataclass(frozen=True)
class Cache:
    """Where downloads are kept: `cache_dir`, or Keras' own folder (`KERAS_HOME` respected)."""

    folder: Path

    @classmethod
    def at(cls, cache_dir: str | None) -> "Cache":
        if cache_dir is not None:
            return cls(Path(os.path.expanduser(cache_dir)))
        home = os.environ.get("KERAS_HOME") or "~/.keras"
        return cls(Path(os.path.expanduser(home)) / "datasets")

    def find(self, known: KnownDataset) -> Path | None:
        """The folder or file that holds the data set, or None.

        Raises:
            UserError: an official file is there but is not what was published.
        """
        for name in known.extracted:
            if cifar.is_folder(self.folder / name, known.name):
                return self.folder / name
        for name in known.archives:
            if (self.folder / name).is_file():
                _check_cached(self.folder / name, known, known.files[0], self.folder / name)
                return self.folder / name
        lacking = self._lacking(known)
        return None if lacking or not known.files else self._place(known)

    def fetch(self, known: KnownDataset, mirror: str | None = None) -> Path:
        """Find the data set or download it; of several processes one downloads and the others wait.

        Raises:
            UserError: it cannot be downloaded, or what came is not what was published.
        """
        try:
            (self.folder / known.cache).mkdir(parents=True, exist_ok=True)
            with _locked(self.folder / f".{known.name}.lock"):
                found = self.find(known)
                if found is None:
                    for path, file in self._lacking(known):
                        _download(file, path, mirror)
                return found or self._place(known)
        except OSError as error:
            raise UserError(
                f"{self.folder}: cannot be written to ({error.strerror or error}), expected a folder for"
                f" {known.title}. Free it, or choose another with dataset.cache_dir=…"
            ) from None

    def _place(self, known: KnownDataset) -> Path:
        folder = self.folder / known.cache
        return folder / known.files[0].name if len(known.files) == 1 else folder

    def _lacking(self, known: KnownDataset) -> list[tuple[Path, OfficialFile]]:
        """The official files that are not there; those that are there are what was published."""
        lacking = []
        for file in known.files:
            path = self.folder / known.cache / file.name
            if path.is_file():
                _check_cached(path, known, file, self._place(known))
            else:
                lacking.append((path, file))
        return lacking


def is_published(path: Path, known: KnownDataset) -> bool:
    """Whether a path is, or holds, all files of a data set as they were published, by their hashes."""
    if path.is_file():
        return len(known.files) == 1 and _wrong_hash(path, known.files[0]) is None
    return any(
        all((place / file.name).is_file() and _wrong_hash(place / file.name, file) is None for file in known.files)
        for place in (path, path / known.cache)
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"Another process is filling {path.parent}; waiting for it", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _download(file: OfficialFile, path: Path, mirror: str | None) -> None:
    """Download to a temporary name, check, move. The name is fixed, so that the next try writes over a killed one's."""
    import pooch

    url = (mirror.rstrip("/") + "/" if mirror else file.host) + file.name
    print(f"Downloading {url} ({file.megabytes:g} MB) to {path}", file=sys.stderr, flush=True)
    downloader = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(),
        chunk_size=CHUNK_BYTES,
        timeout=SILENCE_SECONDS,
        headers={"Accept-Encoding": "identity"},  # or a host's own compression would be undone, and the hash be another
    )
    part = path.with_name(f".{file.name}.part")
    try:
        _transfer(downloader, url, part, path)
        if wrong := _wrong_hash(part, file):
            raise UserError(
                f"{url}: is not the published file. {wrong}; what came was thrown away. Try again, or name another host"
                " with dataset.mirror=… or a file or folder that holds the data with dataset.path=…"
            )
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _transfer(downloader: Callable[[str, str, None], None], url: str, part: Path, path: Path) -> None:
    """Download with several tries where the network, not the address, is at fault."""
    import requests

    passing = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    for tried in range(1, TRIES + 1):
        try:
            downloader(url, str(part), None)
            return
        except requests.RequestException as error:
            status = error.response.status_code if error.response is not None else 0
            if tried < TRIES and (isinstance(error, passing) or status >= 500):
                time.sleep(PAUSE_SECONDS * tried)
                continue
            raise UserError(
                f"{url}: cannot be downloaded ({type(error).__name__}: {_reason(error)}). Looked for {path.name} in"
                f" {path.parent} and found none. Put {path.name} into {path.parent}, or name a file or folder that"
                " holds the data with dataset.path=…, or another host with dataset.mirror=…"
            ) from None


def _wrong_hash(path: Path, file: OfficialFile) -> str | None:
    """In words how a file's hash differs from the published one; None where it does not."""
    algorithm, _, expected = file.hash.partition(":")
    with open(path, "rb") as content:
        actual = hashlib.file_digest(content, algorithm).hexdigest()
    return None if actual == expected else f"Its {algorithm.upper()} is {actual}, expected {expected} (as published)"


def _check_cached(path: Path, known: KnownDataset, file: OfficialFile, place: Path) -> None:
    try:
        wrong = _wrong_hash(path, file)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}), expected {file.name} as published") from None
    if wrong:
        raise UserError(
            f"{path}: is not the official file of {known.title}. {wrong}. It may be another edition of the data, such"
            f" as a Linux distribution's own copy, or be damaged. Give it by dataset.path={place} to use it as it is."
            " For the official file move it away, or name another folder with dataset.cache_dir=…"
        )


def _reason(error: BaseException) -> str:
    """The innermost cause, without the outer ones' repetitions."""
    while isinstance(error.args[0] if error.args else None, BaseException) or getattr(error, "reason", None):
        inner = getattr(error, "reason", None) or error.args[0]
        if not isinstance(inner, BaseException):
            break
        error = inner
    return " ".join(str(error).split())

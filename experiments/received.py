"""Files that may come from elsewhere: opened without following links, without waiting, and read up to a limit.

A run's or sweep's folder may be received from anybody. Whatever stands in it, reading it takes bounded time and memory
and touches nothing outside of it, and a problem is one message that names the file.
"""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from experiments.errors import UserError

# Files that are written in place, not replaced by a new one: a second name of theirs would be written to as well.
IN_PLACE = ("runner.log",)
LARGEST_TEXT = 16_000_000  # bytes of a file, unless its reader says otherwise
UNSEEN = (".submitit",)  # submitit's own notes, which have links among themselves; nothing of it is read


def open_regular(path: Path, flags: int = os.O_RDONLY) -> IO[bytes]:
    """Open a plain file, never through a link; a FIFO or device is refused at once instead of waited for.

    Raises:
        UserError: it is a link, a folder or no plain file, or would be written under a second name too.
        OSError: it is not there or must not be opened.
    """
    writes = flags & (os.O_WRONLY | os.O_RDWR)
    try:
        number = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _is_link(path) from None
        if error.errno == errno.ENXIO:  # a socket, or a FIFO to write to
            raise _no_file(path, "no plain file") from None
        raise
    found = os.fstat(number)
    if not stat.S_ISREG(found.st_mode) or (writes and found.st_nlink > 1):
        os.close(number)
        if stat.S_ISREG(found.st_mode):
            raise _has_other_name(path)
        raise _no_file(path, kind(found.st_mode))
    return open(number, "ab" if flags & os.O_APPEND else "wb" if writes else "rb")


def kind(mode: int) -> str:
    """What a file is, by its `st_mode`, in words."""
    words: dict[str, Callable[[int], bool]] = {
        "a plain file": stat.S_ISREG,
        "a folder": stat.S_ISDIR,
        "a FIFO": stat.S_ISFIFO,
        "a socket": stat.S_ISSOCK,
        "a device": lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode),
    }
    return next((name for name, is_it in words.items() if is_it(mode)), "no plain file")


def read_bytes(path: Path, expected: str, limit: int = LARGEST_TEXT) -> bytes:
    """All of a file of at most `limit` bytes; `expected` says in a message what it should be.

    Raises:
        UserError: it is larger, or cannot be read.
        FileNotFoundError: it is not there.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(
                file.fileno()
            ).st_size  # asked for no more than that, Python makes no buffer of `limit` bytes
            content = file.read(min(size, limit) + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unreadable(path, error.strerror or error, expected) from None
    if len(content) > limit:
        raise UserError(f"{path}: is larger than {limit:,} bytes, expected {expected}")
    return content


def read_text(path: Path, expected: str, limit: int = LARGEST_TEXT) -> str:
    """All of a UTF-8 file.

    Raises:
        UserError: it is larger than `limit` bytes, no UTF-8, or cannot be read.
        FileNotFoundError: it is not there.
    """
    try:
        return read_bytes(path, expected, limit).decode("utf-8")
    except UnicodeDecodeError as error:
        raise unreadable(path, f"byte {error.start} is no UTF-8", expected) from None


def unreadable(path: Path, why: object, expected: str) -> UserError:
    """The message about a file that is there and of no use."""
    return UserError(f"{path}: cannot be read ({why!s:.200}), expected {expected}")


def refuse_links(folder: Path) -> None:
    """A folder, with all below it, that holds no links: what is read and written there stays there.

    The folder itself may be reached through links. Only what is written in place is refused for a second (hard) name.

    Raises:
        UserError: a link; it is named.
    """
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    _refuse_link(entry, waiting)
        except OSError:  # gone meanwhile, or not to be looked into: then nothing is read from it either
            continue


def _refuse_link(entry: "os.DirEntry[str]", waiting: list[str]) -> None:
    if entry.is_symlink():
        raise _is_link(entry.path)
    if entry.is_dir(follow_symlinks=False):
        if entry.name not in UNSEEN:
            waiting.append(entry.path)
    elif entry.name in IN_PLACE and entry.stat(follow_symlinks=False).st_nlink > 1:
        raise _has_other_name(entry.path)


def refuse_read_only(folder: Path) -> None:
    """A folder that can be written to.

    Raises:
        UserError: it cannot.
    """
    if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(
            f"{folder}: cannot be written to (it is read-only), expected a folder for new files."
            " Make it writable, or copy it to a place that is."
        )


def _is_link(path: Any) -> UserError:
    return UserError(
        f"{path}: is a link, expected a plain file or folder: files of runs are not read or written through links."
        " Put what it points to in its place, or remove it."
    )


def _has_other_name(path: Any) -> UserError:
    return UserError(
        f"{path}: has a second name (a hard link), expected one: what is written here would be written there too."
        " Put a copy in its place, or remove it."
    )


def _no_file(path: Path, what: str) -> UserError:
    return UserError(f"{path}: is {what}, expected a plain file. Remove it, or name another folder.")

"""One process at a time. Asking who holds a lock does not take it, and no lock file stays behind.

The locks are POSIX record locks: the operating system gives up those of a dead process, tells who holds one
(`F_GETLK`), and keeps them across machines on a shared file system. They do not tell the threads of one process apart,
and closing any descriptor of the file gives them up; so this process's own locks are known here, by path, and no other
code opens the files.
"""

import fcntl
import os
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# The C structure `flock`: Linux begins it with the type of the lock, macOS and the BSDs end it so.
_LINUX = sys.platform.startswith("linux")
_FLOCK = struct.Struct("hhqqi0q" if _LINUX else "qqihh")
_TYPE = 0 if _LINUX else 3
_OPEN = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK

_own = threading.Condition()
_held: set[str] = set()


class Held(Exception):
    """Another process or thread holds the lock."""


@contextmanager
def held(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock whose file is `path`; the file is removed when it is given up.

    Raises:
        Held: somebody else holds it, and `wait` is false.
        OSError: the file cannot be made, or its file system has no locks.
    """
    name = _name(path)
    with _own:
        while name in _held:
            if not wait:
                raise Held
            _own.wait()
        _held.add(name)  # from here on no thread of this process opens the file
    try:
        descriptor = _acquire(name, wait)
        try:
            yield
        finally:
            with suppress(OSError):  # the folder may be gone
                os.unlink(name)  # while it is held: who waits for it sees that the file is another one
            os.close(descriptor)
    finally:
        with _own:
            _held.discard(name)
            _own.notify_all()


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock."""
    name = _name(path)
    with _own:
        if name in _held:
            return True
        try:
            descriptor = os.open(name, os.O_RDONLY | _OPEN)
        except OSError:
            return False
        try:
            asked = [0, os.SEEK_SET, 0, 0, 0] if _LINUX else [0, 0, 0, 0, os.SEEK_SET]
            asked[_TYPE] = fcntl.F_RDLCK
            answer = _FLOCK.unpack(fcntl.fcntl(descriptor, fcntl.F_GETLK, _FLOCK.pack(*asked)))
        except OSError:
            return False
        finally:
            os.close(descriptor)
    return answer[_TYPE] != fcntl.F_UNLCK


def _acquire(name: str, wait: bool) -> int:
    while True:
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | _OPEN, 0o644)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            with suppress(FileNotFoundError):
                if os.path.samestat(os.stat(name, follow_symlinks=False), os.fstat(descriptor)):
                    return descriptor
        except (BlockingIOError, PermissionError):  # systems differ in which of the two
            os.close(descriptor)
            raise Held from None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # who held it has removed the file


def _name(path: Path) -> str:
    return os.path.join(os.path.realpath(path.parent), path.name)


os.register_at_fork(after_in_child=_held.clear)  # a child inherits no lock

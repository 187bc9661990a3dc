"""`dump` and `load` for files that are named by a path."""

from __future__ import annotations

import contextlib
import errno
import io
import mmap
import os
import stat
from typing import TYPE_CHECKING, Any, BinaryIO

from . import _brinery

if TYPE_CHECKING:
    from collections.abc import Iterator

# From how many bytes on a file is mapped into memory. A smaller one is read sooner than mapped.
_MAPPED = 256 * 1024
# How much is collected for a write, and read at once of what is not mapped.
_BLOCK = 256 * 1024


def load(file: str | os.PathLike[str], **options: Any) -> Any:
    """Read the first pickle of a file."""
    with open(file, "rb", buffering=0) as raw:
        # What is sealed is read as it is verified, and not in place: the file could be changed in between.
        # So it is with what is judged before it is loaded.
        copied = not options.keys().isdisjoint(("key", "purpose", "policy", "type"))
        contents = None if copied else _contents(raw)
        if contents is None:
            return _brinery.load(io.BufferedReader(raw, _BLOCK), **options)
        with contents:
            return _brinery._load_mapped(contents, **options)


def _contents(raw: io.FileIO) -> mmap.mmap | None:
    """Return the contents of a file as they lie in the memory of the system, if that can be and pays."""
    status = os.fstat(raw.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_size < _MAPPED:
        return None
    try:
        return mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        return None


def dump(obj: Any, file: str | os.PathLike[str], *args: Any, **options: Any) -> None:
    """Write a pickle as a file, which is the old one until the new one is whole and safe on the disk."""
    with _replacing(file) as new:
        _brinery.dump(obj, new, *args, **options)


@contextlib.contextmanager
def _replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that takes the place of another if all goes well; if not, nothing has changed."""
    # What a link leads to is replaced, not the link.
    target = os.path.realpath(os.fsdecode(path))
    try:
        old = os.stat(target)
    except FileNotFoundError:
        old = None
    if old is not None and not stat.S_ISREG(old.st_mode):
        # A device, a pipe (or a folder, which is an error).
        with open(target, "wb", buffering=_BLOCK) as file:
            yield file
        return
    folder = os.path.dirname(target)
    descriptor, name = _new_file(folder)
    try:
        with open(descriptor, "wb", buffering=_BLOCK) as file:
            if old is not None:
                _make_alike(name, old)
            yield file
            file.flush()
            os.fsync(descriptor)
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    _sync_folder(folder)


def _new_file(folder: str) -> tuple[int, str]:
    """Make a file that nobody else has, with the rights that new files get."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    for _ in range(100):
        name = os.path.join(folder, f".{os.urandom(8).hex()}.tmp")
        try:
            return os.open(name, flags, 0o666), name
        except FileExistsError:
            continue
    raise FileExistsError(errno.EEXIST, "no name left for a temporary file", folder)


def _make_alike(name: str, old: os.stat_result) -> None:
    """Give a file the rights of another and, as far as one may, its owner."""
    if hasattr(os, "chown"):
        with contextlib.suppress(OSError):
            os.chown(name, old.st_uid, old.st_gid)
    os.chmod(name, stat.S_IMODE(old.st_mode))


def _sync_folder(folder: str) -> None:
    """Make the new name of a file last, where folders can be synced."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems do not know how.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)

"""Reading files that may grow when they are unpacked."""

from __future__ import annotations

from typing import Any

# What unpacks to no more than this is read whatever it was packed to; beyond it, so many times its size.
_FREE = 256 << 20
_RATIO = 100
_STEP = 4 << 20


def read_all(file: Any) -> bytes:
    """Return what is left of a file.

    Parameters
    ----------
    file : file-like
        The file. One that unpacks as it reads may not unpack to very much more than it is.

    Returns
    -------
    bytes
        The content.

    Raises
    ------
    PolicyError
        If the file unpacks to too much.
    """
    packed = _packed(file)
    if packed is None:
        content: bytes = file.read()
        return content
    parts, size = [], 0
    while part := file.read(_STEP):
        parts.append(part)
        size += len(part)
        if size > _FREE and size > _RATIO * packed():
            from .policy import _refusal

            raise _refusal("budget.memory", "the file unpacks to too much", None, None, "obj")
    return b"".join(parts)


def _packed(file: Any) -> Any:
    """Return what says how much of the packed file was read, if it is one."""
    size = getattr(file, "_compress_size", None)
    if isinstance(size, int):  # a member of a zip archive
        return lambda: size
    for name in ("fileobj", "_fp"):
        inner = getattr(file, name, None)
        if inner is not None and inner is not file and hasattr(inner, "tell"):
            return inner.tell
    return None

"""Make a failing stream short, so that it can be understood."""

from __future__ import annotations

from typing import Callable


def minimise(data: bytes, fails: Callable[[bytes], bool], tries: int = 4000) -> bytes:
    """Leave out pieces of a stream, large ones first, as long as it goes on failing."""
    size = max(len(data) // 2, 1)
    while size:
        at = 0
        while at < len(data) and tries:
            tries -= 1
            shorter = data[:at] + data[at + size :]
            if fails(shorter):
                data = shorter
            else:
                at += size
        size //= 2
    return data

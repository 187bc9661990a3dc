"""``dump`` to and ``load`` from files, in memory where the system has a folder there: no disk is measured."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from benches.workload import Engine, large, unchanging, used
from benches.workloads import containers, instances, scalars


class Saved:
    """A file with a pickle, which goes when nobody holds it."""

    def __init__(self) -> None:
        folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        handle, name = tempfile.mkstemp(prefix="brinery-bench-", dir=folder)
        os.close(handle)
        self.path = Path(name)

    def __del__(self) -> None:
        self.path.unlink()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Saved) and self.path.read_bytes() == other.path.read_bytes()

    def __len__(self) -> int:
        return self.path.stat().st_size

    __hash__ = None


def _by_file(module: ModuleType) -> Engine:
    saved = Saved()

    def dump(obj: Any, protocol: int) -> Saved:
        with open(saved.path, "r+b") as file:
            module.dump(obj, file, protocol)
            file.truncate()
        return saved

    def load(data: Saved) -> Any:
        with open(data.path, "rb") as file:
            return module.load(file)

    return dump, load


@used(_by_file)
def records() -> list[dict]:
    """The records of containers, as a file."""
    return containers.records()


@used(_by_file)
def dataclasses() -> list[instances.Data]:
    """2,000 dataclass instances, as a file."""
    return instances.dataclasses()


@used(_by_file)
@large
def urls() -> list[str]:
    """100,000 addresses, as a file."""
    return scalars.urls() + [f"https://example.net/{number}/index.html" for number in range(90_000)]


@used(_by_file)
def one_message() -> dict:
    """A message of five keys, as a file."""
    return {"id": 7, "kind": "update", "user": "ada", "values": [1, 2, 3], "at": 1.5}


@used(_by_file)
@unchanging
def bytes_64mib() -> list[bytes]:
    """64 MiB of bytes in four pieces, as a file."""
    return [bytes([number]) * (16 << 20) for number in range(4)]

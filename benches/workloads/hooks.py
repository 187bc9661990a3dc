"""Picklers with hooks, as cloudpickle, multiprocessing and ZODB have them; the hooks leave almost all objects alone."""

from __future__ import annotations

import collections
import copyreg
import io
from types import ModuleType
from typing import Any

from benches.workload import Engine, used
from benches.workloads.containers import records
from benches.workloads.instances import Plain


class Session:
    """What the hooks look for."""

    def __init__(self, name: str) -> None:
        self.name = name


def _by_class(module: ModuleType, pickler: type, unpickler: type | None = None) -> Engine:
    def dumps(obj: Any, protocol: int) -> bytes:
        file = io.BytesIO()
        pickler(file, protocol).dump(obj)
        return file.getvalue()

    if unpickler is None:
        return dumps, module.loads
    return dumps, lambda data: unpickler(io.BytesIO(data)).load()


def _reducer_override(module: ModuleType) -> Engine:
    class Pickler(module.Pickler):
        def reducer_override(self, obj: Any) -> Any:
            if type(obj) is Session:
                return Session, (obj.name,)
            return NotImplemented

    return _by_class(module, Pickler)


def _dispatch_table(module: ModuleType) -> Engine:
    class Pickler(module.Pickler):
        dispatch_table = {**copyreg.dispatch_table, Session: lambda obj: (Session, (obj.name,))}

    return _by_class(module, Pickler)


def _chained_tables(module: ModuleType) -> Engine:
    class Pickler(module.Pickler):
        # As multiprocessing has it: a table of each pickler's own before the one of all.
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.dispatch_table = collections.ChainMap({}, {Session: _reduce_session}, copyreg.dispatch_table)

    return _by_class(module, Pickler)


def _reduce_session(session: Session) -> tuple:
    return Session, (session.name,)


def _persistent_id(module: ModuleType) -> Engine:
    class Pickler(module.Pickler):
        def persistent_id(self, obj: Any) -> Any:
            return obj.name if type(obj) is Session else None

    class Unpickler(module.Unpickler):
        def persistent_load(self, pid: Any) -> Any:
            return Session(pid)

    return _by_class(module, Pickler, Unpickler)


def _find_class(module: ModuleType) -> Engine:
    class Unpickler(module.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            if module.partition(".")[0] in ("benches", "builtins"):
                return super().find_class(module, name)
            raise ValueError(f"{module}.{name}")

    return _by_class(module, module.Pickler, Unpickler)


def _objects() -> list:
    session = Session("main")
    return [session, *(Plain(number) for number in range(1000)), session]


@used(_reducer_override)
def reducer_override() -> list:
    """1,000 instances through a reducer_override that changes one other."""
    return _objects()


@used(_dispatch_table)
def dispatch_table() -> list:
    """1,000 instances through a dispatch_table that changes one other."""
    return _objects()


@used(_chained_tables)
def chained_tables() -> list:
    """1,000 instances through chained dispatch tables as multiprocessing has them, one of which changes one other."""
    return _objects()


@used(_persistent_id)
def persistent_id() -> list:
    """1,000 instances through a persistent_id that names one other."""
    return _objects()


@used(_persistent_id)
def persistent_id_records() -> list:
    """The records of containers through a persistent_id that names one other object."""
    return [Session("main"), *records()]


@used(_find_class)
def find_class() -> list:
    """1,000 instances through a find_class that allows some modules."""
    return _objects()

"""What the type checkers must find out about the drop-in; the errors that they must find are marked.

mypy and pyright both read this file, and the tests run it as well.
"""

from __future__ import annotations

import io
import pickle as stock
from collections import ChainMap
from collections.abc import Callable
from typing import Any

from typing_extensions import assert_type

import brinery
import brinery as pickle

assert_type(pickle.dumps([1]), bytes)
assert_type(pickle.dumps([1], 2), bytes)
assert_type(pickle.dumps([1], protocol=None, fix_imports=False), bytes)
assert_type(pickle.loads(b"N."), Any)
assert_type(pickle.loads(bytearray(b"N."), encoding="bytes", errors="strict", buffers=None), Any)
assert_type(pickle.loads(memoryview(b"N."), buffers=[b""]), Any)
assert_type(pickle.dump([1], io.BytesIO()), None)
assert_type(pickle.load(io.BytesIO(b"N.")), Any)
assert_type(pickle.STOP, bytes)
assert_type(pickle.TRUE, bytes)
assert_type(pickle.DEFAULT_PROTOCOL, int)
assert_type(brinery.__version__, str)
assert_type(brinery.install(), None)
assert_type(brinery.uninstall(), None)


class File:
    """All that a pickler and an unpickler need of a file."""

    def write(self, data: bytes) -> int:
        return len(data)

    def read(self, size: int) -> bytes:
        return b"N."[:size]

    def readline(self) -> bytes:
        return b""


class Pickler(pickle.Pickler):
    """A pickler that uses every hook."""

    dispatch_table = ChainMap[type, Callable[[Any], Any]]({})

    def persistent_id(self, obj: Any) -> int | None:
        return 1 if obj == "one" else None

    def reducer_override(self, obj: Any) -> Any:
        return (complex, (obj.real, 0)) if isinstance(obj, complex) else NotImplemented


class Unpickler(pickle.Unpickler):
    """An unpickler that uses every hook."""

    def persistent_load(self, pid: Any) -> str:
        return "one" if pid == 1 else "other"

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        return super().find_class(module_name, global_name)


file = io.BytesIO()
buffers: list[pickle.PickleBuffer] = []
pickler = Pickler(file, 5, buffer_callback=buffers.append)
assert_type(pickler.dump(["one", 1j]), None)
assert_type(pickler.fast, bool)
assert_type(pickler.memo.copy(), "dict[int, tuple[int, Any]]")
pickler.memo = {}
assert_type(pickler.clear_memo(), None)
file.seek(0)
unpickler = Unpickler(file, encoding="latin-1")
assert_type(unpickler.load(), Any)
assert_type(unpickler.memo.copy(), "dict[int, Any]")
pickle.Pickler(File()).dump(None)
pickle.Unpickler(File())

pickle.dumps(pickle.PickleBuffer(b"data"), 5, buffer_callback=buffers.append)

with brinery.installed() as nothing:
    assert_type(nothing, None)

for opcode, arg, pos in brinery.tools.genops(b"N."):
    assert_type(opcode.name, str)
    assert_type(arg, Any)
    assert_type(pos, "int | None")
assert_type(brinery.tools.optimize(b"N."), bytes)
assert_type(brinery.tools.dis(b"N.", out=io.StringIO(), annotate=1), None)
assert_type(brinery.tools.dis(io.BytesIO(b"N."), io.StringIO(), {}), None)

try:
    raise brinery.UnpicklingError
except stock.PickleError as error:
    caught: stock.PickleError = error


def mistakes() -> None:
    """Hold what the type checkers must refuse; nobody calls it."""
    pickle.loads("text")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    pickle.dumps([], "2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    pickle.dump([], io.StringIO())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    pickle.load(b"N.")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    pickle.loads(b"N.", True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    brinery.install(True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    brinery.tools.optimize(io.BytesIO())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

"""The ways to dump an object and to load a stream, each giving an outcome that two engines can be compared by."""

from __future__ import annotations

import copyreg
import io
import re
import sys
import tempfile
from collections import ChainMap
from typing import Any, Callable

from tests.identity import classes

#: An engine is a module with the names of ``_pickle``.
Engine = Any
Outcome = tuple

#: Before, stock saves the items of lists, dicts and sets without holding them (python/cpython#92930): a hook that takes one away
#: leaves it with freed memory.
STOCK_HOLDS_ITEMS = sys.version_info >= (3, 10, 6)


def outcome(call: Callable[[], Any]) -> Outcome:
    """Return what a call gives: its value, or the name and the text of its exception."""
    try:
        return ("value", call())
    except Exception as error:
        return (
            "error",
            type(error).__qualname__,
            re.sub(r"(object type \w+ at )?0x[0-9a-f]+", "0x", str(error)),
        )


def exhausted(stock: Outcome) -> bool:
    """Say whether stock ended for want of stack.

    What fails at the end of the stack may be an import, which it reports as an error of its own. Before Python 3.11, such an
    error comes without its text where there is no stack left to word it; no other error of stock is without.
    """
    return stock[:2] == ("error", "RecursionError") or (
        sys.version_info < (3, 11) and stock == ("error", "PicklingError", "")
    )


class Writes:
    """A file that keeps what it is given, write by write."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: Any) -> int:
        self.parts.append(bytes(data))
        return len(data)


def _dumped(
    engine: Engine, obj: Any, protocol: int, prepare: Callable[[Any], None], base: Any = None
) -> list[bytes]:
    """Dump through a Pickler that was prepared; return what was written."""
    stream = Writes()
    pickler = (base or engine.Pickler)(stream, protocol)
    prepare(pickler)
    pickler.dump(obj)
    return stream.parts


def dumps(engine: Engine, obj: Any, protocol: int) -> bytes:
    return engine.dumps(obj, protocol)


def dumps_without_fix_imports(engine: Engine, obj: Any, protocol: int) -> bytes:
    return engine.dumps(obj, protocol, fix_imports=False)


def dump(engine: Engine, obj: Any, protocol: int) -> list[bytes]:
    """Also equal: how the stream is cut into writes."""
    stream = Writes()
    engine.dump(obj, stream, protocol)
    return stream.parts


def pickler(engine: Engine, obj: Any, protocol: int) -> list[bytes]:
    return _dumped(engine, obj, protocol, lambda p: None)


def two_dumps(engine: Engine, obj: Any, protocol: int) -> list[bytes]:
    """The second dump of one Pickler refers to the memo of the first."""
    stream = Writes()
    one = engine.Pickler(stream, protocol)
    one.dump(obj)
    one.dump([obj, "second", obj])
    return stream.parts


def dump_cleared_dump(engine: Engine, obj: Any, protocol: int) -> list[bytes]:
    stream = Writes()
    one = engine.Pickler(stream, protocol)
    one.dump(obj)
    one.clear_memo()
    one.dump(obj)
    return stream.parts


def fast(engine: Engine, obj: Any, protocol: int) -> list[bytes]:
    return _dumped(engine, obj, protocol, lambda p: setattr(p, "fast", True))


def subclass(engine: Engine, obj: Any, protocol: int) -> list[bytes]:
    class Sub(engine.Pickler):
        pass

    return _dumped(engine, obj, protocol, lambda p: None, Sub)


def idle_hooks(engine: Engine, obj: Any, protocol: int) -> list[bytes]:
    class Idle(engine.Pickler):
        dispatch_table = copyreg.dispatch_table

        def persistent_id(self, obj: Any) -> None:
            return None

        def reducer_override(self, obj: Any) -> Any:
            return NotImplemented

    return _dumped(engine, obj, protocol, lambda p: None, Idle)


def persistent(engine: Engine, obj: Any, protocol: int) -> list[bytes]:
    """Strings, numbers and instances that are kept elsewhere."""

    class Persistent(engine.Pickler):
        def persistent_id(self, obj: Any) -> Any:
            if isinstance(obj, str) and len(obj) == 3:
                return obj.encode("ascii", "replace").decode()
            if type(obj) is classes.Plain:
                return ("plain", len(obj.__dict__)) if protocol else "plain"
            return "seven" if obj == 7 and type(obj) is int else None

    return _dumped(engine, obj, protocol, lambda p: None, Persistent)


def persistent_attribute(engine: Engine, obj: Any, protocol: int) -> list[bytes]:
    class Sub(engine.Pickler):
        pass

    def prepare(p: Any) -> None:
        p.persistent_id = lambda obj: "listed" if type(obj) is list and len(obj) == 2 else None

    return _dumped(engine, obj, protocol, prepare, Sub)


def dispatch_table(engine: Engine, obj: Any, protocol: int) -> list[bytes]:
    table = {
        classes.ByTable: lambda obj: (classes.ByTable, (obj.value,)),
        classes.MyInt: lambda obj: (int, (1,)),
    }
    return _dumped(
        engine, obj, protocol, lambda p: setattr(p, "dispatch_table", ChainMap(table, copyreg.dispatch_table))
    )


def dispatch_table_of_class(engine: Engine, obj: Any, protocol: int) -> list[bytes]:
    class Tabled(engine.Pickler):
        dispatch_table = {
            classes.Plain: lambda obj: (classes.Collector, ("by table",)),
            complex: lambda obj: "SINGLETON",
        }

    return _dumped(engine, obj, protocol, lambda p: None, Tabled)


def reducer_override(engine: Engine, obj: Any, protocol: int) -> list[bytes]:
    class Overriding(engine.Pickler):
        def reducer_override(self, obj: Any) -> Any:
            if type(obj) is classes.Plain:
                return classes.Collector, (sorted(map(str, obj.__dict__)),)
            if obj is classes.plain_function:
                return "plain_function"
            return NotImplemented

    return _dumped(engine, obj, protocol, lambda p: None, Overriding)


def out_of_band(engine: Engine, obj: Any, protocol: int) -> tuple:
    buffers: list = []
    data = engine.dumps(obj, protocol, buffer_callback=buffers.append)
    return data, [bytes(buffer.raw()) for buffer in buffers]


def some_out_of_band(engine: Engine, obj: Any, protocol: int) -> tuple:
    """The callback keeps every second buffer in band."""
    buffers: list = []

    def callback(buffer: Any) -> bool:
        buffers.append(buffer)
        return len(buffers) % 2 == 0

    data = engine.dumps(obj, protocol, buffer_callback=callback)
    return data, [bytes(buffer.raw()) for buffer in buffers]


#: Ways fit for the largest objects.
FEW = (dumps, dump, two_dumps)
WAYS = (
    *FEW,
    dumps_without_fix_imports,
    pickler,
    dump_cleared_dump,
    fast,
    subclass,
    idle_hooks,
    persistent,
    persistent_attribute,
    dispatch_table,
    dispatch_table_of_class,
    reducer_override,
    out_of_band,
    some_out_of_band,
)


class Unpeekable:
    """A file that can be read, and neither peeked nor read into."""

    def __init__(self, data: bytes) -> None:
        stream = io.BytesIO(data)
        self.read, self.readline, self.tell = stream.read, stream.readline, stream.tell


def loads(engine: Engine, data: bytes) -> Any:
    return engine.loads(data)


def load(engine: Engine, data: bytes) -> Any:
    """Also equal: where the file stands afterwards."""
    stream = io.BytesIO(data + b"rest")
    return engine.load(stream), stream.read()


def load_unpeekable(engine: Engine, data: bytes) -> Any:
    stream = Unpeekable(data + b"rest")
    return engine.load(stream), stream.tell()


def load_real_file(engine: Engine, data: bytes) -> Any:
    with tempfile.TemporaryFile() as stream:
        stream.write(data + b"rest")
        stream.seek(0)
        return engine.load(stream), stream.read()


def load_three(engine: Engine, data: bytes) -> list:
    """Three pickles in one stream, read by one Unpickler."""
    unpickler = engine.Unpickler(io.BytesIO(data * 3))
    return [unpickler.load(), unpickler.load(), unpickler.load()]


LOADS = (loads, load, load_unpeekable, load_real_file, load_three)

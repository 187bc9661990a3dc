"""What other projects expect of a pickler, each as they use it: the engine does what `pickle` does."""

from __future__ import annotations

import array
import collections
import copyreg
import io
import itertools
import mmap
import pickle
import sys
import threading
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import brinery


class Point:
    def __init__(self, x: int, y: int) -> None:
        self.x, self.y = x, y

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Point) and (self.x, self.y) == (other.x, other.y)

    __hash__ = None


class Connection:
    """Something that cannot be pickled as it is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lock = threading.Lock()


def reduce_point(point: Point) -> tuple[Any, ...]:
    return Point, (point.x * 10, point.y * 10)


def reduce_connection(connection: Connection) -> tuple[Any, ...]:
    return Connection, (connection.name,)


THINGS = [Point(1, 2), [Point(3, 4)], "text", {"k": (1.5, None)}, reduce_point, 5j]

Result = Any
cases: list[Callable[[ModuleType], Result]] = []


def case(function: Callable[[ModuleType], Result]) -> Callable[[ModuleType], Result]:
    """Register what a project does with a module called pickle."""
    cases.append(function)
    return function


def written(pickler_class: Any, *things: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    pickler = pickler_class(file, **options)
    for thing in things:
        pickler.dump(thing)
    return file.getvalue()


@case
def dispatch_table_as_class_attribute(pickle: ModuleType) -> Result:
    class Pickler(pickle.Pickler):
        dispatch_table = collections.ChainMap({Point: reduce_point}, copyreg.dispatch_table)

    return written(Pickler, THINGS)


@case
def dispatch_table_as_instance_attribute(pickle: ModuleType) -> Result:
    class ForkingPickler(pickle.Pickler):
        reducers = {Point: reduce_point}

        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.dispatch_table = copyreg.dispatch_table.copy()
            self.dispatch_table.update(self.reducers)

    file = io.BytesIO()
    plain = pickle.Pickler(file)
    plain.dispatch_table = {Point: reduce_point}
    plain.dump(THINGS)
    return written(ForkingPickler, THINGS), file.getvalue(), plain.dispatch_table


@case
def dispatch_table_through_a_descriptor(pickle: ModuleType) -> Result:
    class Table:
        def __get__(self, instance: Any, owner: Any) -> Any:
            return {Point: reduce_point}

    class Pickler(pickle.Pickler):
        dispatch_table = Table()

    class Property(pickle.Pickler):
        @property
        def dispatch_table(self) -> Any:
            return {Point: reduce_point}

    return written(Pickler, THINGS), written(Property, THINGS)


@case
def dispatch_table_that_computes(pickle: ModuleType) -> Result:
    class Table(dict):
        def __missing__(self, kind: type) -> Any:
            if kind is Point:
                return reduce_point
            raise KeyError(kind)

    class Pickler(pickle.Pickler):
        dispatch_table = Table()

    return written(Pickler, THINGS)


@case
def reducer_override_like_cloudpickle(pickle: ModuleType) -> Result:
    seen = []

    class Pickler(pickle.Pickler):
        dispatch_table = {Connection: reduce_connection}

        def reducer_override(self, obj: Any) -> Any:
            seen.append(type(obj).__name__)
            if isinstance(obj, Point):
                return reduce_point(obj)
            return NotImplemented

    data = written(Pickler, [*THINGS, Connection("c")])
    return data, seen


@case
def reducer_with_a_state_setter(pickle: ModuleType) -> Result:
    class Pickler(pickle.Pickler):
        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, Point):
                return Point, (0, 0), vars(obj), None, None, set_state
            return NotImplemented

    data = written(Pickler, THINGS)
    return data, pickle.loads(data)


def set_state(obj: Any, state: Any) -> None:
    vars(obj).update(state)


@case
def persistent_ids_like_zodb(pickle: ModuleType) -> Result:
    stored: dict[int, Any] = {}

    def persistent_id(obj: Any) -> Any:
        if isinstance(obj, Point):
            stored[obj.x] = obj
            return "Point", obj.x
        return None

    class Pickler(pickle.Pickler):
        """3.13 forbids to set the attribute of a plain one."""

    class Unpickler(pickle.Unpickler):
        pass

    file = io.BytesIO()
    pickler = Pickler(file, 3)
    pickler.persistent_id = persistent_id
    pickler.dump(THINGS)
    pickler.clear_memo()
    pickler.dump([THINGS[0]])
    file.seek(0)
    unpickler = Unpickler(file)
    unpickler.persistent_load = lambda pid: stored[pid[1]]
    back = unpickler.load(), unpickler.load()
    return file.getvalue(), back, back[0][0] is THINGS[0]


@case
def persistent_ids_as_methods(pickle: ModuleType) -> Result:
    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: Any) -> Any:
            return f"id-{obj.x}" if isinstance(obj, Point) else None

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, pid: str) -> Any:
            return pid.upper()

    data = [written(Pickler, THINGS, protocol=protocol) for protocol in range(6)]
    return data, [Unpickler(io.BytesIO(item)).load() for item in data]


@case
def persistent_ids_made_for_each_object(pickle: ModuleType) -> Result:
    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: Any) -> Any:
            return ("Point", [f"x{obj.x}"], {"y": obj.y + 1000}) if isinstance(obj, Point) else None

    points = [Point(number, number) for number in range(50)]
    return [written(Pickler, points, [points], points, protocol=protocol) for protocol in range(1, 6)]


@case
def find_class_like_a_restricted_loader(pickle: ModuleType) -> Result:
    asked = []

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            asked.append((module, name))
            if name == "Point":
                return lambda *args: ("point", args)
            return super().find_class(module, name)

    data = pickle.dumps([complex, THINGS[5], collections.OrderedDict])
    back = Unpickler(io.BytesIO(data)).load()
    return back, asked


@case
def one_pickler_for_a_stream_of_messages(pickle: ModuleType) -> Result:
    file = io.BytesIO()
    pickler = pickle.Pickler(file, protocol=4)
    shared = Point(7, 8)
    sizes = []
    for _ in range(3):
        pickler.dump(("message", shared))
        sizes.append(file.tell())
    file.seek(0)
    unpickler = pickle.Unpickler(file)
    back = [unpickler.load() for _ in range(3)]
    return sizes, file.getvalue(), back[0][1] is back[2][1]


@case
def initialised_again(pickle: ModuleType) -> Result:
    first, second = io.BytesIO(), io.BytesIO()
    pickler = pickle.Pickler(first, 2)
    pickler.dump(THINGS[1])
    pickler.__init__(second, 4)
    pickler.dump(THINGS[1])
    unpickler = pickle.Unpickler(io.BytesIO(pickle.dumps(1)))
    unpickler.__init__(io.BytesIO(pickle.dumps(2)))
    return first.getvalue(), second.getvalue(), unpickler.load()


@case
def memo_copied_to_another_pickler(pickle: ModuleType) -> Result:
    shared = ["shared"]
    file = io.BytesIO()
    first = pickle.Pickler(file)
    first.dump(shared)
    other = io.BytesIO()
    second = pickle.Pickler(other)
    second.memo = first.memo
    second.dump(shared)
    third = pickle.Pickler(other)
    third.memo = first.memo.copy()
    third.dump(shared)
    unpickler = pickle.Unpickler(io.BytesIO(file.getvalue()))
    loaded = unpickler.load()
    reader = pickle.Unpickler(io.BytesIO(other.getvalue()[:6]))
    reader.memo = unpickler.memo
    return other.getvalue(), len(first.memo.copy()), unpickler.memo.copy(), reader.load() is loaded


@case
def buffers_like_dask(pickle: ModuleType) -> Result:
    class Frame:
        def __init__(self, data: Any) -> None:
            self.data = data

        def __reduce_ex__(self, protocol: int) -> Any:
            if protocol >= 5:
                return bytes, (pickle.PickleBuffer(self.data),)
            return bytes, (bytes(self.data),)

    frames = [Frame(bytearray(b"x" * 10)), Frame(b"y" * 100_000)]
    buffers: list[Any] = []
    out = pickle.dumps(frames, protocol=5, buffer_callback=buffers.append)
    kept = pickle.dumps(frames, protocol=5, buffer_callback=lambda buffer: len(buffer.raw()) > 50)
    raw = [bytes(buffer.raw()) for buffer in buffers]
    return out, kept, raw, pickle.loads(out, buffers=iter(raw)), pickle.loads(pickle.dumps(frames, 4))


@case
def every_bytes_like(pickle: ModuleType) -> Result:
    data = pickle.dumps(THINGS, 2)
    with mmap.mmap(-1, len(data)) as mapped:
        mapped[:] = data
        return [
            pickle.loads(view)
            for view in (
                data,
                bytearray(data),
                memoryview(data),
                array.array("B", data),
                mapped,
                data + b"rest",
            )
        ]


@case
def positional_and_named_arguments(pickle: ModuleType) -> Result:
    file = io.BytesIO()
    pickle.dump([1], file, -1)
    pickle.dump(obj=[1], file=file, protocol=None, fix_imports=False)
    return [
        file.getvalue(),
        pickle.dumps([1], None),
        pickle.dumps(obj=[1], protocol=0, fix_imports=True, buffer_callback=None),
        pickle.load(file=io.BytesIO(b"N."), encoding="bytes", errors="strict", buffers=None),
    ]


@case
def wrong_arguments(pickle: ModuleType) -> Result:
    attempts: list[Callable[[], Any]] = [
        lambda: pickle.dumps(),
        lambda: pickle.dumps([], 6),
        lambda: pickle.dumps([], "2"),
        lambda: pickle.dumps([], 4, buffer_callback=print),
        lambda: pickle.dump([], object()),
        lambda: pickle.load(object()),
        lambda: pickle.loads("text"),
        lambda: pickle.loads(b"N.", nonsense=1),
        lambda: pickle.loads(b""),
        lambda: pickle.Pickler(),
        lambda: pickle.Pickler.__new__(pickle.Pickler).dump(1),
        lambda: pickle.Unpickler.__new__(pickle.Unpickler).load(),
        lambda: pickle.dumps(threading.Lock()),
        lambda: pickle.dumps(lambda: 0),
    ]
    if sys.version_info >= (3, 10):  # before that, types made the way brinery's are could not be immutable
        attempts.append(lambda: setattr(pickle.Pickler, "dump", None))
    outcomes = []
    for attempt in attempts:
        with pytest.raises(Exception) as caught:
            attempt()
        outcomes.append(caught.type)
    return outcomes


@case
def picklers_are_ordinary_objects(pickle: ModuleType) -> Result:
    class Mixin:
        def dump_all(self, things: Any) -> None:
            for thing in things:
                self.dump(thing)

    class Pickler(Mixin, pickle.Pickler):
        __slots__ = ("__weakref__", "extra")

    file = io.BytesIO()
    pickler = Pickler(file)
    pickler.extra = 1
    pickler.dump_all(THINGS)
    alive = weakref.ref(pickler)
    cycle = [pickler]
    pickler.extra = cycle
    return alive() is pickler, file.getvalue(), pickler.bin, pickler.fast, Pickler.__mro__[-1]


@case
def a_file_that_writes_elsewhere(pickle: ModuleType) -> Result:
    class Socket:
        def __init__(self) -> None:
            self.parts: list[int] = []
            self.data = b""

        def write(self, part: Any) -> int:
            self.parts.append(len(part))
            self.data += bytes(part)
            return len(part)

    socket = Socket()
    pickle.Pickler(socket, 4).dump([b"a" * 70_000, list(range(30_000)), b"b" * 200_000])
    return socket.parts, socket.data


@case
def a_file_that_cannot_go_back(pickle: ModuleType) -> Result:
    data = b"".join(pickle.dumps(thing, protocol) for protocol, thing in itertools.product(range(6), THINGS))
    stream = io.BytesIO(data)
    asked = []

    class Pipe:
        def read(self, size: int) -> bytes:
            asked.append(size)
            return stream.read(size)

        def readline(self) -> bytes:
            return stream.readline()

    back, ends = [], []
    for _ in range(6 * len(THINGS)):
        back.append(pickle.load(Pipe()))
        ends.append(stream.tell())
    return back, ends


@pytest.mark.parametrize("project", cases, ids=lambda project: project.__name__)
def test_the_engine_does_what_pickle_does(project: Callable[[ModuleType], Result]) -> None:
    assert project(brinery) == project(pickle)

"""Scalars and arrays of numpy are written without asking numpy: with the bytes of its own reductions all the same."""

from __future__ import annotations

import contextlib
import copyreg
import io
import pickle
import random
from typing import Any, Callable

import pytest

import brinery

np = pytest.importorskip("numpy")

KINDS = "? i1 u1 i2 >i4 i4 i8 u8 f2 f4 f8 >f8 g c8 c16 G S0 S3 U2 M8[s] m8[D] O V3 i4,f8".split()
SHAPES: list[tuple[int, ...]] = [(), (0,), (1,), (5,), (2, 3), (2, 0), (3, 2, 2), (2, 1, 2, 2), (300,)]


class Blocks:
    """A file that keeps each write apart."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []

    def write(self, block: Any) -> int:
        self.blocks.append(bytes(block))
        return memoryview(block).nbytes


def arrays() -> list[Any]:
    made: list[Any] = []
    for kind in KINDS:
        for shape in SHAPES:
            array = np.zeros(shape, dtype=kind)
            if array.dtype.kind in "iufc":
                array[...] = np.arange(array.size).reshape(shape) % 7
            made += [array, array.copy(order="F"), array.T]
            if array.ndim:
                made += [array[::2], array[::-1]]
            constant = array.copy()
            constant.setflags(write=False)
            made.append(constant)
    made += [np.matrix([[1, 2]]), np.ma.array([1, 2], mask=[0, 1]), np.broadcast_to(np.arange(3), (2, 3))]
    return made


def scalars() -> list[Any]:
    names = (
        "bool_ int8 uint8 int16 int32 int64 uint64 float16 float32 float64 longdouble complex64 clongdouble"
    )
    made = [getattr(np, name)(value) for name in names.split() for value in (0, 1, 2, 1, 100)]
    made += [
        np.datetime64("2020"),
        np.datetime64("2020-01"),
        np.timedelta64(3, "D"),
        np.str_("ab"),
        np.str_(""),
    ]
    return [*made, np.bytes_(b"ab"), np.void(b"abc"), np.void(b"d")]


def check(value: Any, protocols: range = range(6)) -> None:
    for protocol in protocols:
        assert brinery.dumps(value, protocol) == pickle.dumps(value, protocol), protocol
        for dump in (
            lambda engine, file: engine.dump(value, file, protocol),
            lambda engine, file: engine.Pickler(file, protocol).dump(value),
        ):
            ours, stock = Blocks(), Blocks()
            dump(brinery, ours)
            dump(pickle, stock)
            assert ours.blocks == stock.blocks, protocol
    ours_apart: list[Any] = []
    stock_apart: list[Any] = []
    ours_data = brinery.dumps(value, 5, buffer_callback=ours_apart.append)
    assert ours_data == pickle.dumps(value, 5, buffer_callback=stock_apart.append)
    assert [bytes(part.raw()) for part in ours_apart] == [bytes(part.raw()) for part in stock_apart]


def test_arrays_of_all_kinds() -> None:
    made = arrays()
    check(made)
    check([made[7], {"a": made[3]}, made[7], (made[3], np.arange(3)), np.arange(3)])


def test_scalars_of_all_kinds() -> None:
    made = scalars()
    check(made)
    check(made + made)


def apart(engine: Any, value: Any, protocol: int, answer: Callable[[int], Any]) -> list[Any]:
    """Dump twice with one pickler whose callback answers so; return all that can be seen of it."""
    seen: list[Any] = []

    def take(buffer: pickle.PickleBuffer) -> Any:
        view = memoryview(buffer)
        seen.append((view.shape, view.strides, view.format, view.readonly, view.tobytes(), type(view.obj)))
        return answer(len(seen))

    file = io.BytesIO()
    pickler = engine.Pickler(file, protocol, buffer_callback=take if protocol == 5 else None)
    for _ in range(2):
        pickler.dump(value)
        seen.append(
            (file.getvalue(), sorted((at, str(type(obj))) for at, obj in pickler.memo.copy().values()))
        )
    return seen


@pytest.mark.parametrize("answer", [lambda count: None, lambda count: True, lambda count: count % 2])
def test_buffers_are_handed_over_as_numpy_does(answer: Callable[[int], Any]) -> None:
    made = [array for array in arrays() if array.dtype != object]
    for array in made:
        assert apart(brinery, array, 5, answer) == apart(pickle, array, 5, answer)
    assert apart(brinery, made, 5, answer) == apart(pickle, made, 5, answer)


def test_a_callback_that_changes_the_array() -> None:
    def dumped(engine: Any) -> tuple:
        array = np.arange(6.0)
        later = np.ones(3, dtype="i2")
        seen = []

        def change(buffer: pickle.PickleBuffer) -> bool:
            seen.append(memoryview(buffer).tobytes())
            array[:] = len(seen)
            later.shape = (3, 1)
            return False

        return engine.dumps([array, array[:2].copy(), later, array], 5, buffer_callback=change), seen

    assert dumped(brinery) == dumped(pickle)


@pytest.mark.parametrize("seed", range(2))
def test_frames_end_where_they_end(seed: int) -> None:
    chance = random.Random(seed)
    check([np.zeros(chance.randrange(20_000), "u1") for _ in range(20)], range(2, 6))
    check(
        [np.arange(chance.randrange(3)).astype(chance.choice(["i1", "f4"])) for _ in range(1000)], range(2, 6)
    )
    check(
        [chance.choice([np.float64, np.int8, np.bool_])(chance.random() * 2) for _ in range(2000)],
        range(2, 6),
    )
    check([np.zeros(size, kind) for size in (65_535, 65_536) for kind in ("u1", "f8") for _ in range(2)])


@pytest.mark.parametrize("make", [lambda: np.arange(3), lambda: np.float64(1.5)], ids=["array", "scalar"])
def test_tables_are_asked(make: Callable[[], Any]) -> None:
    value = [make(), make(), make()]
    kind = type(value[0])
    copyreg.pickle(kind, lambda made: (str, (repr(made),)))
    try:
        check(value)
        assert brinery.loads(brinery.dumps(value))[2] == repr(value[2])
    finally:
        del copyreg.dispatch_table[kind]
    check(value)


@pytest.mark.parametrize("make", [lambda: np.arange(3), lambda: np.float64(1.5)], ids=["array", "scalar"])
def test_hooks_are_asked_for_every_part(make: Callable[[], Any]) -> None:
    def run(engine: Any) -> tuple[bytes, list[str]]:
        asked: list[str] = []

        class Pickler(engine.Pickler):  # type: ignore[misc, name-defined]
            def persistent_id(self, obj: Any) -> None:
                asked.append(type(obj).__name__)

        file = io.BytesIO()
        Pickler(file, 5).dump([make(), make(), make()])
        return file.getvalue(), asked

    assert run(brinery) == run(pickle)


def test_subclasses_keep_their_own_ways() -> None:
    class Number(np.float64):  # type: ignore[misc, name-defined]
        def __reduce__(self) -> Any:
            return (float, (float(self) + 1,))

    class Array(np.ndarray):  # type: ignore[type-arg]
        def __reduce__(self) -> Any:
            return (list, ([self.size],))

    value = [Number(1), Number(2), np.zeros(3).view(Array), np.zeros(4).view(Array)]
    check(value)
    assert brinery.loads(brinery.dumps(value)) == [2.0, 3.0, [3], [4]]


def test_memory_that_is_shared_with_what_is_loaded_is_not() -> None:
    value = [np.arange(4), np.arange(4)]
    first, second = brinery.loads(brinery.dumps(value, 5))
    first[0] = 9
    assert list(second) == [0, 1, 2, 3] == list(value[0])


def test_a_memo_that_was_emptied_is_seen() -> None:
    def run(engine: Any) -> list[bytes]:
        file = Blocks()
        pickler = engine.Pickler(file, 4)
        for _ in range(3):
            pickler.dump([np.arange(3), np.arange(3), np.float64(1), np.float64(2)])
            pickler.clear_memo()
        return file.blocks

    assert run(brinery) == run(pickle)


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_an_array_that_changes_while_it_is_written(protocol: int) -> None:
    class File:
        def write(self, block: Any) -> int:
            for array in arrays:
                array.resize((1,), refcheck=False)
            return len(block)

    for size in (100, 10_000, 1 << 18):
        arrays = [np.arange(size), np.arange(size), np.arange(size, dtype="u1")]
        # What is written then is nobody's business; memory that is gone is not looked at.
        with contextlib.suppress(RuntimeError, BufferError):
            brinery.dump([b"x" * 70_000, *arrays, b"x" * 70_000, *arrays], File(), protocol)
        assert [array.size for array in arrays] in ([1, 1, 1], [size] * 3)

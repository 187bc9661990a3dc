"""Scalars and arrays of numpy that are made without the Python code on the way to them."""

from __future__ import annotations

import _pickle
import itertools
import pickle
import sys
import time
from typing import Any

import numpy as np
import pytest

import brinery

try:
    from numpy._core import multiarray, numeric
except ImportError:  # numpy 1
    from numpy.core import multiarray, numeric  # type: ignore[no-redef,import-not-found]


class Call:
    """Something that is saved as a call."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = function, args

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


def outcome(loads: Any, data: bytes) -> tuple[Any, ...]:
    """Return what a load makes: class, dtype, shape, order, bytes; or what it raises."""
    try:
        made = loads(data)
    except Exception as error:
        return type(error), str(error)
    if not isinstance(made, (np.ndarray, np.generic)):
        return type(made), made
    flags = made.flags
    memory = made.tobytes() if made.dtype.kind != "O" else repr(made)
    return type(made), made.dtype, made.shape, made.strides, flags.c_contiguous, flags.writeable, memory


def assert_same(thing: Any, protocol: int = 5) -> None:
    data = pickle.dumps(thing, protocol)
    assert outcome(brinery.loads, data) == outcome(_pickle.loads, data)


DTYPES = [
    *"?bBhHiIlLqQefdgFDG",
    "S5",
    "U3",
    "V4",
    "M8[s]",
    "m8[ms]",
    ">i4",
    ">f8",
    "<u2",
    "i4,f8",
    [("a", "i2"), ("b", "S2")],
    "O",
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_scalars_are_those_of_numpy(dtype: Any) -> None:
    dtype = np.dtype(dtype)
    size = dtype.itemsize
    assert_same(np.zeros(1, dtype)[0])
    if dtype.kind == "O":  # numpy 1 does not survive to be asked for one without a value
        return
    for length in (0, 1, size - 1, size, size + 1, 100):
        assert_same(Call(multiarray.scalar, dtype, bytes(range(max(length, 0)))))
    assert_same(Call(multiarray.scalar, dtype))
    assert_same(Call(multiarray.scalar, dtype, "x" * size))
    assert_same(Call(multiarray.scalar, dtype, bytearray(size)))
    assert_same(Call(multiarray.scalar, dtype, None))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("order", ["C", "F", "A", "K", "X", None, 1])
def test_arrays_are_those_of_numpy(dtype: Any, order: Any) -> None:
    dtype = np.dtype(dtype)
    size = dtype.itemsize
    shapes: list[Any] = [
        (12,),
        (3, 4),
        (2, 3, 2),
        (-1, 3),
        (5,),
        (-1, -1),
        (),
        (0,),
        (1 << 70,),
        [12],
        12,
        (12.0,),
    ]
    for shape, buffer in itertools.product(shapes, (bytes, bytearray)):
        assert_same(Call(numeric._frombuffer, buffer(12 * size), dtype, shape, order))
    for length in (0, 1, size, 12 * size + 1):
        assert_same(Call(numeric._frombuffer, bytearray(length), dtype, (length // max(size, 1),), order))
    assert_same(Call(numeric._frombuffer, "text", dtype, (4,), order))
    assert_same(Call(numeric._frombuffer, bytes(4 * size), "not a dtype", (4,), order))


def test_arrays_of_many_dimensions() -> None:
    for count in (15, 16, 17, 32, 33, 64, 65):
        assert_same(Call(numeric._frombuffer, bytes(8), np.dtype("d"), (1,) * count, "C"))


@pytest.mark.parametrize("protocol", range(6))
def test_arguments_can_be_fetched_again(protocol: int) -> None:
    data = b"\x00\x01\x02\x03\x04\x05\x06\x07"
    dtype, shape = np.dtype("d"), (1,)
    thing = [Call(multiarray.scalar, dtype, data), data, Call(multiarray.scalar, dtype, data), dtype]
    thing += [Call(numeric._frombuffer, data, dtype, shape, "C"), shape]
    ours = brinery.loads(pickle.dumps(thing, protocol))
    theirs = _pickle.loads(pickle.dumps(thing, protocol))
    assert repr(ours) == repr(theirs)
    assert ours[1] == data
    twice = pickle.dumps(Call(multiarray.scalar, dtype, b"12345678"), 4).replace(
        b"12345678\x94", b"12345678\x94\x94"
    )
    index = twice.count(b"\x94") - 3
    twice = twice[:2] + twice[11:-1] + b"h%c\x86." % index
    assert repr(brinery.loads(twice)) == repr(_pickle.loads(twice))


def test_an_array_lives_in_the_buffer_it_was_given() -> None:
    buffer = bytearray(8)
    ours = brinery.loads(
        pickle.dumps([buffer, Call(numeric._frombuffer, buffer, np.dtype("B"), (8,), "C")], 5)
    )
    ours[0][3] = 7
    assert ours[1][3] == 7
    with pytest.raises(BufferError):
        ours[0].append(1)


def test_another_function_of_the_name_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    saved = pickle.dumps(np.arange(3.0), 5)
    assert brinery.loads(saved).tolist() == [0, 1, 2]
    monkeypatch.setattr(numeric, "_frombuffer", lambda *args: "mine")
    assert brinery.loads(saved) == "mine"


def test_the_function_with_other_code_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    saved = pickle.dumps(np.arange(3.0), 5)
    assert brinery.loads(saved).tolist() == [0, 1, 2]
    monkeypatch.setattr(numeric._frombuffer, "__code__", (lambda buf, dtype, shape, order: "mine").__code__)
    assert brinery.loads(saved) == "mine"


def one(value: object) -> object:
    """Return what it gets."""
    return value


def other(value: object) -> object:
    """Do the same."""
    return value


def test_other_functions_do_not_pay() -> None:
    """Two that take turns are not looked for among numpy's each time, which takes ten times as long as the call."""
    data = pickle.dumps([Call(function, number) for number in range(1000) for function in (one, other)], 4)

    def seconds(loads: Any) -> float:
        start = time.process_time()
        loads(data)
        return time.process_time() - start

    times = [(seconds(brinery.loads), seconds(_pickle.loads)) for _ in range(15)]
    assert min(ours for ours, _ in times) < 3 * min(theirs for _, theirs in times)


def test_references_are_counted() -> None:
    dtype = np.dtype(">i4")
    before = sys.getrefcount(dtype)
    for _ in range(100):
        made = brinery.loads(pickle.dumps([np.float64(1), np.arange(4.0), np.arange(6).reshape(2, 3).T], 5))
        kept = [made[0], made[1].base, made[2]]
        del made, kept
    assert sys.getrefcount(dtype) == before
    data = pickle.dumps([np.float64(1.5)] * 2 + [np.float64(n) for n in range(3)], 5)
    counts = [
        [sys.getrefcount(value) for value in loads(data)[2:]] for loads in (brinery.loads, _pickle.loads)
    ]
    assert counts[0] == counts[1]

"""Arrays that are made at once of a state that lies ahead of the call that makes them."""

from __future__ import annotations

import _pickle
import io
import pickletools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import brinery

DTYPES = [*"?bBhHiIqQefdgFDG", "S5", "U3", "V4", "M8[s]", "m8[ms]", ">i4", ">f8", "i4,f8", "O", "S0", "U0"]
SHAPES = [(), (0,), (3,), (0, 3), (2, 3), (2, 3, 4), (2, 1, 2, 1), (125,), (126,)]


def array(dtype: np.dtype, shape: tuple[int, ...], order: Any, seed: int) -> np.ndarray:
    """Return an array that differs from others by its seed."""
    count = int(np.prod(shape))
    if dtype.kind in "OUS":
        return np.array([f"{seed + i}" for i in range(count)], dtype).reshape(shape, order=order)
    made = np.zeros(shape, dtype, order)
    if dtype.fields is None and dtype.kind != "V":
        made[...] = (np.arange(count).reshape(shape) + seed) % (2 if dtype.kind == "?" else 100)
    return made


def facts(made: np.ndarray) -> tuple[Any, ...]:
    """Return all that can be told of an array."""
    flags = made.flags
    memory = repr(made.tolist()) if made.dtype.hasobject else made.tobytes()
    told = flags.c_contiguous, flags.f_contiguous, flags.writeable, flags.owndata, flags.aligned
    return type(made), made.dtype, made.shape, made.strides, told, type(made.base), memory


def arrays_of(thing: Any) -> list[np.ndarray]:
    """Return the arrays in lists."""
    found = []
    for item in thing:
        found += [item] if isinstance(item, np.ndarray) else arrays_of(item) if isinstance(item, list) else []
    return found


def outcome(loads: Any, data: bytes) -> Any:
    """Return what is told of a load, or what it raises."""
    try:
        made = loads(data)
        # The bytes tell which objects are one.
        return [facts(a) for a in arrays_of(made)], _pickle.dumps(made, 4)
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_are_those_of_numpy(dtype: str, protocol: int, tmp_path: Path) -> None:
    kind = np.dtype(dtype)
    large = [(1000,), (1001,), (300, 3)] if dtype in ("b", "d") else []
    for shape in SHAPES + large:
        for order in "CF" if len(shape) > 1 else "C":
            made = [array(kind, shape, order, seed) for seed in range(4)]
            for thing in (made, [made, "x" * 3000, made, [a.copy() for a in made]]):
                data = _pickle.dumps(thing, protocol)
                wanted = outcome(_pickle.loads, data)
                assert outcome(brinery.loads, data) == wanted
                assert outcome(lambda data: brinery.load(io.BytesIO(data)), data) == wanted
                assert outcome(lambda data: brinery.loads(data, policy="numpy"), data) == wanted
    path = tmp_path / "arrays"
    path.write_bytes(data)
    with path.open("rb") as file:
        assert outcome(lambda _: brinery.load(file), data) == wanted


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 2), (2, 0, 3)])
def test_the_first_that_is_empty(shape: tuple[int, ...]) -> None:
    """Later ones share their memory with it, for there is one object of no bytes."""
    data = _pickle.dumps({"a": [np.arange(3.0), np.zeros(shape)], "b": "x" * 3000}, 4)
    for loads in (brinery.loads, lambda data: brinery.loads(data, policy="numpy")):
        made = loads(data)["a"]
        assert [facts(a) for a in made] == [facts(a) for a in _pickle.loads(data)["a"]]


def positions(data: bytes, name: str) -> list[int]:
    return [at for opcode, _, at in pickletools.genops(data) if opcode.name == name]


def test_what_they_are_made_of_can_be_fetched_later() -> None:
    """Each object of the call and of the state is in the memo."""
    made = [np.arange(4.0) + n for n in range(5)] + ["x" * 3000]
    data = _pickle.dumps(made, 4)
    stored = len(positions(data, "MEMOIZE"))
    # Without frames, and with one more item, that is fetched.
    body = data[11:-2]
    for index in range(stored):
        for get in (b"h%c" % index, b"j" + index.to_bytes(4, "little")):
            one = b"\x80\x04(" + body + b"e" + get + b"l."
            # The mark comes first, so that the list is made of both.
            assert outcome(brinery.loads, one) == outcome(_pickle.loads, one)
            again = b"\x80\x04(" + body + get + b"a" + get + b"ae" + get + b"l."
            assert outcome(brinery.loads, again) == outcome(_pickle.loads, again)


def test_damaged_streams_end_as_they_do_elsewhere() -> None:
    made = [np.arange(3, dtype="i2") + n for n in range(3)]
    data = _pickle.dumps(made, 4)
    begin = positions(data, "REDUCE")[-1] - 8
    for at in range(begin, len(data)):
        assert outcome(brinery.loads, data[:at]) == outcome(_pickle.loads, data[:at])
        for byte in (
            0,
            1,
            2,
            3,
            7,
            10,
            0x28,
            0x29,
            0x2E,
            0x4A,
            0x4B,
            0x4D,
            0x62,
            0x68,
            0x85,
            0x86,
            0x88,
            0x94,
            0xFF,
        ):
            other = data[:at] + bytes([byte]) + data[at + 1 :]
            wanted = outcome(_pickle.loads, other)
            assert outcome(brinery.loads, other) == wanted, (at, byte)
            safe = outcome(lambda data: brinery.loads(data, policy="numpy"), other)
            assert safe == wanted or safe[0] is brinery.PolicyError, (at, byte)


def state(array: np.ndarray, **changes: Any) -> Any:
    """Return something that is saved as an array, with changes to its state."""
    function, args, parts = np.arange(0).__reduce__()
    known = dict(zip(("version", "shape", "dtype", "fortran", "data"), array.__reduce__()[2]))
    return Odd(function, args, tuple({**known, **changes}.values()))


class Odd:
    """Something that is saved as it is told."""

    def __init__(self, *reduction: Any) -> None:
        self.reduction = reduction

    def __reduce__(self) -> Any:
        return self.reduction


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": (4,)},
        {"shape": (2,)},
        {"shape": (3, 1)},
        {"shape": (-3,)},
        {"shape": (2**31 - 1, 2**31 - 1, 2**31 - 1)},
        {"shape": (0, 2**31 - 1, 2**31 - 1)},
        {"shape": (65536, 65536)},
        {"version": 0},
        {"version": 2},
        {"dtype": "i8"},
        {"dtype": None},
        {"dtype": np.dtype("O")},
        {"dtype": np.dtype("V0")},
        {"dtype": np.dtype("S0")},
        {"fortran": True},
        {"fortran": None},
        {"data": b""},
        {"data": "text"},
        {"data": bytearray(24)},
        {"data": [1, 2, 3]},
    ],
    ids=str,
)
def test_odd_states_fail_as_they_do_elsewhere(changes: dict[str, Any]) -> None:
    first = np.arange(3)
    shape = changes.get("shape", ())
    if shape == (65536, 65536) or len(shape) == 3:
        changes = {**changes, "data": b"" if 0 in shape else bytes(24)}
    data = _pickle.dumps([first, first + 1, state(first, **changes), state(first, **changes)], 4)
    assert outcome(brinery.loads, data) == outcome(_pickle.loads, data)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_class_of_ones_own_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules[np.arange(0).__reduce__()[0].__module__]
    data = _pickle.dumps([np.arange(3), np.arange(4)], 4)

    class Mine:
        def __init__(self, *args: Any) -> None:
            self.args = args

        def __setstate__(self, state: Any) -> None:
            self.state = state

    with monkeypatch.context() as patch:
        patch.setattr(module, "_reconstruct", Mine)
        made = brinery.loads(data)
        assert [one.state[1] for one in made] == [(3,), (4,)]
    matrix = [np.matrix([[n, 1]]) for n in range(4)]
    assert outcome(brinery.loads, _pickle.dumps(matrix, 4)) == outcome(
        _pickle.loads, _pickle.dumps(matrix, 4)
    )


def test_an_array_that_holds_itself() -> None:
    made = [np.arange(2), np.arange(2)]
    ring = np.empty(1, object)
    ring[0] = made
    made.append(ring)
    data = _pickle.dumps(made, 4)
    loaded = brinery.loads(data)
    assert loaded[2][0] is loaded


def test_references_are_counted() -> None:
    dtype = np.dtype([("a", "i4")])
    data = _pickle.dumps([np.arange(5.0) + n for n in range(50)] + [np.zeros(2, dtype)], 4)
    counts = []
    for loads in (brinery.loads, _pickle.loads, lambda data: brinery.loads(data, policy="numpy")):
        made = loads(data)
        counts.append((sys.getrefcount(made[0].dtype), sys.getrefcount(made[0]), sys.getrefcount(made[49])))
    assert counts[0] == counts[1] == counts[2]


def test_memory_is_counted() -> None:
    """What arrays take is paid for, as often as a stream makes one."""
    data = _pickle.dumps([np.zeros(0)] * 1 + [np.zeros(0) for _ in range(4000)], 4)
    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(data, policy=brinery.Policy("numpy").limits(memory=300_000))
    assert caught.value.rule == "budget.memory"

"""States that are memory: what contradicts itself is refused."""

from __future__ import annotations

import contextlib
import pickle
import struct
from typing import Any

import pytest

import brinery
from tests.attacks.assembly import call, glob, text, tup

np = pytest.importorskip("numpy")

CORE = "numpy._core" if np.__version__ >= "2" else "numpy.core"


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def blob(data: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(data)) + data


def dtype(code: str, *state: bytes) -> bytes:
    return call(glob("numpy", "dtype"), text(code), b"\x89", b"\x88") + tup(*state) + b"b"


PLAIN = (b"N", b"N", b"N", number(-1), number(-1), number(0))
INT = dtype("i8", number(3), text("<"), *PLAIN)
OBJECT = dtype("O8", number(3), text("|"), b"N", b"N", b"N", number(-1), number(-1), number(63))


def array(shape: tuple[int, ...], kind: bytes, data: bytes) -> bytes:
    empty = call(
        glob(CORE + ".multiarray", "_reconstruct"), glob("numpy", "ndarray"), tup(number(0)), blob(b"b")
    )
    return empty + tup(number(1), tup(*map(number, shape)), kind, b"\x89", data) + b"b"


def refused(data: bytes) -> str:
    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(b"\x80\x03" + data + b".", policy="sklearn")
    return caught.value.rule


def test_the_assembly_is_right() -> None:
    value = brinery.loads(b"\x80\x03" + array((2,), INT, blob(bytes(16))) + b".", policy="numpy")
    assert (value == np.zeros(2, "i8")).all()


@pytest.mark.parametrize(
    "data",
    [
        array((3,), INT, blob(bytes(16))),
        array((1 << 30, 1 << 30), INT, blob(bytes(16))),
        array((0, 1 << 30, 1 << 30), INT, blob(b"")),
        array((2,), OBJECT, blob(bytes(16))),
        array((2,), OBJECT, b"](K\x01e"),
        array((1,), dtype("V8"), blob(bytes(8))),
        array(
            (1,),
            dtype("i8", number(3), text("<"), b"N", b"N", b"N", number(8), number(1), number(63)),
            blob(bytes(8)),
        ),
        array(
            (1,),
            dtype("S4", number(3), text("|"), b"N", b"N", b"N", number(400), number(1), number(0)),
            blob(bytes(400)),
        ),
        array(
            (1,),
            dtype(
                "V8",
                number(3),
                text("|"),
                b"N",
                tup(text("a")),
                b"}" + text("a") + tup(OBJECT, number(0)) + b"s",
                number(8),
                number(1),
                number(0),
            ),
            blob(bytes(8)),
        ),
        array(
            (1,),
            dtype(
                "V8",
                number(3),
                text("|"),
                b"N",
                tup(text("a")),
                b"}" + text("a") + tup(INT, number(4)) + b"s",
                number(8),
                number(1),
                number(16),
            ),
            blob(bytes(8)),
        ),
        call(glob(CORE + ".multiarray", "scalar"), INT, blob(bytes(4))),
        call(glob(CORE + ".multiarray", "scalar"), OBJECT, blob(bytes(8))),
        # Not a copy, but the dtype of the whole process.
        call(glob("numpy", "dtype"), text("i8"), b"\x89", b"\x89"),
        # A second state, after the first was judged.
        array((1,), INT, blob(bytes(8)))
        + tup(number(1), tup(number(9)), INT, b"\x89", blob(bytes(72)))
        + b"b",
    ],
)
def test_arrays_whose_memory_is_not_theirs(data: bytes) -> None:
    assert refused(data).startswith("global.")


def test_positions_of_random_generators() -> None:
    state = pickle.dumps(np.random.RandomState(1), 4)
    assert b"\x8c\x03pos" in state
    at = state.index(b"\x8c\x03pos")
    at = state.index(b"M", at)
    forged = state[: at + 1] + struct.pack("<H", 60_000) + state[at + 3 :]
    # Later releases of numpy refuse the position themselves.
    with contextlib.suppress(ValueError):
        assert pickle.loads(forged) is not None
    with pytest.raises(brinery.PolicyError):
        brinery.loads(forged, policy="numpy")


def forge(value: Any, old: bytes, new: bytes) -> bytes:
    data = pickle.dumps(value, 4)
    assert data.count(old) == 1
    return data.replace(old, new)


def test_nodes_of_trees() -> None:
    tree = pytest.importorskip("sklearn.tree")
    model = tree.DecisionTreeClassifier(max_depth=1).fit([[0.0], [1.0]], [0, 1])
    children = struct.pack("<qq", 1, 2)
    data = pickle.dumps(model, 4)
    forged = data.replace(children, struct.pack("<qq", 1 << 40, 2), 1)
    assert forged != data
    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(forged, policy="sklearn")
    assert "nodes lead out" in str(caught.value)


def test_places_of_blocks() -> None:
    pd = pytest.importorskip("pandas")
    values = np.array([[11, 12], [13, 14]])
    data = pickle.dumps(pd.DataFrame(values, columns=["p", "q"]), 4)
    forged = data.replace(b"K\x00K\x02K\x01\x87", b"K\x07K\x09K\x01\x87")
    assert forged != data
    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(forged, policy="pandas")
    assert "do not make up a table" in str(caught.value)

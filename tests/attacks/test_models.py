"""Tensors, matrices and vocabularies that lead native code out of its memory: refused whether their libraries are there or not."""

from __future__ import annotations

import pickle
import struct
from typing import Any

import pytest

import brinery

from .assembly import call, glob, newobj, text, tup

TORCH = brinery.Policy("torch")
SKLEARN = brinery.Policy("sklearn")
FLOAT, LONG = glob("torch", "FloatStorage"), glob("torch", "LongStorage")
HOOKS = call(glob("collections", "OrderedDict"))


def number(value: int) -> bytes:
    """Return the opcode for an integer."""
    return b"\x8a" + bytes([9]) + value.to_bytes(9, "little", signed=True)


def numbers(*values: int) -> bytes:
    """Return the opcodes for a tuple of integers."""
    return tup(*map(number, values))


def blob(data: bytes) -> bytes:
    """Return the opcode for bytes."""
    return b"B" + struct.pack("<I", len(data)) + data


def stream(body: bytes) -> bytes:
    """Return a pickle."""
    return b"\x80\x04" + body + b"."


def plain(value: Any) -> bytes:
    """Return the opcodes for a value that is pickled in the usual way."""
    return pickle.dumps(value, 3)[2:-1]


def pid(cls: bytes = FLOAT, count: int = 6, place: str = "cpu", key: str = "0") -> bytes:
    """Return the opcodes for a storage in another member of a file."""
    return tup(text("storage"), cls, text(key), text(place), number(count)) + b"Q"


def inner(
    cls: bytes, count: int, data: bytes, *, key: bytes = b"", root: bytes = b"", more: bytes = b""
) -> bytes:
    """Return the opcodes for a storage that comes with the pickle."""
    magic = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
    parts = [
        magic,
        pickle.dumps(1001, 2),
        pickle.dumps({"protocol_version": 1001, "little_endian": True}, 2),
        root or b"\x80\x02" + tup(text("storage"), cls, text("7"), text("cpu"), number(count), b"N") + b"Q.",
        key or pickle.dumps(["7"], 2),
        struct.pack("<q", count),
        data,
        more,
    ]
    return call(glob("torch.storage", "_load_from_bytes"), blob(b"".join(parts)))


def floats(count: int = 6, **changes: Any) -> bytes:
    """Return the opcodes for a storage of so many floats."""
    return inner(FLOAT, count, struct.pack(f"<{count}f", *range(count)), **changes)


def tensor(
    storage: bytes, offset: int, sizes: tuple[int, ...], strides: tuple[int, ...], hooks: bytes = HOOKS
) -> bytes:
    """Return the opcodes for a tensor."""
    function = glob("torch._utils", "_rebuild_tensor_v2")
    return call(function, storage, number(offset), numbers(*sizes), numbers(*strides), b"\x89", hooks)


def longs(sizes: tuple[int, ...], *values: int) -> bytes:
    """Return the opcodes for a tensor of integers."""
    data = struct.pack(f"<{len(values)}q", *values)
    strides = (1,) if len(sizes) == 1 else (sizes[1], 1)
    return tensor(inner(LONG, len(values), data), 0, sizes, strides)


def sparse(layout: str, *parts: bytes) -> bytes:
    """Return the opcodes for a sparse tensor."""
    made = call(glob("torch.serialization", "_get_layout"), text(layout))
    return call(glob("torch._utils", "_rebuild_sparse_tensor"), made, tup(*parts))


def size(*sizes: int) -> bytes:
    """Return the opcodes for a size."""
    return call(glob("torch", "Size"), numbers(*sizes))


TYPED = glob("torch._tensor", "_rebuild_from_type_v2")
REBUILD = glob("torch._utils", "_rebuild_tensor_v2")
PARAMETER = glob("torch.nn.parameter", "Parameter")
STATED = glob("torch._utils", "_rebuild_parameter_with_state")
TWO = tensor(floats(2), 0, (2,), (1,))


def typed(*sizes: int, function: bytes = REBUILD, state: bytes = b"}") -> bytes:
    """Return the opcodes for a tensor of a class of its own."""
    arguments = (floats(), number(0), numbers(*sizes), numbers(1), b"\x89", HOOKS)
    return call(TYPED, function, PARAMETER, tup(*arguments), state)


HONEST = {
    "in another member": tensor(pid(), 0, (2, 3), (3, 1)),
    "with the pickle": tensor(floats(), 0, (2, 3), (1, 2)),
    "expanded": tensor(floats(1), 0, (5,), (0,)),
    "empty": tensor(floats(0), 0, (0, 3), (3, 1)),
    "of a class": typed(6),
    "coordinates": sparse("torch.sparse_coo", longs((2, 2), 0, 1, 1, 2), TWO, size(2, 3), b"\x88"),
    "rows": sparse("torch.sparse_csr", longs((3,), 0, 1, 2), longs((2,), 0, 2), TWO, size(2, 3)),
    "columns": sparse("torch.sparse_csc", longs((4,), 0, 1, 1, 2), longs((2,), 0, 1), TWO, size(2, 3)),
}
HOSTILE = {
    "beyond the end of another member": tensor(pid(), 0, (7,), (1,)),
    "beyond the end": tensor(floats(), 0, (7,), (1,)),
    "beyond the end by strides": tensor(floats(), 0, (2, 2), (5, 1)),
    "beyond the end by its offset": tensor(floats(), 6, (1,), (1,)),
    "by numbers that overflow": tensor(floats(), 1 << 62, (2,), (1 << 62,)),
    "items without an end": tensor(floats(), 0, (1 << 40,), (0,)),
    "fewer strides": tensor(floats(), 0, (2, 3), (1,)),
    "of a class, beyond the end": typed(7),
    "of a class, by another function": typed(6, function=glob("torch._utils", "_rebuild_parameter")),
    "of a class, by any function": typed(6, function=glob("os", "system")),
    "special attributes": typed(6, state=b"}" + text("__class__") + b"K\1s"),
    "special attributes of a parameter": call(STATED, TWO, b"\x89", HOOKS, b"}" + text("__dict__") + b"}s"),
    "coordinates out of it": sparse("torch.sparse_coo", longs((2, 2), 0, 1, 1, 3), TWO, size(2, 3), b"\x88"),
    "coordinates below zero": sparse(
        "torch.sparse_coo", longs((2, 2), 0, -1, 1, 2), TWO, size(2, 3), b"\x88"
    ),
    "more values than coordinates": sparse("torch.sparse_coo", longs((2, 1), 0, 1), TWO, size(2, 3), b"\x88"),
    "rows that go back": sparse("torch.sparse_csr", longs((3,), 0, 9, 2), longs((2,), 0, 2), TWO, size(2, 3)),
    "rows too few": sparse("torch.sparse_csr", longs((2,), 0, 2), longs((2,), 0, 2), TWO, size(2, 3)),
    "columns out of it": sparse("torch.sparse_csr", longs((3,), 0, 1, 2), longs((2,), 0, 3), TWO, size(2, 3)),
    "a storage of no bytes": call(glob("torch.storage", "_load_from_bytes"), blob(b"")),
    "a storage that is a pickle": call(
        glob("torch.storage", "_load_from_bytes"), blob(call(glob("os", "system"), text("true")) + b".")
    ),
    "a storage in a zip archive": call(
        glob("torch.storage", "_load_from_bytes"), blob(b"PK\3\4" + bytes(60))
    ),
    "a storage that calls": floats(root=b"\x80\x02" + call(glob("os", "system"), text("true")) + b"."),
    "a storage with a key that calls": floats(
        key=b"\x80\x02" + call(glob("os", "system"), text("true")) + b"."
    ),
    "a storage with more after it": floats(more=b"x"),
    "a storage that is cut": inner(FLOAT, 6, bytes(20)),
    "a storage of another key": floats(key=pickle.dumps(["8"], 2)),
    "a storage of two keys": floats(key=pickle.dumps(["7", "8"], 2)),
    "another persistent id": text("x") + b"Q",
    "a persistent id of another class": pid(glob("os", "system")),
    "a persistent id at a place that is none": pid(place="../x"),
}


@pytest.mark.parametrize("name", HONEST)
def test_tensors(name: str) -> None:
    verdict = TORCH.explain(stream(HONEST[name]))
    assert verdict.clean, verdict


@pytest.mark.parametrize("name", HOSTILE)
def test_tensors_that_reach_out_of_their_storages(name: str) -> None:
    assert not TORCH.explain(stream(HOSTILE[name])).clean


def test_places_in_models() -> None:
    np = pytest.importorskip("numpy")

    def made(module: str, name: str, state: dict[str, bytes]) -> bytes:
        items = b"".join(text(key) + value for key, value in state.items())
        return newobj(glob(module, name)) + b"}(" + items + b"ub"

    def rows(starts: list[int], places: list[int], shape: tuple[int, int] = (2, 3), count: int = 2) -> bytes:
        return made(
            "scipy.sparse._csr",
            "csr_matrix",
            {
                "_shape": plain(shape),
                "indptr": plain(np.array(starts, "i4")),
                "indices": plain(np.array(places, "i4")),
                "data": plain(np.ones(count)),
            },
        )

    def words(vocabulary: dict[str, int]) -> bytes:
        state = {"vocabulary_": plain(vocabulary)}
        return made("sklearn.feature_extraction.text", "CountVectorizer", state)

    def clusters(columns: int, features: int) -> bytes:
        state = {"cluster_centers_": plain(np.ones((2, columns))), "n_features_in_": plain(features)}
        return made("sklearn.cluster._kmeans", "KMeans", state)

    assert all(
        SKLEARN.explain(stream(body)).clean
        for body in (rows([0, 1, 2], [0, 2]), words({"a": 0}), clusters(2, 2))
    )
    for body in (
        rows([0, 1, 2], [0, 3]),
        rows([0, 1, 2], [0, -1]),
        rows([0, 9, 2], [0, 2]),
        rows([0, 1], [0, 2]),
        rows([0, 1, 9], [0, 2]),
        rows([1, 1, 2], [0, 2]),
        rows([0, 1, 2], [0, 2], count=1),
        words({"a": 1}),
        words({"a": -1}),
        clusters(1, 2),
        # What comes after the estimator counts as well.
        clusters(2, 2)[:-1] + b"\x940" + clusters(1, 2),
    ):
        assert not SKLEARN.explain(stream(body)).clean

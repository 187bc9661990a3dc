"""Arrays of pandas that are backed by Arrow: honest ones load, and none whose buffers contradict its type and length."""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
from typing import Any

import pytest

import brinery

pandas = pytest.importorskip("pandas")
numpy = pytest.importorskip("numpy")
arrow = pytest.importorskip("pyarrow")

TYPES: dict[str, list[Any]] = {
    "string[pyarrow]": ["a", None, "éb", ""],
    "large_string[pyarrow]": ["a", None, "éb"],
    "binary[pyarrow]": [b"\xff", None, b""],
    "int64[pyarrow]": [1, None, -3],
    "int8[pyarrow]": [1, None, -3],
    "double[pyarrow]": [1.5, None],
    "float[pyarrow]": [1.5, None],
    "bool[pyarrow]": [True, None, False] * 9,
    "timestamp[ns][pyarrow]": [pandas.Timestamp(2020, 1, 1), None],
    "duration[us][pyarrow]": [pandas.Timedelta(days=1), None],
}


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_arrays_of_arrow_load(kind: str, protocol: int) -> None:
    array = pandas.array(TYPES[kind], dtype=kind)
    table = pandas.DataFrame({"a": array, "b": range(len(array))})
    for thing in (array, array[1:], array[:0], pandas.Series(array), pandas.Index(array, name="x"), table):
        loaded = brinery.loads(pickle.dumps(thing, protocol), policy="pandas")
        assert type(loaded) is type(thing)
        if thing is table:
            pandas.testing.assert_frame_equal(loaded, thing)
        else:
            assert loaded.dtype == thing.dtype
            assert [str(item) for item in loaded] == [str(item) for item in thing]


def test_tables_with_texts_load_as_pandas_saves_them_beside_arrow() -> None:
    table = pandas.DataFrame({"name": ["x", None], "size": [1, 2]}, index=["a", "b"])
    levels = pandas.Series([1, 2], index=pandas.MultiIndex.from_product([["a", "b"], ["c"]]))
    zoned = pandas.Series(
        pandas.array([pandas.Timestamp(0, tz="UTC")], dtype=pandas.ArrowDtype(arrow.timestamp("ns", "UTC")))
    )
    for thing in (table, table.T, levels, pandas.Categorical(["a", "b"]), zoned):
        loaded = brinery.loads(pickle.dumps(thing), policy="pandas")
        assert str(loaded) == str(thing)


def array_of(
    kind: str, length: int, missing: int, offset: int, *buffers: bytes | None, more: bytes = b"]N"
) -> bytes:
    """Return the stream of an array of Arrow."""
    number = lambda value: b"\x8a\x08" + struct.pack("<q", value)  # noqa: E731
    made = [
        b"N"
        if buffer is None
        else b"cpyarrow.lib\npy_buffer\nB" + struct.pack("<I", len(buffer)) + buffer + b"\x85R"
        for buffer in buffers
    ]
    alias = b"cpyarrow.lib\ntype_for_alias\nX" + struct.pack("<I", len(kind)) + kind.encode() + b"\x85R"
    sizes = b"".join(map(number, (length, missing, offset)))
    return (
        b"\x80\x03cpyarrow.lib\n_restore_array\n("
        + alias
        + sizes
        + b"]("
        + b"".join(made)
        + b"e"
        + more
        + b"t\x85R."
    )


def places(*values: int) -> bytes:
    """Return places of four bytes."""
    return struct.pack(f"<{len(values)}i", *values)


def loads(data: bytes) -> Any:
    """Load by the policy of pandas."""
    return brinery.loads(data, policy="pandas")


def test_honest_arrays_load_by_hand() -> None:
    assert loads(array_of("int32", 2, 0, 1, None, places(1, 2, 3))).to_pylist() == [2, 3]
    assert loads(array_of("string", 2, 1, 0, b"\x02", places(0, 0, 2), "é".encode())).to_pylist() == [
        None,
        "é",
    ]
    assert loads(array_of("bool", 3, -1, 0, None, b"\x05")).to_pylist() == [True, False, True]


@pytest.mark.parametrize(
    "data",
    [
        array_of("int32", 3, 0, 1, None, places(1, 2, 3)),
        array_of("int32", 1 << 39, 0, 0, None, places(1)),
        array_of("int32", -1, 0, 0, None, places(1)),
        array_of("int32", 1, 0, -1, None, places(1, 2)),
        array_of("int32", 1, 0, 1 << 62, None, places(1, 2)),
        array_of("int32", 2, 1, 0, None, places(1, 2)),
        array_of("int32", 2, 1, 0, b"\x03", places(1, 2)),
        array_of("int32", 9, 0, 0, b"\xff", places(*range(9))),
        array_of("int32", 1, 0, 0, None, None),
        array_of("int32", 1, 0, 0, None, places(1), places(1)),
        array_of("int32", 1, 0, 0, None),
        array_of("int64", 2, 0, 0, None, places(1, 2)),
        array_of("bool", 9, 0, 0, None, b"\x05"),
        array_of("string", 1, 0, 0, None, places(0, 3), b"ab"),
        array_of("string", 1, 0, 0, None, places(0, -1), b"ab"),
        array_of("string", 2, 0, 0, None, places(0, 2, 1), b"ab"),
        array_of("string", 2, 0, 0, None, places(0, 1), b"ab"),
        array_of("string", 1, 0, 0, None, None, b"ab"),
        array_of("string", 1, 0, 0, None, places(0, 1), None),
        array_of("string", 1, 0, 0, None, places(0, 1), b"\xff"),
        array_of("string", 2, 0, 0, None, places(0, 1, 2), "é".encode()),
        array_of("large_string", 1, 0, 0, None, places(0, 1), b"a"),
        array_of("null", 1, 0, 0, None),
        array_of("string_view", 1, 0, 0, None, bytes(16)),
        array_of("int32", 1, 0, 0, None, places(1), more=b"](K\x01eN"),
        array_of("int32", 1, 0, 0, None, places(1), more=b"]K\x01"),
    ],
)
def test_arrays_that_contradict_themselves_are_refused(data: bytes) -> None:
    with pytest.raises(brinery.PolicyError):
        loads(data)


def test_a_table_is_as_long_as_its_arrays() -> None:
    honest = pickle.dumps(pandas.DataFrame({"a": pandas.array([1, 2, 3], dtype="int64[pyarrow]")}), 4)
    stop = honest.index(b"stop")
    damaged = honest[:stop] + honest[stop:].replace(b"K\x03", b"K\x04", 1)
    assert damaged != honest
    with pytest.raises(brinery.PolicyError, match="blocks of pandas"):
        loads(damaged)


def after_the_state(data: bytes, key: str, value: bytes) -> bytes:
    """Return a pickle of protocol 3 that sets an item of the dict with a key after it was a state."""
    found = list(pickletools.genops(data))
    begin = next(index for index, (_, argument, _) in enumerate(found) if argument == key)
    put = next(index for index in range(begin, 0, -1) if found[index][0].name == "EMPTY_DICT") + 1
    assert found[put][0].name == "BINPUT"
    depth, end = 0, put
    while not (found[end][0].name == "BUILD" and depth == 0):
        depth += {"NEWOBJ": 1, "REDUCE": 0, "BUILD": -1}.get(found[end][0].name, 0)
        depth += found[end][0].name == "REDUCE" and found[end + 2][0].name == "MARK" and key == "_data"
        end += 1
    place = found[end + 1][2]
    value = value[2:-1]
    change = b"h" + bytes([found[put][1]]) + b"X" + struct.pack("<I", len(key)) + key.encode() + value + b"s0"  # type: ignore[list-item]
    return data[:place] + change + data[place:]


class Elsewhere(pickle._Pickler):  # type: ignore[name-defined,misc]
    """A pickler whose memo begins further on."""

    def memoize(self, thing: Any) -> None:
        """Note a thing at the next place."""
        place = 200 + len(self.memo)
        self.write(self.put(place))
        self.memo[id(thing)] = place, thing


def elsewhere(thing: Any) -> bytes:
    """Return a pickle of a thing that is noted where another's is not."""
    file = io.BytesIO()
    Elsewhere(file, 3).dump(thing)
    return file.getvalue()


@pytest.mark.parametrize("table", [False, True])
@pytest.mark.parametrize(
    ("thing", "key", "value"),
    [
        (pandas.array([1, 2], dtype="Int64"), "_data", elsewhere(numpy.arange(2))),
        (
            pandas.array(["a", "b"], dtype="string[pyarrow]"),
            "_pa_array",
            array_of("string", 1, 0, 0, None, places(0, 1), b"a"),
        ),
        (pandas.array([1, 2], dtype="Int64"), "_data", elsewhere(numpy.arange(3))),
    ],
)
def test_a_state_that_is_changed_later_says_nothing_of_the_array(
    thing: Any, key: str, value: bytes, table: bool
) -> None:
    honest = pandas.DataFrame({"a": thing}) if table else pandas.Index(thing)
    data = after_the_state(pickle.dumps(honest, 3), key, value)
    assert len(pickle.loads(data)) == 2
    with pytest.raises(brinery.PolicyError, match="pandas"):
        loads(data)


def test_arguments_that_are_changed_later_say_nothing_of_the_index() -> None:
    honest = pickle.dumps(pandas.RangeIndex(2), 3)
    data = honest[:-1] + b"h\x02X\x04\x00\x00\x00stopK\x03s0."
    assert len(pickle.loads(data)) == 2
    with pytest.raises(brinery.PolicyError, match="pandas"):
        loads(data)

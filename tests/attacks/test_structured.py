"""Attacks with dtypes that have fields, and with arrays of them: memory that is read as what it is not."""

from __future__ import annotations

import pickle

import pytest

import brinery

from .assembly import call, glob, text, tup

numpy = pytest.importorskip("numpy")

EMPTY = numpy.zeros(1)
RECONSTRUCT = glob(EMPTY.__reduce__()[0].__module__, "_reconstruct")
SCALAR = glob(numpy.float64(1).__reduce__()[0].__module__, "scalar")
TRUE, FALSE, NONE = b"\x88", b"\x89", b"N"


def number(value: int) -> bytes:
    return b"J" + value.to_bytes(4, "little", signed=True)


def dtype(code: str) -> bytes:
    return call(glob("numpy", "dtype"), text(code), FALSE, TRUE)


def simple(code: str, order: str = "<") -> bytes:
    state = tup(b"K\3", text(order), NONE, NONE, NONE, number(-1), number(-1), number(0)) + b"b"
    return dtype(code) + state


OBJECT = dtype("O8") + tup(b"K\3", text("|"), NONE, NONE, NONE, number(-1), number(-1), number(63)) + b"b"


def state(
    names: list[str], fields: bytes, size: int = 8, flags: int = 16, inner: bytes = NONE, alignment: int = 1
) -> bytes:
    listed = tup(*[text(name) for name in names]) if names else NONE
    return (
        tup(b"K\3", text("|"), inner, listed, fields, number(size), number(alignment), number(flags)) + b"b"
    )


def fields(**known: tuple[bytes, int]) -> bytes:
    parts = b"".join(text(name) + tup(kind, number(offset)) + b"s" for name, (kind, offset) in known.items())
    return b"}" + parts


def array(kind: bytes, data: bytes, length: int = 1) -> bytes:
    made = call(RECONSTRUCT, glob("numpy", "ndarray"), b"K\0\x85", b"C\1b")
    return made + tup(b"K\1", tup(number(length)), kind, FALSE, b"C" + bytes([len(data)]) + data) + b"b"


def objects(flags: int) -> bytes:
    state = tup(b"K\3", text("|"), NONE, NONE, NONE, number(-1), number(-1), number(flags)) + b"b"
    return dtype("O8") + state


def references(kind: bytes) -> bytes:
    made = call(RECONSTRUCT, glob("numpy", "ndarray"), b"K\0\x85", b"C\1b")
    return made + tup(b"K\1", b"K\2\x85", kind, FALSE, b"](" + text("a") + b"Ne") + b"b"


I4 = simple("i4")
PLAIN = dtype("V8") + state(["a"], fields(a=(I4, 0)))
EIGHT = b"\1\0\0\0\0\0\0\0"
#: Fields that are noted, and changed when the dtype has them.
NOTED = b"}q\x20" + text("a") + tup(I4, number(0)) + b"s"
CHANGED = b"h\x20" + text("a") + tup(OBJECT, number(0)) + b"s0"

FORGED = {
    **{f"references with the flags {flags}": references(objects(flags)) for flags in (1, 7, 55, 31, 61, 127)},
    **{
        f"fields with references and the flags {flags}": references(
            dtype("V8") + state(["a"], fields(a=(OBJECT, 0)), 8, flags)
        )
        for flags in (1, 3, 7, 11, 16, 19, 26, 63)
    },
    **{
        f"numbers with the flags {flags}": array(
            dtype("V8") + state(["a"], fields(a=(I4, 0)), 8, flags), EIGHT
        )
        for flags in (0, 1, 2, 4, 8, 17, 24, 32)
    },
    "an array of references with fewer flags": references(
        dtype("V8") + state([], NONE, 8, 27, inner=tup(OBJECT, number(1)))
    ),
    **{
        f"an alignment of {size}": array(dtype("V8") + state(["a"], fields(a=(I4, 0)), alignment=size), EIGHT)
        for size in (-1, 0, 3, 32)
    },
    **{
        f"an alignment of {size} for texts": array(
            dtype("U2") + tup(b"K\3", text("<"), NONE, NONE, NONE, number(8), number(size), number(8)) + b"b",
            EIGHT,
        )
        for size in (-1, 0, 3)
    },
    **{
        f"an alignment of {size} for numbers": array(
            dtype("i8")
            + tup(b"K\3", text("<"), NONE, NONE, NONE, number(-1), number(size), number(0))
            + b"b",
            EIGHT,
        )
        for size in (0, 3)
    },
    "a field beyond the item": array(dtype("V8") + state(["a"], fields(a=(I4, 6))), EIGHT),
    "a field before the item": array(dtype("V8") + state(["a"], fields(a=(I4, -4))), EIGHT),
    "an object in plain memory": array(dtype("V8") + state(["a"], fields(a=(OBJECT, 0))), EIGHT),
    "an object in memory that says so": array(
        dtype("V8") + state(["a"], fields(a=(OBJECT, 0)), 8, 63), EIGHT
    ),
    "numbers that are said to be objects": array(dtype("V8") + state(["a"], fields(a=(I4, 0)), 8, 63), EIGHT),
    "a size that is another's": array(dtype("V8") + state(["a"], fields(a=(I4, 0)), 64), EIGHT),
    "more items than there are": array(PLAIN, EIGHT, 1000),
    "a name without a field": array(dtype("V8") + state(["a", "b"], fields(a=(I4, 0))), EIGHT),
    "an array that is larger than the item": array(
        dtype("V8") + state([], NONE, flags=0, inner=tup(I4, number(1000))), EIGHT
    ),
    "an array of a negative length": array(
        dtype("V8") + state([], NONE, flags=0, inner=tup(I4, number(-2))), EIGHT
    ),
    "an array of objects": array(
        dtype("V8") + state([], NONE, flags=63, inner=tup(OBJECT, number(1))), EIGHT
    ),
    "fields that are changed": array(dtype("V8") + state(["a"], NOTED) + CHANGED, EIGHT),
    "fields that are changed between": dtype("V8")
    + state(["a"], NOTED)
    + b"q\x210"
    + CHANGED
    + array(b"h\x21", EIGHT),
    "a part that gets its fields later": dtype("V8")
    + b"q\x220"
    + array(dtype("V8") + state(["a"], fields(a=(b"h\x22", 0))), EIGHT)
    + b"q\x230h\x22"
    + state(["o"], fields(o=(OBJECT, 0)), 8, 27)
    + b"0h\x23",
    "a dtype that gets its fields later": dtype("V8")
    + b"q\x220"
    + array(b"h\x22", EIGHT)
    + b"q\x230h\x22"
    + state(["o"], fields(o=(OBJECT, 0)), 8, 27)
    + b"0h\x23",
    "a scalar whose dtype gets its fields later": dtype("V8")
    + b"q\x220"
    + call(SCALAR, b"h\x22", b"C\x08" + EIGHT)
    + b"q\x230h\x22"
    + state(["o"], fields(o=(OBJECT, 0)), 8, 27)
    + b"0h\x23",
    "a dtype that gets other fields": PLAIN
    + b"q\x220"
    + array(b"h\x22", EIGHT)
    + b"q\x230h\x22"
    + state(["o"], fields(o=(OBJECT, 0)), 8, 27)
    + b"0h\x23",
}


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("policy", ["numpy", "stdlib|numpy|pandas|sklearn|torch"])
def test_fields_say_nothing_but_what_the_memory_is(name: str, policy: str) -> None:
    with pytest.raises(brinery.PolicyError):
        brinery.loads(b"\x80\x03" + FORGED[name] + b".", policy=policy)


def test_what_is_attacked_is_granted() -> None:
    made = brinery.loads(b"\x80\x03" + references(OBJECT) + b".", policy="numpy")
    assert made.tolist() == ["a", None]
    made = brinery.loads(b"\x80\x03" + array(PLAIN, EIGHT) + b".", policy="numpy")
    assert made["a"].tolist() == [1]


STRUCTURED = {
    "plain": numpy.zeros(3, [("a", "i4"), ("b", "f8"), ("c", "U5"), ("d", "M8[s]")]),
    "nested": numpy.zeros(2, [("a", [("x", "i2"), ("y", "f4", (2, 3))]), ("b", "S3")]),
    "aligned": numpy.zeros(2, numpy.dtype([("a", "i1"), ("b", "f8")], align=True)),
    "gaps": numpy.zeros(
        2, {"names": ["a", "b"], "formats": ["i4", "f8"], "offsets": [4, 16], "itemsize": 32}
    ),
    "overlapping": numpy.zeros(2, {"names": ["a", "b"], "formats": ["i4", "i2"], "offsets": [0, 0]}),
    "objects": numpy.array([(1, "x")], [("a", "i4"), ("b", "O")]),
    "objects in arrays": numpy.array([(1, ["x", "y"])], [("a", "i4"), ("b", "O", (2,))]),
    "objects within": numpy.array([((1, "x"),)], [("a", [("x", "i4"), ("y", "O")])]),
    "objects, aligned": numpy.zeros(2, numpy.dtype([("a", "i1"), ("b", "O")], align=True)),
    "masked objects": numpy.ma.array([(1, "x")], [("a", "i4"), ("b", "O")], mask=[(0, 1)]),
    "titles": numpy.zeros(2, [(("title", "a"), "i4")]),
    "scalar": numpy.zeros(2, [("a", "i4"), ("b", "f8")])[0],
    "void": numpy.zeros(2, "V5"),
    "shared": [numpy.zeros(2, [("a", "i4")])] * 2,
    "masked": numpy.ma.array([(1, 2.0), (3, 4.0)], [("a", "i4"), ("b", "f8")], mask=[(0, 1), (1, 0)]),
    "masked, nested": numpy.ma.zeros(2, [("a", [("x", "i2"), ("y", "f4", (2, 3))]), ("b", "S3")]),
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", STRUCTURED)
def test_honest_fields_load(name: str, protocol: int) -> None:
    value = STRUCTURED[name]
    made = brinery.loads(pickle.dumps(value, protocol), policy="numpy")
    assert type(made) is type(value)
    assert pickle.dumps(made, 4) == pickle.dumps(pickle.loads(pickle.dumps(value, protocol)), 4)


def test_a_mask_is_as_large_as_there_are_values() -> None:
    value = numpy.ma.array([(1, 2.0)], [("a", "i4"), ("b", "f8")], mask=[(0, 1)])
    function, args, (version, shape, kind, order, data, mask, fill) = value.__reduce__()
    assert mask == b"\0\1"

    class Forged:
        def __init__(self, mask: bytes) -> None:
            self.mask = mask

        def __reduce__(self) -> object:
            return function, args, (version, shape, kind, order, data, self.mask, fill)

    for wrong in (b"", b"\0", b"\0\1\0", bytes(4096)):
        with pytest.raises(brinery.PolicyError):
            brinery.loads(pickle.dumps(Forged(wrong)), policy="numpy")

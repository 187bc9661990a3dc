"""Arrays, scalars and dtypes of numpy whose memory is not what their states say."""

from __future__ import annotations

import pickle

import pytest

import brinery

from .assembly import call, glob, text, tup

numpy = pytest.importorskip("numpy")

CORE = numpy.ndarray(0).__reduce__()[0].__module__
RECONSTRUCT = glob(CORE, "_reconstruct")
SCALAR = glob(CORE, "scalar")
FROM_BUFFER = glob(CORE.replace("multiarray", "numeric"), "_frombuffer")
NDARRAY = glob("numpy", "ndarray")
LESS = b"J\xff\xff\xff\xff"


def integer(value: int) -> bytes:
    encoded = value.to_bytes(9, "little", signed=True)
    return b"\x8a\x09" + encoded


def blob(data: bytes) -> bytes:
    return b"B" + len(data).to_bytes(4, "little") + data


def dtype(code: str, copy: bytes = b"K\1", align: bytes = b"K\0") -> bytes:
    return call(glob("numpy", "dtype"), text(code), align, copy)


def state(
    order: str = "<", size: bytes = LESS, flags: int = 0, *, version: int = 3, fields: bytes = b"N"
) -> bytes:
    return (
        tup(b"K" + bytes([version]), text(order), b"N", fields, fields, size, LESS, b"K" + bytes([flags]))
        + b"b"
    )


EMPTY = call(RECONSTRUCT, NDARRAY, b"K\0\x85", b"C\1b")
F8 = dtype("f8") + state()


def array(shape: bytes, kind: bytes, data: bytes, version: bytes = b"K\1") -> bytes:
    return EMPTY + tup(version, shape, kind, b"K\0", data) + b"b"


FORGED = {
    "more items than bytes": array(b"K\x09\x85", F8, blob(b"x" * 64)),
    "fewer items than bytes": array(b"K\x07\x85", F8, blob(b"x" * 64)),
    "a negative length": array(LESS + b"\x85", F8, blob(b"")),
    "lengths whose product overflows": array(tup(integer(1 << 32), integer(1 << 32)), F8, blob(b"")),
    "a length beside zero": array(tup(integer(1 << 60), b"K\0"), F8, blob(b"")),
    "too many dimensions": array(tup(*[b"K\1"] * 70), F8, blob(b"x" * 8)),
    "a length that is no integer": array(b"G?\xf0\0\0\0\0\0\0\x85", F8, blob(b"x" * 8)),
    "references out of bytes": array(b"K\1\x85", dtype("O8") + state("|", flags=63), blob(b"x" * 8)),
    "a list for numbers": array(b"K\1\x85", F8, b"](K\1e"),
    "fewer objects than items": array(b"K\3\x85", dtype("O8") + state("|", flags=63), b"](NNe"),
    "bytes that can be changed": array(b"K\1\x85", F8, call(glob("builtins", "bytearray"), blob(b"x" * 8))),
    "a second state": array(b"K\1\x85", F8, blob(b"x" * 8))
    + tup(b"K\1", b"K\0\x85", F8, b"K\0", blob(b""))
    + b"b",
    "a state for an array over a buffer": call(FROM_BUFFER, blob(b"x" * 8), F8, b"K\1\x85", text("C"))
    + tup(b"K\1", b"K\1\x85", F8, b"K\0", blob(b"y" * 8))
    + b"b",
    "more items than the buffer has": call(FROM_BUFFER, blob(b"x" * 8), F8, b"K\2\x85", text("C")),
    "references out of a buffer": call(
        FROM_BUFFER, blob(b"x" * 8), dtype("O8") + state("|", flags=63), b"K\1\x85", text("C")
    ),
    "a scalar of too few bytes": call(SCALAR, F8, blob(b"x" * 7)),
    "a scalar that is a reference": call(SCALAR, dtype("O8") + state("|", flags=63), blob(b"x" * 8)),
    "a text longer than its bytes": call(
        SCALAR, dtype("U1000") + state("<", b"M\xa0\x0f", 8), blob(b"x" * 4)
    ),
    "the dtype of the whole process": dtype("f8", copy=b"K\0") + state(">"),
    "a dtype that is aligned": dtype("f8", align=b"K\1") + state(),
    "a second state for a dtype": F8 + state(">"),
    "numbers that are references": dtype("f8") + state(flags=63),
    "references that are none": dtype("O8") + state("|", flags=0),
    "numbers of another size": dtype("f8") + state(size=b"M\x00\x10"),
    "texts of another size": dtype("S5") + state("|", b"M\x00\x10"),
    "a dtype with fields that are none": dtype("V8") + state("|", b"K\x08", fields=text("x")),
    "an order that is none": dtype("f8") + state("?"),
    "a date without a unit": dtype("M8")
    + tup(
        b"K\4",
        text("<"),
        b"N",
        b"N",
        b"N",
        LESS,
        LESS,
        b"K\0",
        tup(b"N", tup(blob(b"D"), b"K\0", b"K\0", b"K\0")),
    )
    + b"b",
    "an array of a class with code": call(RECONSTRUCT, glob("numpy", "matrix"), b"K\0\x85", b"C\1b")
    + tup(b"K\1", b"K\x09\x85", F8, b"K\0", blob(b"x" * 8))
    + b"b",
    "a length at first": call(RECONSTRUCT, NDARRAY, integer(1 << 40) + b"\x85", b"C\1b"),
    "a state for the class of arrays": NDARRAY + tup(b"K\1", b"K\1\x85", F8, b"K\0", blob(b"x" * 8)) + b"b",
}


@pytest.mark.parametrize("name", FORGED)
def test_they_are_refused(name: str) -> None:
    data = b"\x80\x03" + FORGED[name] + b"."
    with pytest.raises(brinery.PolicyError):
        brinery.loads(data, policy="stdlib|numpy")
    assert numpy.dtype("f8").byteorder == "="


def test_the_place_of_an_array_that_is_gone_is_no_right() -> None:
    """Arrays that wait for their states are given up, and others that may have none take their places."""
    gone = b"".join([EMPTY + b"0"] * 50)
    others = b"".join(
        call(FROM_BUFFER, blob(b"x" * 8), b"h\7", b"K\1\x85", text("C"))
        + tup(b"K\1", b"K\1\x85", b"h\7", b"K\0", blob(b"y" * 8))
        + b"b0"
        for _ in range(50)
    )
    with pytest.raises(brinery.PolicyError):
        brinery.loads(b"\x80\x03" + F8 + b"q\0070" + gone + others + b"N.", policy="numpy")


def test_a_dtype_that_changes_after_an_array_was_made_of_it_keeps_its_size() -> None:
    unset = b"(" + dtype("f8") + b"q\0070" + array(b"K\1\x85", b"h\7", blob(b"x" * 8))
    loaded = brinery.loads(b"\x80\x03" + unset + b"h\7" + state(">") + b"t.", policy="numpy")
    assert loaded[0].itemsize == 8
    for change in (state(flags=63), state(size=b"M\x00\x10"), state(version=9)):
        with pytest.raises(brinery.PolicyError):
            brinery.loads(b"\x80\x03" + unset + b"h\7" + change + b"t.", policy="numpy")


@pytest.mark.parametrize("protocol", range(6))
def test_what_numpy_writes_is_loaded(protocol: int) -> None:
    things = [
        numpy.arange(6).reshape(2, 3),
        numpy.asfortranarray(numpy.ones((2, 3))),
        numpy.array(["ab", "c"]),
        numpy.array([b"ab"]),
        numpy.array([1, 2], ">i2"),
        numpy.array(["2020-01-01"], "M8[25s]"),
        numpy.array([[1], None], object),
        numpy.array(5),
        numpy.zeros((0, 3)),
        numpy.float16(1.5),
        numpy.longdouble(1) / 3,
        numpy.complex64(1j),
        numpy.str_("text"),
        numpy.bytes_(b"x"),
        numpy.datetime64("2020-01-01", "D"),
        numpy.timedelta64(7, "D"),
        numpy.bool_(True),
    ]
    for thing in [*things, things]:
        made = brinery.loads(pickle.dumps(thing, protocol), policy="numpy")
        assert type(made) is type(thing)
        assert brinery.dumps(made, 4) == brinery.dumps(pickle.loads(pickle.dumps(thing, protocol)), 4)

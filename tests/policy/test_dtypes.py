"""Random dtypes of numpy, with the arrays and scalars of them: what is granted does not break numpy."""

from __future__ import annotations

import os
import pickle
import random
import sys
import warnings

import pytest

import brinery

np = pytest.importorskip("numpy")

CODES = "i4 u8 b1 f8 f2 f16 c16 c32 M8 m8 S3 U2 V4 V0 O8 O4 V8 S0 U0 i1 f12 V".split()
UNITS = [
    None,
    (None, (b"s", 1, 1, 1)),
    ({}, (b"us", 1, 1, 1)),
    (None, (b"generic", 1, 1, 1)),
    (None, (b"D", 7, 1, 1)),
    (None, ("s", 1, 1, 1)),
    (None, (b"zz", 1, 1, 1)),
    (None, (b"s", 0, 1, 1)),
    (None, (b"s", 1, 2, 3)),
    (None, (b"s", 2**31 - 1, 1, 1)),
    (None, (b"s", 1, 1)),
    ({},),
    {},
    (),
    5,
]
ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btR(K\x01"
STREAMS = 6000


def value(thing: object) -> bytes:
    return pickle.dumps(thing, 3)[2:-1]


def dtype(rng: random.Random, depth: int = 0) -> bytes:
    """Return the opcodes of a dtype, most of which make sense."""
    code = rng.choice(CODES)
    made = b"cnumpy\ndtype\n" + value(code) + b"\x89\x88\x87R"
    if rng.random() < 0.1:
        return made
    inner = names = fields = b"N"
    width = int(code[1:] or 0)
    size, alignment, flags = -1, -1, 0
    if code[0] in "SU":
        size, alignment = (width, 1) if code[0] == "S" else (4 * width, 4)
        flags = rng.choice([0, 8]) if code[0] == "U" else 0
    elif code[0] == "O":
        flags = 63
    elif code[0] == "V":
        size, alignment = width, rng.choice([1, 1, 4, 8])
        kind = rng.random() if depth < 2 else 1.0
        if kind < 0.35:
            count = rng.randrange(4)
            shape = rng.choice([(count,), count, (count, 1)])
            inner = b"(" + dtype(rng, depth + 1) + value(shape) + b"t"
            size = rng.choice([width, 0, count, 4 * count, 8 * count, 16 * count])
        elif kind < 0.8:
            offset, given = 0, "abc"[: rng.randrange(4)]
            names, fields = value(tuple(given)), b"}("
            for name in given:
                title = value(rng.choice(["t", None])) if rng.random() < 0.1 else b""
                fields += value(name) + b"(" + dtype(rng, depth + 1) + value(offset) + title + b"t"
                offset += rng.choice([0, 1, 2, 4, 8, 16])
            fields += b"u"
            size, flags = rng.choice([offset, offset + 8, width]), rng.choice([16, 16, 0, 27, 31, 63, 17])
    if rng.random() < 0.3:
        size, alignment, flags = rng.choice(
            [
                (rng.choice([-1, 0, 1, 4, 8, 2**30]), alignment, flags),
                (size, rng.choice([-1, 0, 1, 3, 8]), flags),
            ]
            + [(size, alignment, rng.choice([0, 1, 8, 16, 63, 27, -1, 128]))]
        )
    state = value(rng.choice([3, 4, 4, 3, 2, 1])) + value(rng.choice("<>=|<")) + inner + names + fields
    state += value(size) + value(alignment) + value(flags)
    if rng.random() < (0.9 if code[0] in "Mm" else 0.15):
        state += value(rng.choice(UNITS))
    return made + b"(" + state + b"tb"


def stream(rng: random.Random) -> bytes:
    """Return a dtype, or an array or a scalar of one."""
    kind, made = rng.random(), dtype(rng)
    count, size = rng.randrange(4), rng.choice([0, 1, 2, 4, 8, 12, 16, 24, 32])
    memory = b"C%c" % size + rng.randbytes(size)
    shape = value(rng.choice([(count,), (count, 1), ()]))
    if 0.35 < kind < 0.6:
        made = ARRAY + shape + made + b"\x89" + memory + b"tb"
    elif 0.6 < kind < 0.85:
        made = b"cnumpy.core.multiarray\nscalar\n" + made + memory + b"\x86R"
    elif kind > 0.85:
        items = [rng.choice([1, None, "a", b"x", 1.5]) for _ in range(count)]
        made = ARRAY + value((count,)) + made + b"\x89" + value(items) + b"tb"
    return b"\x80\x04" + made + b"."


def use(data: bytes) -> bool:
    """Load a stream and look at what it makes; whether it was granted."""
    try:
        made = brinery.loads(data, policy="numpy")
    except brinery.PolicyError:
        return False
    try:
        repr(made)
        if isinstance(made, np.ndarray):
            made.copy(), made.tobytes(), made.tolist(), made.argsort(axis=None), made.sum()
        pickle.dumps(made)
    except Exception:  # numpy cannot do everything with everything
        pass
    return True


@pytest.mark.skipif(sys.platform == "win32" or sys.version_info < (3, 9), reason="needs fork")
@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_breaks(seed: int) -> None:
    rng = random.Random(seed)
    streams = [stream(rng) for _ in range(STREAMS)]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        warnings.simplefilter("ignore")
        granted = 0
        for number, data in enumerate(streams):
            os.write(writing, number.to_bytes(4, "little"))
            granted += use(data)
        os.write(writing, granted.to_bytes(4, "little"))
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as file:
        told = file.read()
    _, status = os.waitpid(child, 0)
    last = int.from_bytes(told[-4:], "little")
    assert status == 0, streams[last]
    assert last > STREAMS // 20


@pytest.mark.parametrize("code", ["M8", "m8"])
@pytest.mark.parametrize("rest", [(), (None,)])
def test_a_date_has_a_unit(code: str, rest: tuple[None, ...]) -> None:
    """Numpy takes the unit from where there is none, and breaks."""
    for version in (3, 4):
        state = value((version, "<", None, None, None, -1, -1, 0, *rest))
        data = b"\x80\x04cnumpy\ndtype\n" + value(code) + b"\x89\x88\x87R" + state + b"b."
        with pytest.raises(brinery.PolicyError) as caught:
            brinery.loads(data, policy="numpy")
        assert caught.value.rule == "global.state"


def test_references_have_no_byte_order() -> None:
    """Numpy turns the bytes of what is swapped around, and takes that for references."""
    for code, rest in [("O8", (None, None, None, -1, -1, 63)), ("V8", (None, None, None, 8, 1, 0))]:
        for order in "<>=":
            state = value((3, order, *rest))
            made = b"cnumpy\ndtype\n" + value(code) + b"\x89\x88\x87R" + state + b"b"
            items = value(["a", None]) if code == "O8" else value(bytes(16))
            for data in (made, ARRAY + value((2,)) + made + b"\x89" + items + b"tb"):
                with pytest.raises(brinery.PolicyError) as caught:
                    brinery.loads(b"\x80\x04" + data + b".", policy="numpy")
                assert caught.value.rule == "global.state"

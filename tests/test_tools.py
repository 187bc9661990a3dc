"""``brinery.tools`` against `pickletools`: the same opcodes, texts, bytes and errors."""

from __future__ import annotations

import collections
import datetime
import io
import pickle
import pickletools
import random
from typing import Any

import pytest

import brinery
from brinery import tools


class Plain:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


def graph() -> list[Any]:
    """Return objects that need most opcodes, with sharing and a cycle."""
    shared = ["shared", 1.5]
    cycle: list[Any] = [shared, shared]
    cycle.append(cycle)
    numbers = [0, -1, 255, 256, 65536, -(2**31), 2**31, 2**63, -(10**30), 10**700]
    texts = ["", "a", "ä\n\\", "\udc80", "x" * 300, "'", '"', "'\"", b"", b"\x00\xff'", bytearray(b"array")]
    plain = Plain(x=1, y=Plain(z=None))
    return [
        cycle,
        numbers,
        texts,
        plain,
        (True, False, None, 1.0, float("inf")),
        {1, "2"},
        frozenset({3}),
        {"key": {"nested": ()}},
        (1,),
        (1, 2),
        (1, 2, 3),
        tuple(range(5)),
        collections.OrderedDict(a=1),
        datetime.datetime(2024, 1, 1),
        len,
        collections.Counter,
        1j,
        Exception("text", 1),
        list(range(2500)),
    ]


# pickletools decodes strings of protocol 0 by way of a warning about their escapes.
pytestmark = pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")

PICKLES = [pickle.dumps(thing, protocol) for protocol in range(6) for thing in (graph(), *graph())]

MADE = {
    "long string": b"U\x03abc.",
    "string": b"S'a\\'b\\x41'\n.",
    "string in other quotes": b'S"a"\n.',
    "binstring": b"T\x02\x00\x00\x00\xffa.",
    "inst": b"(ios\nsystem\n.",
    "obj": b"(cos\nsystem\no.",
    "persid": b"Pname\n.",
    "binpersid": b"K\x01Q.",
    "extensions": b"\x82\x01\x83\x01\x00\x84\x01\x00\x00\x00\x87.",
    "bool": b"I01\nI00\nI7\n\x87.",
    "long text": b"L12L\nL-3\n\x86.",
    "pop mark": b"(K\x011N.",
    "pop a mark": b"(0N.",
    "dup": b"N2\x86.",
    "buffers": b"\x97\x98.",
    "unicode": b"V\\u00e4\\U0001f600\n.",
    "get": b"(lp0\ng0\na.",
    "long_binget": b"]r\x00\x01\x00\x00j\x00\x01\x00\x00a.",
    "two frames": b"\x80\x04\x95\x01\x00\x00\x00\x00\x00\x00\x00N\x95\x01\x00\x00\x00\x00\x00\x00\x00.",
    "empty": b"",
    "no stop": b"N",
    "unknown": b"N\xff.",
    "truncated": b"X\x05\x00\x00\x00ab",
    "truncated length": b"X\x05\x00",
    "negative length": b"T\xff\xff\xff\xff.",
    "huge length": b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.",
    "huge but possible": b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
    "no newline": b"I12",
    "no quotes": b"Sabc\n.",
    "wrong quotes": b"S'abc\"\n.",
    "bad int": b"Iabc\n.",
    "bad float": b"Fabc\n.",
    "bad utf-8": b"X\x01\x00\x00\x00\xff.",
    "bad escape": b"V\\u12\n.",
    "bad ascii": b"c\xff\nx\n.",
    "underflow": b"a.",
    "no mark": b"K\x01l.",
    "mark left": b"(N.",
    "two left": b"NN.",
    "memo unknown": b"h\x05.",
    "memo twice": b"Nq\x00q\x00.",
    "memo empty": b"q\x00.",
    "memo mark": b"(q\x00.",
    "nothing left": b".",
}


def outcome(function: Any, *args: Any, **options: Any) -> Any:
    """Return what a function returns, or the type and text of what it raises."""
    try:
        return function(*args, **options)
    except Exception as error:
        return type(error), str(error)


def listing(module: Any, data: Any) -> Any:
    """Return all operations, and the error at the end if there is one."""
    found = []
    try:
        for opcode, arg, pos in module.genops(data):
            found.append((opcode, type(arg), repr(arg), pos))
    except Exception as error:
        found.append((type(error), str(error)))
    return found


def disassembly(module: Any, data: Any, *args: Any, **options: Any) -> Any:
    """Return the text of a disassembly, and what it returns or raises."""
    out = io.StringIO()
    return outcome(module.dis, data, out, *args, **options), out.getvalue()


class Pipe:
    """A file that cannot tell where it is, nor go back."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)
        self.read = self._file.read
        self.readline = self._file.readline


@pytest.mark.parametrize("data", [*MADE.values(), *PICKLES], ids=[*MADE, *map(str, range(len(PICKLES)))])
def test_every_tool_does_what_pickletools_does(data: bytes) -> None:
    assert listing(tools, data) == listing(pickletools, data)
    assert listing(tools, bytearray(data)) == listing(pickletools, data)
    assert disassembly(tools, data) == disassembly(pickletools, data)
    assert disassembly(tools, data, None, 2, 40) == disassembly(pickletools, data, None, 2, 40)
    assert outcome(tools.optimize, data) == outcome(pickletools.optimize, data)


@pytest.mark.parametrize("data", [*MADE.values(), *PICKLES[:40]], ids=[*MADE, *map(str, range(40))])
def test_files_are_read_to_the_end_of_the_pickle_and_no_further(data: bytes) -> None:
    for function in (listing, disassembly):
        files = [io.BytesIO(b"before" + data + b"N.behind") for _ in range(2)]
        for file in files:
            file.seek(6)
        ours, stock = (function(module, file) for module, file in zip((tools, pickletools), files))
        assert ours == stock
        # Where a disassembly fails before the STOP, how far the file was read is nobody's business.
        failed = isinstance(stock[-1][0], type) if function is listing else stock[0] is not None
        if not failed or "after STOP" in str(stock[0]):
            assert files[0].tell() == files[1].tell()
        ours, stock = (function(module, Pipe(data)) for module in (tools, pickletools))
        assert ours == stock


def test_a_memo_serves_several_pickles() -> None:
    file = io.BytesIO()
    pickler = pickle.Pickler(file, 2)
    shared = ["shared"]
    lengths = [0]
    for thing in ([shared], {"again": shared}, shared):
        pickler.dump(thing)
        lengths.append(file.tell())
    parts = [file.getvalue()[a:b] for a, b in zip(lengths, lengths[1:])]
    ours: dict[int, Any] = {}
    stock: dict[int, Any] = {}
    for part in parts:
        assert disassembly(tools, part, ours) == disassembly(pickletools, part, stock)
        assert ours == stock
    assert disassembly(tools, parts[2]) == disassembly(pickletools, parts[2])
    assert disassembly(tools, parts[2])[0][0] is ValueError


def test_dis_prints_to_the_standard_output_of_the_moment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tools.dis(b"N.")
    assert (
        capsys.readouterr().out == "    0: N    NONE\n    1: .    STOP\nhighest protocol among opcodes = 0\n"
    )
    monkeypatch.setattr("sys.stdout", None)
    tools.dis(b"N.")

    class Full:
        def write(self, text: str) -> int:
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        tools.dis(b"N.", Full())


def test_random_damage_is_reported_alike() -> None:
    dice = random.Random(7)
    for _ in range(20_000):
        data = bytearray(dice.choice([*MADE.values(), *PICKLES[:60]])[:400])
        for _ in range(dice.randrange(1, 4)):
            if data:
                data[dice.randrange(len(data))] = dice.randrange(256)
        assert listing(tools, bytes(data)) == listing(pickletools, bytes(data)), bytes(data)
        assert disassembly(tools, bytes(data)) == disassembly(pickletools, bytes(data)), bytes(data)
        assert outcome(tools.optimize, bytes(data)) == outcome(pickletools.optimize, bytes(data)), bytes(data)


def test_optimized_pickles_load_alike() -> None:
    for data in PICKLES:
        short = tools.optimize(data)
        assert len(short) <= len(data)
        assert brinery.dumps(brinery.loads(short), 2) == brinery.dumps(brinery.loads(data), 2)


def test_genops_yields_pickletools_own_records() -> None:
    records = {opcode.name: opcode for opcode in pickletools.opcodes}
    (none, *_), (stop, *_) = tools.genops(b"N.")
    assert none is records["NONE"]
    assert stop is records["STOP"]

"""Pickles that a program unpacks before it loads them: out of values of other pickles, of dumps and of text."""

from __future__ import annotations

import base64
import gzip
import json
import pickle
import zlib
from typing import Callable

import pytest

import brinery

#: One whose Base64 ends without padding, and one that has no ``PROTO``.
ATTACK = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.."[:-1] + b"\x00\x00"
BARE = b"cos\nsystem\n(S'true'\ntR."


def _redis(value: bytes) -> bytes:
    """Return a dump of Redis with a hash as RQ has one for a job."""
    length = bytes([0x40 | len(value) >> 8, len(value) & 0xFF])
    return b"REDIS0011\xfe\x00\xfb\x01\x00\x04\x03job\x01\x04data" + length + value + b"\xff" + bytes(8)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _lines(text: str) -> str:
    return "\n    ".join(text[at : at + 60] for at in range(0, len(text), 60))


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip in bytes": lambda data: pickle.dumps({"cached": gzip.compress(data)}, 4),
    "zlib in bytes": lambda data: pickle.dumps({"cached": zlib.compress(data)}, 2),
    "as bytes": lambda data: pickle.dumps([data], 4),
    "zlib in a dump of Redis": lambda data: _redis(zlib.compress(data)),
    "text in a dump of Redis": lambda data: _redis(_text(data).encode()),
    "a column without padding": lambda data: (
        f"id,blob\n1,{_text(data + bytes(-len(data) % 3))}\n2,x\n".encode()
    ),
    "indented lines": lambda data: f"key: |\n    {_lines(_text(data * 3))}\nend: 1\n".encode(),
    "compressed text in JSON": lambda data: json.dumps({"s": _text(zlib.compress(data))}).encode(),
}


@pytest.mark.parametrize("how", PACKED)
@pytest.mark.parametrize("data", [ATTACK, BARE], ids=["with PROTO", "without"])
def test_what_is_packed_is_found(how: str, data: bytes) -> None:
    report = brinery.scan(PACKED[how](data))
    assert report.verdict == "dangerous", report


@pytest.mark.parametrize("protocol", [4, 5])
@pytest.mark.parametrize("compressed", [False, True])
def test_text_in_a_pickle_that_is_one(protocol: int, compressed: bool) -> None:
    data = zlib.compress(ATTACK) if compressed else ATTACK
    assert brinery.scan(pickle.dumps({"session": _text(data)}, protocol)).verdict == "dangerous"


@pytest.mark.parametrize("how", PACKED)
def test_what_is_honest_is_not_flagged(how: str) -> None:
    data = pickle.dumps({"user": "cos\nsystem\n", "id": 7, "tags": ["a", "b"]}, 4)
    assert not brinery.scan(PACKED[how](data)).flagged


def test_a_bomb_after_a_prefix() -> None:
    bomb = b"\x80\x04cbuiltins\nbytearray\n(\x8a\x08\0\0\0\0\4\0\0\0tR."
    assert brinery.scan(b"HEAD\x01\x02" + bomb).verdict == "budget"


@pytest.mark.parametrize(
    ("module", "name", "argument", "verdict"),
    [
        # Who has no such class cannot know that the word is a path.
        ("shop.models", "Size", "large", "needs"),
        ("intervaltree.interval", "Interval", "a", "needs"),
        ("shop.models", "make_class", "Order", "needs"),
        ("shop.tools", "run", "rm -r /", "dangerous"),
        ("shop.tools", "load", "../../etc/passwd", "dangerous"),
        ("shop.tools", "find", "os.system", "dangerous"),
        ("diskcache", "Cache", "/tmp/x", "dangerous"),
        ("jinja2", "Template", "x", "dangerous"),
    ],
)
def test_words_are_no_danger_and_what_looks_like_more_is(
    module: str, name: str, argument: str, verdict: str
) -> None:
    text = argument.encode()
    call = b"\x80\x04c" + f"{module}\n{name}\n".encode() + b"\x8c" + bytes([len(text)]) + text + b"\x85R."
    assert brinery.scan(call).verdict == verdict


def test_a_class_that_the_programs_own_function_makes_needs_to_be_granted() -> None:
    made = b"\x80\x04cshop\nmake_class\n\x8c\x05Order\x85R)\x81}\x8c\x01aK\x01sb."
    assert brinery.scan(made).verdict == "needs"


def test_methods_that_only_look_are_no_way_into_an_object() -> None:
    def attribute(name: str) -> bytes:
        return (
            b"\x80\x04cbuiltins\ngetattr\ncshop\nOrder\n)\x81\x8c"
            + bytes([len(name)])
            + name.encode()
            + b"\x86R."
        )

    assert brinery.scan(attribute("__hash__")).verdict == "needs"
    assert brinery.scan(attribute("__globals__")).verdict == "dangerous"

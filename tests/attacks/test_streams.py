"""Streams that one reader takes for this and another for that."""

from __future__ import annotations

import io

import pytest

import brinery

from .assembly import call, dotted, glob, text
from .harness import prove, refuse

EVIL = call(glob("os", "system"), text("touch effect"))
ATTACKS = {
    "opcodes above the protocol": b"\x80\x02" + call(dotted("os", "system"), text("touch effect")) + b".",
    "no protocol at all": call(dotted("os", "system"), text("touch effect")) + b".",
    "PROTO twice": b"\x80\x04\x80\x02" + EVIL + b".",
    "PROTO in the middle": EVIL + b"\x80\x02.",
    "a frame that is too long": b"\x80\x04\x95" + (len(EVIL) + 5).to_bytes(8, "little") + EVIL + b".junk",
    "a frame that ends in an argument": b"\x80\x04\x95" + (10).to_bytes(8, "little") + EVIL + b".",
    "junk behind": EVIL + b".junk",
    "broken behind the call": EVIL + b"\xff",
    "cut behind the call": EVIL,
    "another pickle behind": EVIL + b"." + EVIL + b".",
    "hexadecimal": b"I0x10\n0" + EVIL + b".",
    "an underscore in a number": b"L1_0L\n0" + EVIL + b".",
    "a space before a number": b"I 1\n0" + EVIL + b".",
}


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS)


@pytest.mark.parametrize("data", [b"N.N.", b"N.junk", b"\x80\x04N.\n"])
def test_what_follows_a_pickle_is_refused_from_memory_and_from_files(data: bytes) -> None:
    for load in (
        lambda: brinery.loads(data, policy="data"),
        lambda: brinery.load(io.BytesIO(data), policy="data"),
    ):
        with pytest.raises(brinery.PolicyError) as caught:
            load()
        assert caught.value.rule == "grammar.trailing"


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"N\x80\x02.", "grammar.proto"),
        (b"\x80\x02\x8c\x01a.", "grammar.opcode"),
        (b"I0x10\n.", "grammar.number"),
        (b"\x80\x04\x95\x05\0\0\0\0\0\0\0N.", "malformed"),
        (b"Prow\n.", "persistent"),
        (b"N", "malformed"),
        (b"\xff", "malformed"),
        (b"", "malformed"),
    ],
)
def test_each_refusal_names_its_rule(data: bytes, rule: str) -> None:
    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(data, policy="data")
    assert caught.value.rule == rule

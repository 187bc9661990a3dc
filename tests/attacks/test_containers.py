"""The effect in the middle of data: in every container, and by every opcode that fills one."""

from __future__ import annotations

from .assembly import call, glob, newobj, text
from .harness import prove, refuse

EVIL = call(glob("os", "system"), text("touch effect"))
PLAIN = newobj(glob("tests.attacks.victims", "Plain"))
ATTACKS = {
    "APPEND": b"]" + EVIL + b"a.",
    "APPENDS": b"](N" + EVIL + b"Ne.",
    "APPENDS of nothing": b"](" + EVIL + b"0e.",
    "LIST": b"(N" + EVIL + b"l.",
    "TUPLE": b"(N" + EVIL + b"t.",
    "TUPLE1": EVIL + b"\x85.",
    "TUPLE2": b"N" + EVIL + b"\x86.",
    "TUPLE3": EVIL + b"NN\x87.",
    "DICT, a key": b"(" + EVIL + b"Nd.",
    "DICT, a value": b"(N" + EVIL + b"d.",
    "SETITEM, a key": b"}" + EVIL + b"Ns.",
    "SETITEMS, a value": b"}(N" + EVIL + b"u.",
    "ADDITEMS": b"\x8f(" + EVIL + b"\x90.",
    "FROZENSET": b"(" + EVIL + b"\x91.",
    "a state": PLAIN + b"}" + text("x") + EVIL + b"sb.",
    "a state of slots": PLAIN + b"N}" + text("x") + EVIL + b"s\x86b.",
    "arguments": glob("builtins", "len") + b"](" + EVIL + b"e\x85R.",
    "items of a deque": call(glob("collections", "deque"), b"](" + EVIL + b"e") + b".",
    "popped": EVIL + b"0N.",
    "popped with its mark": b"(" + EVIL + b"NN1N.",
    "doubled": EVIL + b"2\x86.",
    "under a thousand lists": b"]" * 1000 + EVIL + b"a" * 1000 + b".",
    "behind a megabyte": b"B\0\0\x10\0" + bytes(1 << 20) + b"0" + EVIL + b".",
    "behind a hundred thousand items": b"](" + b"K\1" * 100_000 + EVIL + b"e.",
    "in a cycle": b"]p0\n(g0\n" + EVIL + b"e.",
}
ATTACKS = {name: b"\x80\x04" + data for name, data in ATTACKS.items()}


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS)

"""Modules whose import is the effect, in whatever way the stream makes the loader import them."""

from __future__ import annotations

from .assembly import dotted, glob, newobj, text
from .harness import prove, refuse

MODULE = "tests.attacks.importing"
NAME = glob(MODULE, "__name__")
ATTACKS = {
    "as the result": NAME + b".",
    "thrown away": NAME + b"0N.",
    "under a mark that is thrown away": b"(" + NAME + b"1N.",
    "as an item": b"]" + NAME + b"a.",
    "as a key": b"}" + NAME + b"Ns.",
    "as an element": b"\x80\x04\x8f(" + NAME + b"\x90.",
    "by STACK_GLOBAL": b"\x80\x04" + dotted(MODULE, "__name__") + b".",
    "a name that is not there": b"(" + glob(MODULE, "Missing") + b"t.",
    "a class that is not there, by INST": b"(i" + MODULE.encode() + b"\nMissing\n.",
    "a class that is not there, by NEWOBJ": b"\x80\x02" + newobj(glob(MODULE, "Missing")) + b".",
    "as an argument": glob("builtins", "str") + b"(" + NAME + b"tR.",
    "as a state": b"\x80\x02"
    + newobj(glob("tests.attacks.victims", "Plain"))
    + b"}"
    + text("x")
    + NAME
    + b"sb.",
    "after the result is made, and broken": b"]" + NAME + b"a",
}
#: What names nothing but what a program can have itself.
OWN = {
    "a class that is not there, by NEWOBJ",
    "a name that is not there",
    "a class that is not there, by INST",
}


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS)

"""Effects that come later: when the object is used, changed or dropped, or when the program ends."""

from __future__ import annotations

from .assembly import call, glob, text, tup
from .harness import prove, refuse

TOUCH = text("touch effect")
PARTIAL = glob("functools", "partial")
ATTACKS = {
    "partial": tup(call(PARTIAL, glob("os", "system"), TOUCH)) + b".",
    "partial by its state": tup(
        call(PARTIAL, glob("builtins", "int")) + tup(glob("os", "system"), tup(TOUCH), b"}", b"N") + b"b"
    )
    + b".",
    "a bound method": tup(
        call(glob("builtins", "getattr"), call(glob("pathlib", "PosixPath"), text("effect")), text("touch"))
    )
    + b".",
    "the function itself": tup(call(PARTIAL, glob("tests.attacks.victims", "touch"))) + b".",
    "a default factory": call(
        glob("_operator", "getitem"),
        call(glob("collections", "defaultdict"), glob("tests.attacks.victims", "touch")),
        text("x"),
    )
    + b".",
    "an iterator": call(
        glob("builtins", "next"),
        call(glob("builtins", "iter"), glob("tests.attacks.victims", "touch"), b"I5\n"),
    )
    + b".",
    "a finalizer": call(
        glob("weakref", "finalize"),
        call(glob("tests.attacks.victims", "Plain")),
        glob("tests.attacks.victims", "touch"),
    )
    + b".",
    "a generator": call(
        glob("builtins", "list"),
        call(glob("builtins", "filter"), glob("tests.attacks.victims", "touch"), b"](I1\ne"),
    )
    + b".",
    "a thread": call(glob("_thread", "start_new_thread"), glob("tests.attacks.victims", "touch"), b"(t")
    + b"0"
    + call(glob("time", "sleep"), b"F0.3\n")
    + b".",
}
ATTACKS = {name: b"\x80\x02" + data for name, data in ATTACKS.items()}


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS)

"""Hooks in the state of an instance, and states that lead elsewhere."""

from __future__ import annotations

from .assembly import glob, newobj, text
from .harness import prove, refuse

VICTIMS = "tests.attacks.victims"
PLAIN = newobj(glob(VICTIMS, "Plain"))
TOUCH = glob(VICTIMS, "touch")


def state(*pairs: bytes) -> bytes:
    return b"}" + b"".join(pairs)


ATTACKS = {
    "__setstate__": PLAIN
    + state(text("__setstate__"), TOUCH, b"s")
    + b"b"
    + state(text("x"), b"I1\ns")
    + b"b.",
    "append": PLAIN + state(text("append"), TOUCH, b"s") + b"bI1\na.",
    "extend": PLAIN + state(text("extend"), TOUCH, b"s") + b"b(I1\nI2\ne.",
    "add": b"\x80\x04" + PLAIN + state(text("add"), TOUCH, b"s") + b"b(I1\n\x90.",
    "__class__": PLAIN
    + b"N"
    + state(text("__class__"), glob(VICTIMS, "Runner"), b"s")
    + b"\x86b"
    + state(text("x"), b"I1\ns")
    + b"b.",
    "a class with a hook": newobj(glob(VICTIMS, "Runner")) + b"I1\nb.",
}
ATTACKS = {name: data if data.startswith(b"\x80") else b"\x80\x02" + data for name, data in ATTACKS.items()}
GRANTED = " | ".join(
    [
        f"Policy.allow('{VICTIMS}:Plain')",
        f"Policy.allow('{VICTIMS}:Plain', extend=True)",
        f"Policy.allow('{VICTIMS}:Runner', construct='tuple[]', value=True)",
        f"Policy.allow('{VICTIMS}:touch', value=True)",
    ]
)


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS)


def test_they_are_refused_within_a_policy_that_grants_all_their_names() -> None:
    refuse(ATTACKS, [GRANTED])

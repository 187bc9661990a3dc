"""Ways to what is not named: attributes, dotted names, names that modules import for themselves."""

from __future__ import annotations

from .assembly import call, dotted, glob, text
from .harness import prove, refuse

TOUCH = text("touch effect")
GETATTR = glob("builtins", "getattr")
ATTACKS = {
    "getattr": call(call(GETATTR, call(glob("builtins", "__import__"), text("os")), text("system")), TOUCH)
    + b".",
    "a module as a value": call(call(GETATTR, glob("shutil", "os"), text("system")), TOUCH) + b".",
    "dotted through a module": b"\x80\x04" + call(dotted("shutil", "os.system"), TOUCH) + b".",
    "dotted through a class": b"\x80\x04"
    + call(dotted("tests.attacks.victims", "Runner.run.__globals__.get"), text("touch"))
    + b"(tR.",
    "a re-export": call(glob("tests.attacks.victims", "touch")) + b".",
    "attrgetter": call(
        call(call(glob("operator", "attrgetter"), text("system")), glob("shutil", "os")), TOUCH
    )
    + b".",
    "vars": call(
        call(
            glob("_operator", "getitem"), call(glob("builtins", "vars"), glob("shutil", "os")), text("system")
        ),
        TOUCH,
    )
    + b".",
    "a class's dict": b"\x80\x04"
    + call(call(dotted("builtins", "dict.get"), dotted("tests.attacks.victims", "__dict__"), text("touch")))
    + b".",
    "reduce": call(
        glob("functools", "reduce"),
        GETATTR,
        b"(" + glob("tests.attacks.victims", "Runner") + text("run") + b"t",
    )
    + b"("
    + call(glob("tests.attacks.victims", "Runner"))
    + b"tR.",
}


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS)


def test_they_are_refused_where_other_names_of_theirs_are_granted() -> None:
    policy = "Policy('stdlib') | Policy.allow('tests.attacks.victims:Runner') | Policy.allow('tests.attacks.victims:Plain')"
    refuse(ATTACKS, [policy])

"""Changes of what the stream did not make: classes, functions, shared objects, live dicts; some without any call."""

from __future__ import annotations

from .assembly import call, dotted, glob, newobj, text
from .harness import prove, refuse

VICTIMS = "tests.attacks.victims"
PLAIN = glob(VICTIMS, "Plain")
STATE = b"}" + text("admin") + b"I1\ns"
ATTACKS = {
    "BUILD on a class": PLAIN + b"N}" + text("kind") + text("evil") + b"s\x86b.",
    "BUILD on a function": glob(VICTIMS, "touch") + b"}" + text("evil") + b"I1\nsb.",
    "BUILD on a shared object": glob(VICTIMS, "SINGLETON") + STATE + b"b.",
    "BUILD on what a call returns": call(glob(VICTIMS, "make")) + STATE + b"b.",
    "SETITEM on a live dict": glob(VICTIMS, "SHARED") + text("admin") + b"I1\ns.",
    "SETITEMS on a live dict": glob(VICTIMS, "SHARED") + b"(" + text("admin") + b"I1\nu.",
    "SETITEM on the environment": glob("os", "environ") + text("BRINERY_EVIL") + text("1") + b"s.",
    "SETITEM on sys.modules": glob("sys", "modules") + text("evil") + b"Ns.",
    "SETITEM on a module's names": b"\x80\x04" + dotted("pickle", "__dict__") + text("evil") + b"\x88s.",
    "update of a live dict": b"\x80\x04" + call(dotted(VICTIMS, "SHARED.update"), STATE) + b".",
    "setattr": call(glob("builtins", "setattr"), glob(VICTIMS, "SINGLETON"), text("admin"), b"I1\n") + b".",
    "a class's own dict": b"\x80\x04"
    + call(dotted("builtins", "type.__setattr__"), PLAIN, text("kind"), text("x"))
    + b".",
}
ATTACKS = {name: data if data.startswith(b"\x80") else b"\x80\x02" + data for name, data in ATTACKS.items()}
GRANTED = " | ".join(
    [
        "Policy('stdlib')",
        f"Policy.allow('{VICTIMS}:Plain')",
        f"Policy.allow('{VICTIMS}:Plain', value=True)",
        f"Policy.allow('{VICTIMS}:SINGLETON', value=True)",
        f"Policy.allow('{VICTIMS}:SHARED', value=True)",
        f"Policy.allow('{VICTIMS}:make', call='tuple[]')",
        f"Policy.allow('{VICTIMS}:touch', value=True)",
    ]
)


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS)


def test_they_are_refused_within_a_policy_that_grants_all_their_names() -> None:
    refuse(ATTACKS, [GRANTED])


def test_instances_that_the_stream_makes_are_filled() -> None:
    import brinery

    policy = brinery.Policy.allow(f"{VICTIMS}:Plain")
    made = brinery.loads(b"\x80\x02" + newobj(PLAIN) + STATE + b"b.", policy=policy)
    assert vars(made) == {"admin": 1}

"""Attacks that use nothing but what a policy learnt from honest files grants."""

from __future__ import annotations

import pickle

from .assembly import call, glob, newobj, text, tup
from .harness import prove, refuse
from .victims import Buffer, Plain

VICTIMS = "tests.attacks.victims"


def honest() -> list[bytes]:
    plain = Plain()
    plain.name = "x"  # type: ignore[attr-defined]
    buffer = Buffer(b"abc")
    return [pickle.dumps([plain, buffer], protocol) for protocol in (2, 4)]


LEARNT = f"Policy.learn([bytes.fromhex(text) for text in {[data.hex() for data in honest()]!r}])"
BUFFER = glob(VICTIMS, "Buffer")
ATTACKS = {
    "a size for what takes bytes": b"\x80\x02" + call(BUFFER, b"J\x00\x00\x00\x70") + b".",
    "a state for a class": b"\x80\x02"
    + glob(VICTIMS, "Plain")
    + b"N}"
    + text("kind")
    + text("evil")
    + b"s\x86b.",
    "a hook in a state": b"\x80\x02"
    + newobj(glob(VICTIMS, "Plain"))
    + b"}"
    + text("__class__")
    + glob(VICTIMS, "Buffer")
    + b"s"
    + b"b"
    + b"0"
    + call(glob(VICTIMS, "touch"))
    + b".",
}


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS, [LEARNT])


def test_honest_files_load_under_what_was_learnt() -> None:
    import brinery

    policy = brinery.Policy.learn(honest())
    other = Plain()
    other.name = "other"  # type: ignore[attr-defined]
    plain, buffer = brinery.loads(pickle.dumps([other, Buffer(b"defg")], 4), policy=policy)
    assert vars(plain) == {"name": "other"}
    assert buffer == b"defg"
    assert tup() == b"(t"

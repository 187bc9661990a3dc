"""Calls of what runs commands or code, in every spelling that the opcodes have."""

from __future__ import annotations

import pickle

from .assembly import call, dotted, glob, inst, newobj, obj, text
from .harness import prove, refuse

TOUCH = text("touch effect")
CODE = text("open('effect', 'w')")
ATTACKS = {
    "os.system": call(glob("os", "system"), TOUCH) + b".",
    "posix.system": call(glob("posix", "system"), TOUCH) + b".",
    "eval": call(glob("builtins", "eval"), CODE) + b".",
    "exec": call(glob("builtins", "exec"), CODE) + b".",
    "subprocess.call": call(glob("subprocess", "getoutput"), TOUCH) + b".",
    "python 2's names": b"\x80\x02" + call(glob("__builtin__", "eval"), CODE) + b".",
    "commands": b"\x80\x02" + call(glob("commands", "getoutput"), TOUCH) + b".",
    "INST": inst("os", "system", TOUCH) + b".",
    "OBJ": obj(glob("os", "system"), TOUCH) + b".",
    "STACK_GLOBAL": b"\x80\x04" + call(dotted("os", "system"), TOUCH) + b".",
    "NEWOBJ of Popen, by REDUCE": b"\x80\x02"
    + call(glob("copyreg", "__newobj__"), glob("subprocess", "Popen"))
    + b"0"
    + call(glob("os", "system"), TOUCH)
    + b".",
    "popped": call(glob("os", "system"), TOUCH) + b"0N.",
    "in a list": b"]" + call(glob("os", "system"), TOUCH) + b"a.",
    "as a key": b"}" + call(glob("os", "system"), TOUCH) + b"Ns.",
    "behind a memo": glob("os", "system") + b"p0\n0" + b"g0\n" + b"(" + TOUCH + b"tR.",
    "DUP": b"(" + TOUCH + b"t" + b"0" + glob("os", "system") + b"2" + b"0" + b"(" + TOUCH + b"tR.",
    "protocol 5": b"\x80\x05" + call(dotted("os", "system"), TOUCH) + b".",
    "framed": pickle.dumps(None)[:2]
    + b"\x95"
    + (len(call(dotted("os", "system"), TOUCH)) + 1).to_bytes(8, "little")
    + call(dotted("os", "system"), TOUCH)
    + b".",
    "a map that a tuple consumes": b"\x80\x02"
    + call(
        glob("builtins", "tuple"), call(glob("builtins", "map"), glob("os", "system"), b"]" + TOUCH + b"a")
    )
    + b".",
    "NEWOBJ over a lazy map": b"\x80\x02"
    + newobj(
        glob("builtins", "frozenset"),
        newobj(glob("builtins", "map"), glob("os", "system"), b"]" + TOUCH + b"a"),
    )
    + b".",
}


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS)

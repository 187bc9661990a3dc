"""Code as data, and pickles in pickles."""

from __future__ import annotations

import marshal
import pickle

from .assembly import call, glob, text
from .harness import prove, refuse

INNER = call(glob("os", "system"), text("touch effect")) + b"."
CODE = marshal.dumps(compile("open('effect', 'w')", "x", "exec"))


def blob(data: bytes) -> bytes:
    return b"B" + len(data).to_bytes(4, "little") + data


FUNCTION = call(
    glob("types", "FunctionType"),
    call(glob("marshal", "loads"), blob(CODE)),
    call(glob("builtins", "dict"), b"}" + text("__builtins__") + glob("builtins", "__dict__") + b"s"),
)
ATTACKS = {
    "a function of code": b"\x80\x03" + call(FUNCTION) + b".",
    "exec of code": b"\x80\x03"
    + call(glob("builtins", "exec"), call(glob("marshal", "loads"), blob(CODE)))
    + b".",
    "pickle.loads": b"\x80\x03" + call(glob("pickle", "loads"), blob(INNER)) + b".",
    "_pickle.loads": b"\x80\x03" + call(glob("_pickle", "loads"), blob(INNER)) + b".",
    "an Unpickler": b"\x80\x03" + call(glob("pickle", "_loads"), blob(INNER)) + b".",
    "through BytesIO": b"\x80\x03"
    + call(glob("pickle", "load"), call(glob("_io", "BytesIO"), blob(INNER)))
    + b".",
    "twice": b"\x80\x03"
    + call(glob("pickle", "loads"), call(glob("pickle", "loads"), blob(pickle.dumps(INNER))))
    + b".",
}


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS)

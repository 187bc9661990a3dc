"""Spellings that pickletools, pickle.py and the C loader read in different ways, and frames that do not fit."""

from __future__ import annotations

from .assembly import call, glob, text
from .harness import prove, refuse

TOUCH = text("touch effect")
SYSTEM = glob("os", "system")
EVIL = call(SYSTEM, TOUCH)


def frame(length: int) -> bytes:
    return b"\x95" + length.to_bytes(8, "little")


ATTACKS = {
    "a boolean with zeros": b"I001\n0" + EVIL + b".",
    "a number with blanks": b"I 10 \n0" + EVIL + b".",
    "a number with a plus": b"I+10\n0" + EVIL + b".",
    "a LONG without its L": b"L10\n0" + EVIL + b".",
    "a LONG with an underscore": b"L1_000L\n0" + EVIL + b".",
    "a FLOAT that is no number": b"Fnan\n0" + EVIL + b".",
    "a FLOAT beyond all": b"Finf\n0" + EVIL + b".",
    "a STRING with double quotes": b'S"x"\n0' + EVIL + b".",
    "a STRING with a quote inside": b"S'it\\'s'\n0" + EVIL + b".",
    "UNICODE with a carriage return": b"Vx\r\n0" + EVIL + b".",
    "UNICODE with a lone surrogate": b"V\\ud800\n0" + EVIL + b".",
    "text with a lone surrogate": b"X\3\0\0\0\xed\xa0\x800" + EVIL + b".",
    "PROTO of a later byte": b"\x80\x05" + EVIL + b".",
    "PROTO thrice": b"\x80\x04\x80\x03\x80\x02" + EVIL + b".",
    "PROTO behind data": b"N0\x80\x04" + EVIL + b".",
    "LONG4 that is empty": b"\x8b\0\0\0\x000" + EVIL + b".",
    "LONG1 with needless bytes": b"\x8a\x04\1\0\0\x000" + EVIL + b".",
    "an empty frame": b"\x80\x04" + frame(0) + EVIL + b".",
    "a frame of one opcode": b"\x80\x04" + frame(1) + b"N0" + EVIL + b".",
    "a frame that ends with the name": b"\x80\x04" + frame(len(SYSTEM)) + EVIL + b".",
    "a frame in a frame": b"\x80\x04" + frame(9 + len(EVIL) + 1) + frame(len(EVIL) + 1) + EVIL + b".",
    "frames one after the other": b"\x80\x04" + frame(len(EVIL)) + EVIL + frame(1) + b".",
    "a frame below protocol 4": b"\x80\x02" + frame(len(EVIL) + 1) + EVIL + b".",
    "a frame without a protocol": frame(len(EVIL) + 1) + EVIL + b".",
    "what follows a STOP in a frame": b"\x80\x04" + frame(len(EVIL) + 3) + EVIL + b".N.",
    "an unknown opcode behind": EVIL + b"\x00",
    "a wrong argument behind": EVIL + b"I\n.",
    "a length beyond all behind": EVIL + b"\x8d" + b"\xff" * 8,
    "a missing mark behind": EVIL + b"t.",
    "an empty stack behind": EVIL + b"00.",
    "a memo index that is missing behind": EVIL + b"h\xff.",
    "a buffer that is missing behind": b"\x80\x05" + EVIL + b"\x97.",
    "a persistent id behind": EVIL + b"P1\n.",
    "an extension code that nobody knows behind": EVIL + b"\x82\xee.",
    "text that is no UTF-8 behind": EVIL + b"X\1\0\0\0\xff.",
    "a name that is missing behind": EVIL + glob("os", "missing") + b".",
    "a module that is missing behind": EVIL + glob("missing", "x") + b".",
    "more than one value at the end": b"NNN(" + EVIL + b".",
    "Python 2's name of a module": call(glob("__builtin__", "eval"), text("open('effect', 'w')")) + b".",
    "Python 2's name of a module that moved": b"\x80\x02" + call(glob("commands", "getoutput"), TOUCH) + b".",
}


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS)

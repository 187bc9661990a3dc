"""One attack in every spelling that the opcodes of all protocols have for it."""

from __future__ import annotations

import itertools
import struct

from .assembly import glob, text
from .harness import prove, refuse

COMMAND = b"touch effect"
#: How a text can be spelled.
TEXTS = {
    "STRING": b"S'touch effect'\n",
    "STRING with escapes": b"S'touch\\x20\\145ffect'\n",
    "BINSTRING": b"T" + struct.pack("<i", len(COMMAND)) + COMMAND,
    "SHORT_BINSTRING": b"U" + bytes([len(COMMAND)]) + COMMAND,
    "UNICODE": b"Vtouch effect\n",
    "UNICODE with escapes": b"Vtouch\\u0020effec\\U00000074\n",
    "BINUNICODE": text("touch effect"),
    "SHORT_BINUNICODE": b"\x8c" + bytes([len(COMMAND)]) + COMMAND,
    "BINUNICODE8": b"\x8d" + struct.pack("<Q", len(COMMAND)) + COMMAND,
}
SYSTEM = glob("os", "system")
#: How a function can be named; what is before the call.
NAMES = {
    "GLOBAL": SYSTEM,
    "STACK_GLOBAL": text("os") + text("system") + b"\x93",
    "STACK_GLOBAL of SHORT_BINUNICODE": b"\x8c\x02os\x8c\x06system\x93",
    "PUT and GET": SYSTEM + b"p7\n0g7\n",
    "BINPUT and BINGET": SYSTEM + b"q\x070h\x07",
    "LONG_BINPUT and LONG_BINGET": SYSTEM + b"r\0\0\1\x000j\0\0\1\0",
    "MEMOIZE and BINGET": SYSTEM + b"\x940h\0",
    "DUP and POP": SYSTEM + b"20",
    "MARK and POP_MARK": SYSTEM + b"(NN1",
    "MARK and POP": SYSTEM + b"(0",
}
#: How arguments can be gathered.
TUPLES = {
    "MARK and TUPLE": lambda argument: b"(" + argument + b"t",
    "TUPLE1": lambda argument: argument + b"\x85",
    "TUPLE from the memo": lambda argument: b"(" + argument + b"tp9\n0g9\n",
}
ATTACKS = {
    f"{name}, {argument}": b"\x80\x04" + NAMES[name] + TEXTS[argument] + b"\x85R."
    for name, argument in itertools.product(NAMES, TEXTS)
}
ATTACKS |= {
    f"REDUCE of {how}": b"\x80\x04" + SYSTEM + make(TEXTS["UNICODE"]) + b"R." for how, make in TUPLES.items()
}
for number, (how, argument) in enumerate(TEXTS.items()):
    ATTACKS[f"INST, {how}"] = b"(" + argument + b"ios\nsystem\n."
    ATTACKS[f"OBJ, {how}"] = b"(" + SYSTEM + argument + b"o."
    ATTACKS[f"declared as protocol {number % 6}, {how}"] = (
        bytes([0x80, number % 6]) + SYSTEM + b"(" + argument + b"tR."
    )
POPEN = glob("tests.attacks.victims", "Launched")
ATTACKS |= {
    "NEWOBJ": b"\x80\x02" + POPEN + TEXTS["UNICODE"] + b"\x85\x81.",
    "NEWOBJ_EX": b"\x80\x04" + POPEN + b")}" + text("command") + TEXTS["UNICODE"] + b"s\x92.",
    "copyreg.__newobj__": glob("copyreg", "__newobj__") + b"(" + POPEN + TEXTS["UNICODE"] + b"tR.",
    "copyreg.__newobj_ex__": b"\x80\x02"
    + glob("copyreg", "__newobj_ex__")
    + b"("
    + POPEN
    + b")}"
    + text("command")
    + TEXTS["UNICODE"]
    + b"stR.",
    "copy_reg": glob("copy_reg", "__newobj__") + b"(" + POPEN + TEXTS["UNICODE"] + b"tR.",
    "OBJ of a class": b"(" + POPEN + TEXTS["UNICODE"] + b"o.",
    "INST of a class": b"(" + TEXTS["UNICODE"] + b"itests.attacks.victims\nLaunched\n.",
}
#: What uses nothing but a class that nobody else has.
OWN = {name for name, data in ATTACKS.items() if b"Launched" in data}


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS)

"""Programs for the pickle machine, opcode by opcode: mostly such that each finds what it needs on the stack."""

from __future__ import annotations

import struct
from typing import Callable

from tests.parity import arguments as a
from tests.parity import targets
from tests.parity.dice import Dice

Maker = Callable[[Dice], bytes]


def _nothing(dice: Dice) -> bytes:
    return b""


def _packed(layout: str, *values: float) -> Maker:
    return lambda dice: struct.pack(layout, dice.choice(values))


def _texts(sound: list[str], odd: list[str]) -> Maker:
    return lambda dice: a.line(a.one_of(dice, sound, odd))


def _lines(sound: list[bytes], odd: list[bytes]) -> Maker:
    return lambda dice: a.one_of(dice, sound, odd) + b"\n"


def _counted(layout: str, data: Maker, most: int = 1 << 30) -> Maker:
    return lambda dice: a.counted(dice, layout, data(dice)[:most])


def _frame(dice: Dice) -> bytes:
    size = dice.choice([0, 1, 5, 20, 100]) if not dice.odd(0.1) else dice.choice([2**32, 2**63, 2**64 - 1])
    return struct.pack("<Q", size)


#: Opcodes that push one value and need nothing: opcode and what makes its argument.
VALUES: dict[bytes, Maker] = {
    b"N": _nothing,
    b"\x88": _nothing,
    b"\x89": _nothing,
    b"I": _texts([*a.INTEGERS, "01", "00"], a.DECIMALS),
    b"L": _texts([*a.INTEGERS, "12L", "-5L", "0L"], a.DECIMALS),
    b"F": _texts(a.REALS, a.FLOATS),
    b"J": _packed("<i", 0, 1, -1, 2**31 - 1, -(2**31)),
    b"K": _packed("<B", 0, 1, 127, 255),
    b"M": _packed("<H", 0, 256, 65535),
    b"G": _packed(">d", 0.0, -0.0, 1.5, float("nan"), float("inf"), 5e-324),
    b"\x8a": _counted("<B", a.long_bytes, 255),
    b"\x8b": _counted("<I", a.long_bytes),
    b"S": _lines(a.STRINGS, a.QUOTED),
    b"T": _counted("<I", a.some_bytes),
    b"U": _counted("<B", a.some_bytes, 255),
    b"V": _lines(a.RAW[:4], a.RAW),
    b"X": _counted("<I", a.utf8),
    b"\x8c": _counted("<B", a.utf8, 255),
    b"\x8d": _counted("<Q", a.utf8),
    b"B": _counted("<I", a.some_bytes),
    b"C": _counted("<B", a.some_bytes, 255),
    b"\x8e": _counted("<Q", a.some_bytes),
    b"\x96": _counted("<Q", a.some_bytes),
    b"]": _nothing,
    b"}": _nothing,
    b")": _nothing,
    b"\x8f": _nothing,
    b"c": a.two_lines,
    b"\x82": lambda dice: a.code(dice, 1),
    b"\x83": lambda dice: a.code(dice, 2),
    b"\x84": lambda dice: a.code(dice, 4),
    b"P": _texts(["pid", "", "5", "a b"], ["é", "\x80"]),
    b"\x97": _nothing,
}
#: Opcodes that take from the stack, with how many values they take and leave.
STEPS: dict[bytes, tuple[int, int]] = {
    b"0": (1, 0),
    b"2": (1, 2),
    b"\x85": (1, 1),
    b"\x86": (2, 1),
    b"\x87": (3, 1),
    b"a": (2, 1),
    b"s": (3, 1),
    b"b": (2, 1),
    b"R": (2, 1),
    b"\x81": (2, 1),
    b"\x92": (3, 1),
    b"\x93": (2, 1),
    b"Q": (1, 1),
    b"\x98": (1, 1),
    b"\x94": (1, 1),
}
#: Those that do not mind what the values are.
SAFE_STEPS = [b"0", b"2", b"\x85", b"\x86", b"\x87", b"Q", b"\x94"]
#: Opcodes that take all down to a mark, with how many values below the mark they change.
MARKED: dict[bytes, int] = {
    b"t": 0,
    b"l": 0,
    b"d": 0,
    b"\x91": 0,
    b"1": 0,
    b"o": 0,
    b"i": 0,
    b"e": 1,
    b"u": 1,
    b"\x90": 1,
}
MEMO: dict[bytes, Maker] = {
    b"p": a.text_index,
    b"q": lambda dice: bytes([a.index(dice) % 256]),
    b"r": a.wide_index,
    b"g": a.text_index,
    b"h": lambda dice: bytes([a.index(dice) % 256]),
    b"j": a.wide_index,
}
OTHER: dict[bytes, Maker] = {
    b"\x80": lambda dice: bytes([a.one_of(dice, [0, 1, 2, 3, 4, 5], [6, 128, 255])]),
    b"\x95": _frame,
    b"(": _nothing,
}


def argument(dice: Dice, opcode: bytes) -> bytes:
    """Return an argument for an opcode."""
    if opcode == b"i":
        return a.two_lines(dice)
    for table in (VALUES, MEMO, OTHER):
        if opcode in table:
            return table[opcode](dice)
    return b""


ALL = [*VALUES, *STEPS, *MARKED, *MEMO, *OTHER]
_VALUES, _STEPS, _MEMO = list(VALUES), list(STEPS), list(MEMO)


def constructions(dice: Dice) -> bytes:
    """Return a whole construction of an instance: a class or function, arguments, and more."""
    if not dice.odd(0.6):
        return fitting(dice)
    module, name = a.name(dice)
    if dice.random() < 0.5:
        head = b"c" + a.line(module) + a.line(name)
    else:
        parts = [part.encode() for part in (module, name)]
        head = b"".join(b"X" + struct.pack("<I", len(part)) + part for part in parts) + b"\x93"
    inner = b"".join(stored(dice, value(dice)) for _ in range(dice.randrange(3)))
    kind = dice.randrange(6)
    if kind == 0:
        body = head + b"(" + inner + b"tR"
    elif kind == 1:
        body = head + b"(" + inner + b"t\x81"
    elif kind == 2:
        keyword = dice.choice([b"X\x05\x00\x00\x00third", b"K\x01", b"X\x01\x00\x00\x00x"])
        body = head + b"(" + inner + b"t}" + keyword + value(dice) + b"s\x92"
    elif kind == 3:
        body = b"(" + head + inner + b"o"
    elif kind == 4:
        body = b"(" + inner + b"i" + a.line(module) + a.line(name)
    else:
        body = head + b")R"
    kind = dice.randrange(8)
    if kind == 0:
        body += b"}(" + b"".join(key(dice) + value(dice) for _ in range(dice.randrange(4))) + b"ub"
    elif kind == 1:
        body += b"N}" + key(dice) + value(dice) + b"s\x86b"
    elif kind == 2:
        body += value(dice) + b"b"
    elif kind == 3:
        body += (
            b"("
            + b"".join(value(dice) for _ in range(dice.randrange(5)))
            + dice.choice([b"e", b"\x90", b"u"])
        )
    elif kind == 4:
        body += value(dice) + dice.choice([b"a", value(dice) + b"s"])
    return body


def fitting(dice: Dice) -> bytes:
    """Return a construction that succeeds, as long as its parts do."""
    name, arguments, fill = dice.choice(targets.FITTING)
    head = b"c" + a.line(targets.MODULE) + a.line(name)
    body = b"(" + head + b"".join(value(dice) for _ in range(arguments)) + b"o"
    if dice.random() < 0.5:
        parts = b"".join(stored(dice, value(dice)) for _ in range(arguments))
        end = b"t" if arguments != 1 or dice.random() < 0.5 else b"\x85"
        body = head + b"(" * (end == b"t") + parts + stored(dice, end) + dice.choice([b"R", b"\x81"])
    if "items" in fill and dice.random() < 0.7:
        body += b"(" + b"".join(value(dice) for _ in range(dice.randrange(4))) + b"e"
    if "pairs" in fill and dice.random() < 0.7:
        body += b"(" + b"".join(attribute(dice) + value(dice) for _ in range(dice.randrange(4))) + b"u"
    if "state" in fill and dice.random() < 0.7:
        body += b"}(" + b"".join(attribute(dice) + value(dice) for _ in range(dice.randrange(4))) + b"ub"
    if "slots" in fill and dice.random() < 0.7:
        body += b"N}" + attribute(dice) + value(dice) + b"s\x86b"
    return body


def stored(dice: Dice, made: bytes) -> bytes:
    """Return what makes an object, and stores it in the memo: once, as picklers do, not at all, or more often."""
    return made + dice.choice([b"", b"\x94", b"\x94", b"\x94\x94"])


def attribute(dice: Dice) -> bytes:
    """Return the name of an attribute."""
    return dice.choice([b"X\x01\x00\x00\x00a", b"\x8c\x01b", b"U\x01a", b"Vb\n"])


def key(dice: Dice) -> bytes:
    """Return a key, mostly the name of an attribute."""
    text = dice.choice([b"a", b"b", b"x", b"__dict__", b"__class__", b"append", b"", b"__setstate__"])
    return b"X" + struct.pack("<I", len(text)) + text if dice.random() < 0.9 else value(dice)


def value(dice: Dice) -> bytes:
    """Return an opcode that pushes a value, with its argument."""
    opcode = dice.choice(_VALUES)
    return opcode + VALUES[opcode](dice)


def program(dice: Dice) -> bytes:
    """Return a program."""
    dice.oddness = dice.choice([0.0, 0.0, 1.0])
    parts, depth, marks, stored = [], 0, [], 0
    if dice.random() < 0.6:
        parts.append(b"\x80" + bytes([dice.choice([2, 3, 4, 5, 5])]))
    for _ in range(dice.choice([1, 2, 3, 5, 8, 13, 21, 34])):
        draw = dice.random()
        if dice.odd(0.01):
            opcode = dice.choice(ALL)
            parts.append(opcode + argument(dice, opcode))
        elif draw < 0.16:
            parts.append(constructions(dice))
            depth += 1
        elif draw < 0.24:
            parts.append(b"(")
            marks.append(depth)
            depth = 0
        elif draw < 0.36 and marks and not dice.odd(0.6):
            parts.append(dice.choice([b"t", b"l", b"t", b"1N"]))
            depth = marks.pop() + 1
        elif draw < 0.36 and marks:
            opcode = dice.choice([code for code, below in MARKED.items() if below <= marks[-1]])
            parts.append(opcode + argument(dice, opcode))
            depth = marks.pop() + (0 if opcode in b"1e\x90u" else 1)
        elif draw < 0.50 and depth:
            if stored and not dice.odd(0.5):
                opcode = dice.choice([b"h", b"q"])
                parts.append(opcode + bytes([dice.randrange(stored)]))
            elif dice.odd(0.5):
                opcode = dice.choice(_MEMO)
                parts.append(opcode + argument(dice, opcode))
            else:
                opcode = dice.choice([b"q%c" % stored, b"p%d\n" % stored, b"r" + struct.pack("<I", stored)])
                parts.append(opcode)
                stored += 1
            depth += opcode in (b"g", b"h", b"j")
        elif draw < 0.66 and depth and not dice.odd(0.6):
            opcode = dice.choice([code for code in SAFE_STEPS if STEPS[code][0] <= depth])
            parts.append(opcode)
            depth += STEPS[opcode][1] - STEPS[opcode][0]
        elif draw < 0.66 and depth:
            opcode = dice.choice([code for code, (taken, _) in STEPS.items() if taken <= depth])
            taken, left = STEPS[opcode]
            parts.append(opcode)
            depth += left - taken
        elif draw < 0.67 and dice.odd(0.7):
            parts.append(b"\x95" + _frame(dice))
        else:
            parts.append(value(dice))
            depth += 1
    while marks:
        parts.append(dice.choice([b"t", b"l", b"1N"]))
        marks.pop()
    parts.append(b".")
    return b"".join(parts)


def soup(dice: Dice) -> bytes:
    """Return opcodes in any order."""
    codes = dice.choices(ALL, k=dice.randrange(1, 15))
    return b"".join(code + argument(dice, code) for code in codes) + b"."

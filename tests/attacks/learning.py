"""Policies that are learnt from honest objects, and attacks by the very names that they grant."""

from __future__ import annotations

import pickle
import pickletools
import struct
from typing import Any

from .assembly import call, glob, newobj, text

__all__ = ["appends", "big", "build", "doubled", "learnt", "named", "number", "pairs", "respelled", "stated"]

PROGRAMS = "tests.attacks.programs"


def learnt(*things: Any, protocols: range = range(6)) -> str:
    """Return the expression of a policy learnt from things, each saved in every protocol that can."""
    samples = []
    for thing in things:
        for protocol in protocols:
            try:
                samples.append(pickle.dumps(thing, protocol))
            except TypeError:
                assert protocol < 2, thing  # objects with slots
    return f"Policy.learn([bytes.fromhex(text) for text in {[sample.hex() for sample in samples]!r}])"


def named(name: str) -> bytes:
    """Return the opcode for a global of the programs."""
    return glob(PROGRAMS, name)


def number(value: int) -> bytes:
    """Return the opcode for a number, of any size."""
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    return big(value)


def big(value: int) -> bytes:
    """Return the opcode for a number in bytes."""
    content = pickle.encode_long(value)
    return b"\x8b" + struct.pack("<i", len(content)) + content


def pairs(items: dict[str, bytes]) -> bytes:
    """Return the opcodes for a dict with texts as keys."""
    return b"}(" + b"".join(text(key) + value for key, value in items.items()) + b"u"


def build(thing: bytes, **attributes: bytes) -> bytes:
    """Return the opcodes for a thing that is given attributes."""
    return thing + pairs(attributes) + b"b"


def stated(thing: bytes, **attributes: bytes) -> bytes:
    """Return the opcodes for a thing that is given a state of two parts, whose attributes are set one by one."""
    return thing + b"N" + pairs(attributes) + b"\x86b"


def appends(thing: bytes, *items: bytes) -> bytes:
    """Return the opcodes for a thing that is extended."""
    return thing + b"(" + b"".join(items) + b"e"


def doubled(levels: int, first: int = 200) -> bytes:
    """Return the opcodes for tuples of two tuples of two, and so on; the memo is used from `first` on."""
    put = lambda index: b"r" + struct.pack("<I", index)  # noqa: E731
    get = lambda index: b"j" + struct.pack("<I", index)  # noqa: E731
    parts = [b"(K\x01K\x02t", put(first), b"0"]
    for level in range(first, first + levels):
        parts += [get(level), get(level), b"\x86", put(level + 1), b"0"]
    return b"".join(parts) + get(first + levels)


def new(name: str, *arguments: bytes) -> bytes:
    """Return the opcodes for an instance of a class of the programs."""
    return newobj(named(name), *arguments)


def made(name: str, *arguments: bytes) -> bytes:
    """Return the opcodes for a call of what the programs have under a name."""
    return call(named(name), *arguments)


def respelled(data: bytes) -> bytes:
    """Return a pickle of protocol 2 with its globals in the spelling of protocol 4."""
    if not data.startswith(b"\x80\x02"):
        return data
    parts, end = [b"\x80\x04"], len(data)
    found = list(pickletools.genops(data))
    ends = [place for _, _, place in found[1:]] + [end]
    for (opcode, arg, place), after in zip(found[1:], ends[1:]):
        assert place is not None
        if opcode.name == "GLOBAL":
            module, name = str(arg).split(" ", 1)
            parts.append(text(module) + text(name) + b"\x93")
        else:
            parts.append(data[place:after])
    return b"".join(parts)

"""Pickles written by hand."""

from __future__ import annotations

import struct

__all__ = ["call", "dotted", "glob", "inst", "newobj", "obj", "text", "tup"]


def text(value: str) -> bytes:
    """Return the opcode for a text."""
    encoded = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def glob(module: str, name: str) -> bytes:
    """Return the opcode for a global."""
    return f"c{module}\n{name}\n".encode()


def dotted(module: str, name: str) -> bytes:
    """Return the opcodes of protocol 4 for a global whose name may have dots."""
    return text(module) + text(name) + b"\x93"


def tup(*items: bytes) -> bytes:
    """Return the opcodes for a tuple."""
    return b"(" + b"".join(items) + b"t"


def call(function: bytes, *arguments: bytes) -> bytes:
    """Return the opcodes for a call."""
    return function + tup(*arguments) + b"R"


def newobj(cls: bytes, *arguments: bytes) -> bytes:
    """Return the opcodes of protocol 2 for an instance."""
    return cls + tup(*arguments) + b"\x81"


def inst(module: str, name: str, *arguments: bytes) -> bytes:
    """Return the opcodes of protocol 0 for an instance."""
    return b"(" + b"".join(arguments) + f"i{module}\n{name}\n".encode()


def obj(cls: bytes, *arguments: bytes) -> bytes:
    """Return the opcodes of protocol 1 for an instance."""
    return b"(" + cls + b"".join(arguments) + b"o"

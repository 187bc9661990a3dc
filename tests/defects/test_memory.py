"""Lengths and indexes in a stream are claims: memory grows with what is read, not with what is claimed."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Callable

import pytest

import brinery

TERA = (1 << 40).to_bytes(8, "little")
GIGA = (1 << 30).to_bytes(8, "little")

STREAMS = {
    "PUT": b"Np1000000000\n.",
    "LONG_BINPUT": b"Nr\x00\x00\x00\x40.",
    "LONG_BINPUT, the highest": b"Nr\xff\xff\xff\xff.",
    "BYTEARRAY8": b"\x96" + GIGA + b"abc",
    "BYTEARRAY8, 1 TiB": b"\x96" + TERA + b"abc",
    "BINBYTES": b"B\xff\xff\xff\x7fabc",
    "BINBYTES8": b"\x8e" + GIGA + b"abc",
    "BINBYTES8, 1 TiB": b"\x8e" + TERA + b"abc",
    "BINUNICODE": b"X\xff\xff\xff\x7fabc",
    "BINUNICODE8": b"\x8d" + GIGA + b"abc",
    "BINUNICODE8, 1 TiB": b"\x8d" + TERA + b"abc",
    "BINSTRING": b"T\xff\xff\xff\x7fabc",
    "LONG4": b"\x8b\xff\xff\xff\x7fabc",
    "FRAME": b"\x95" + GIGA + b"N.",
    "FRAME, 1 TiB": b"\x95" + TERA + b"N.",
}

#: Loads a stream in a process of its own and prints how much the peak of its memory rose, in MiB.
MEASURE = """
import io, resource, sys, tempfile
import brinery

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

data, source = bytes.fromhex(sys.argv[1]), sys.argv[2]
file = tempfile.TemporaryFile()
file.write(data)
file.seek(0)
before = peak()
try:
    if source == "loads":
        brinery.loads(data)
    else:
        brinery.load(io.BytesIO(data) if source == "BytesIO" else file)
except (brinery.UnpicklingError, ValueError, EOFError, OverflowError) as error:
    assert not isinstance(error, MemoryError)
print((peak() - before) // 1024)
"""


@pytest.mark.parametrize("source", ["loads", "BytesIO", "file"])
@pytest.mark.parametrize("name", STREAMS)
def test_false_claims_cost_nothing(name: str, source: str) -> None:
    command = [sys.executable, "-c", MEASURE, STREAMS[name].hex(), source]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 16, f"{name}: {done.stdout} MiB"


def test_a_sparse_memo_still_works() -> None:
    """An index far away is no reason to refuse, as long as it costs nothing."""
    assert brinery.loads(b"K\x07r\x00\x00\x00\x01\x30j\x00\x00\x00\x01.") == 7


@pytest.mark.parametrize("load", [brinery.loads, lambda data: brinery.load(io.BytesIO(data))])
def test_large_objects_load_whole(load: Callable[[bytes], object]) -> None:
    """What is really there is read, also where it is read piece by piece."""
    for obj in (bytes(range(256)) * 40_000, bytearray(9_000_000), "é" * 5_000_000, 7 << 8_000_000):
        assert load(brinery.dumps(obj, 5)) == obj


def test_readinto_keeps_no_view() -> None:
    """A file that keeps the buffer it was given must not keep a view of memory that is gone."""
    kept: list[memoryview] = []

    class Keeping(io.BytesIO):
        def readinto(self, buffer: memoryview) -> int:
            view = memoryview(buffer)
            kept.append(view)
            return super().readinto(view)

    class Reader:
        def __init__(self, data: bytes) -> None:
            stream = Keeping(data)
            self.read, self.readline, self.readinto = stream.read, stream.readline, stream.readinto

    for obj in (b"x" * 300_000, bytearray(b"y" * 300_000)):
        assert brinery.load(Reader(brinery.dumps(obj, 5))) == obj
    for view in kept:
        try:
            whole = bytes(view)
        except ValueError:
            continue  # released: there is nothing dangling
        assert set(whole) <= set(b"xy")  # its memory lives as long as the view

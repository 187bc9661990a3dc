"""Pickles that are compressed within pictures, documents and packages."""

from __future__ import annotations

import gzip
import io
import lzma
import pickle
import struct
import tarfile
import zlib
from pathlib import Path
from typing import Callable

import pytest

import brinery

PROTO = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."
BARE = b"cos\nsystem\n(S'true'\ntR."
PIXELS = b"".join(b"\0" + bytes((3 * row, 5 * row % 256, 40)) * 20 for row in range(20))
HEADER = b"IHDR" + struct.pack(">IIBBBBB", 20, 20, 8, 2, 0, 0, 0)


def _chunk(content: bytes) -> bytes:
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))


def _png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, (HEADER, *chunks, b"IEND")))


def _pdf(*streams: bytes, line: bytes = b"\n") -> bytes:
    objects = (
        b"%d 0 obj\n<</Filter/FlateDecode/Length %d>>\nstream" % (number, len(zlib.compress(stream)))
        + line
        + zlib.compress(stream)
        + b"\nendstream\nendobj\n"
        for number, stream in enumerate(streams, 1)
    )
    return b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + b"".join(objects) + b"trailer\n<</Root 1 0 R>>\n%%EOF\n"


def _ar(**members: bytes) -> bytes:
    parts = (
        b"%-16s0           0     0     100644  %-10d`\n" % (name.encode(), len(data))
        + data
        + b"\n" * (len(data) % 2)
        for name, data in members.items()
    )
    return b"!<arch>\n" + b"".join(parts)


def _tar(data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("usr/share/model.bin")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


CONTENT = b"BT /F1 12 Tf 72 720 Td (Hello) Tj ET\n" * 20
CARRIERS: dict[str, Callable[[bytes], bytes]] = {
    "a text of a picture": lambda data: _png(
        b"zTXtComment\0\0" + zlib.compress(data), b"IDAT" + zlib.compress(PIXELS)
    ),
    "an international text": lambda data: _png(
        b"iTXtComment\0\1\0en\0Kommentar\0" + zlib.compress(data), b"IDAT" + zlib.compress(PIXELS)
    ),
    "a chunk of a program": lambda data: _png(b"prVt" + zlib.compress(data)),
    "the points of a picture": lambda data: _png(
        b"IDAT" + zlib.compress(data)[:9], b"IDAT" + zlib.compress(data)[9:]
    ),
    "a stream of a document": lambda data: _pdf(CONTENT, data, CONTENT),
    "a stream after another line break": lambda data: _pdf(CONTENT, data, line=b"\r\n"),
    "gzip in an ar archive": lambda data: _ar(a=b"odd", data=gzip.compress(data)),
    "a package of Debian": lambda data: _ar(
        **{"debian-binary": b"2.0\n", "data.tar.xz": lzma.compress(_tar(data))}
    ),
}


@pytest.mark.parametrize("data", [PROTO, BARE], ids=["with PROTO", "without"])
@pytest.mark.parametrize("carrier", CARRIERS)
def test_what_is_compressed_in_other_files_is_found(carrier: str, data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(CARRIERS[carrier](data))
    assert brinery.scan(file).verdict == "dangerous"


@pytest.mark.parametrize("carrier", CARRIERS)
def test_what_is_honest_there_is_not_flagged(carrier: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    values = (pickle.dumps({"user": "ann"}, 4), b"The quick brown fox.", PIXELS, CONTENT)
    for value in values:
        file.write_bytes(CARRIERS[carrier](value))
        assert not brinery.scan(file).flagged


@pytest.mark.parametrize("carrier", CARRIERS)
def test_files_that_are_cut_off_are_read_as_far_as_they_go(carrier: str) -> None:
    whole = CARRIERS[carrier](PROTO)
    for end in range(0, len(whole), 7):
        brinery.scan(whole[:end])


def test_a_stream_is_found_over_the_border_of_what_is_looked_at_at_a_time() -> None:
    for gap in range(9):
        head = b"%PDF-1.7\n" + b"%" * ((1 << 20) - 20 + gap) + b"\nstream\n"
        assert brinery.scan(head + zlib.compress(PROTO)).verdict == "dangerous"

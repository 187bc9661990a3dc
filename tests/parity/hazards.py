"""Recognise beforehand the streams on which the stock engine is defective.

* Streams that exhaust its memory: it fills an array up to the index of a memo slot, and allocates what the length of a
  bytes or bytearray claims before it reads. There stock is not run: brinery has to refuse, or to manage.
* Streams from a file in which a frame ends within an argument or within another frame: stock drops what it had read of
  the frame and goes on with what follows. There brinery has to do what stock does where no frame is in the way.
"""

from __future__ import annotations

from tests.parity.walk import reads

MOST_SLOTS = 1 << 20
MOST_BYTES = 1 << 24
#: BINBYTES, BINBYTES8 and BYTEARRAY8.
ALLOCATED = b"B\x8e\x96"


def hazard(data: bytes) -> str | None:
    """Return what would be too much for stock, or None."""
    for read in reads(data):
        if read.opcode in b"pr" and read.claim > MOST_SLOTS:
            return "huge memo indexes"
        if read.opcode in ALLOCATED and read.claim > max(MOST_BYTES, len(data)):
            return "false lengths"
    return None


def without_split_frames(data: bytes) -> bytes | None:
    """Return the stream with empty frames in the place of its own, if one of those splits what it must not."""
    split, limit, frames = False, 0, []
    for read in reads(data):
        split |= read.start < limit < read.end
        if read.opcode == b"\x95":
            end = read.end + read.claim
            split |= read.end < limit < end
            if end <= len(data):
                frames.append(read)
                limit = max(limit, end)
    if not split:
        return None
    mended = bytearray(data)
    for frame in frames:
        mended[frame.start : frame.end] = bytes(8)
    return bytes(mended)


def frame_ends(data: bytes) -> set[int]:
    """Return where the frames of a stream end."""
    return {read.end + read.claim for read in reads(data) if read.opcode == b"\x95"}

"""Large bytes objects, in the pickle (in band) and beside it (out of band)."""

from __future__ import annotations

import pickle

from benches.workload import large, out_of_band, unchanging, used

SIZE = 64 << 20


@unchanging
def bytes_64mib() -> bytes:
    """One bytes object of 64 MiB, in band."""
    return b"0123456789abcdef" * (SIZE // 16)


@unchanging
def bytearray_64mib() -> bytearray:
    """One bytearray of 64 MiB, in band."""
    return bytearray(b"0123456789abcdef") * (SIZE // 16)


@large
def medium_bytes() -> list[bytes]:
    """200 bytes objects of 20,000 bytes, in band."""
    return [bytes([number]) * 20_000 for number in range(200)]


@used(out_of_band)
@unchanging
def bytes_64mib_out_of_band() -> pickle.PickleBuffer:
    """One bytes object of 64 MiB, out of band."""
    return pickle.PickleBuffer(bytes_64mib())


@used(out_of_band)
@unchanging
def bytearray_64mib_out_of_band() -> pickle.PickleBuffer:
    """One bytearray of 64 MiB, out of band."""
    return pickle.PickleBuffer(bytearray_64mib())


@used(out_of_band)
def blocks_out_of_band() -> list[pickle.PickleBuffer]:
    """500 blocks of 10,000 bytes, out of band."""
    return [pickle.PickleBuffer(bytearray(10_000)) for _ in range(500)]

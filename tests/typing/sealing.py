"""What the type checkers must find out about sealing; the tests run this file as well."""

from __future__ import annotations

import datetime
import io

from typing_extensions import assert_type

import brinery
from brinery import Key, KeyRing, SealError

key = Key.generate("ed25519", id="alice", purposes=["release"])
assert_type(key, Key)
assert_type(key.public(), Key)
assert_type(key.id, str)
assert_type(key.purposes, tuple[str, ...])
assert_type(key.created, "datetime.datetime | None")
assert_type(key.to_bytes(), bytes)
assert_type(Key.from_bytes("blake3", bytearray(32), id="k1"), Key)

ring = KeyRing([key], signatures=1)
assert_type(ring["alice"], Key)
assert_type(list(ring), list[Key])
assert_type(ring.rotate("alice", accept_until=datetime.timedelta(days=1)), Key)

several: list[Key] = [key]
sealed = brinery.seal(b"", several, purpose="release", expires=datetime.timedelta(hours=1))
assert_type(sealed, bytes)
assert_type(brinery.unseal(memoryview(sealed), ring, purpose="release", signatures=1), bytes)
assert_type(brinery.dumps(1, key=key, purpose="release"), bytes)
brinery.dump(1, io.BytesIO(), key=ring, purpose="release", expires=4e9)
brinery.loads(brinery.dumps(1, key=key, purpose="release"), key=key.public(), purpose="release")

try:
    brinery.unseal(b"", key, purpose="release")
except SealError as error:
    assert_type(error.reason, str)
    assert_type(error.hint, "str | None")

try:
    brinery.unseal(b"", [key, key], purpose="release")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    brinery.seal(b"", b"secret", purpose="release")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
except TypeError:
    pass

"""Objects that are large enough for pages of their own."""

from __future__ import annotations

import _pickle
import io
import mmap
import random
from pathlib import Path

import pytest

import brinery

LARGE = 2 << 20


@pytest.mark.parametrize("kind", [bytes, bytearray])
@pytest.mark.parametrize("size", [2 * LARGE - 1, 2 * LARGE, 2 * LARGE + 1, 5 * LARGE + 4097, 9 * LARGE - 100])
def test_large_objects_are_whole(kind: type, size: int, tmp_path: Path) -> None:
    obj = kind(random.Random(size).randbytes(size))
    data = brinery.dumps(obj, 5)
    assert data == _pickle.dumps(obj, 5)
    assert brinery.loads(data) == obj
    # Into memory that was used before, and into memory next to it.
    made = [brinery.loads(data) for _ in range(4)]
    del made[::2]
    made += [brinery.loads(data) for _ in range(4)]
    assert all(one == obj and type(one) is kind for one in made)
    path = tmp_path / "large"
    brinery.dump([obj, obj[:-1], obj], path, protocol=5)
    again = brinery.load(path)
    assert again == [obj, obj[:-1], obj] and again[0] is again[2]
    assert brinery.load(io.BytesIO(data)) == obj


def test_many_parts_grow_over_large_pages() -> None:
    source = random.Random(4)
    obj = [source.randbytes(source.randrange(1, 3 * LARGE)) for _ in range(12)]
    obj += [source.randbytes(source.randrange(1, 300)) for _ in range(60_000)]
    for protocol in (3, 4, 5):
        data = brinery.dumps(obj, protocol)
        assert data == _pickle.dumps(obj, protocol)
        assert brinery.loads(data) == obj


def test_large_objects_of_a_mapping_are_whole(tmp_path: Path) -> None:
    obj = random.Random(5).randbytes(20 * LARGE + 77)
    path = tmp_path / "large"
    path.write_bytes(_pickle.dumps([obj, bytearray(obj)], 5))
    assert brinery.load(path) == [obj, bytearray(obj)]
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapping:
        assert brinery.loads(mapping) == [obj, bytearray(obj)]

"""What earlier states of brinery wrote is read as it was meant."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import pytest

import brinery
from tests.samples import content

FOLDERS = sorted(path for path in (Path(__file__).parent / "samples").iterdir() if path.name.isdigit())
WRITTEN = [
    pytest.param(folder, protocol, name, thing, id=f"{folder.name}-{name}-{protocol}")
    for folder in FOLDERS
    for protocol in range(6)
    for name, thing in content.objects(protocol)
]


@pytest.mark.parametrize(("folder", "protocol", "name", "thing"), WRITTEN)
def test_pickles(folder: Path, protocol: int, name: str, thing: object) -> None:
    path = folder / f"{name}.{protocol}.pickle"
    for loaded in (brinery.loads(path.read_bytes()), brinery.load(path), pickle.loads(path.read_bytes())):
        assert content.described(loaded) == content.described(thing)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_there_is_no_sample_that_is_not_read(folder: Path) -> None:
    read = {f"{param.values[2]}.{param.values[1]}.pickle" for param in WRITTEN if param.values[0] == folder}
    others = {
        "several.4.pickle",
        "out_of_band.5.pickle",
        "out_of_band.5.buffer",
        "optimized.4.pickle",
        "policy.toml",
    }
    assert {path.name for path in folder.iterdir()} == read | others


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_other_files(folder: Path) -> None:
    several = brinery.Unpickler(io.BytesIO((folder / "several.4.pickle").read_bytes()))
    assert [several.load()[-1] for _ in range(3)] == [0, 1, 2]
    buffer = (folder / "out_of_band.5.buffer").read_bytes()
    far, near = brinery.loads((folder / "out_of_band.5.pickle").read_bytes(), buffers=[buffer])
    assert (bytes(far), near) == (b"far away", b"near")
    optimized = brinery.loads((folder / "optimized.4.pickle").read_bytes())
    assert optimized == [{"a": (1, 2)}] * 3
    assert optimized[0] is optimized[2]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_policies(folder: Path) -> None:
    policy = brinery.Policy.from_toml((folder / "policy.toml").read_text(encoding="utf-8"))
    point = content.Point(1, 2.5, ["n"])
    assert brinery.loads(pickle.dumps(point), policy=policy) == point
    with pytest.raises(brinery.PolicyError):
        brinery.loads(pickle.dumps(content.Point("1", 2.5)), policy=policy)  # type: ignore[arg-type]
    assert brinery.loads((folder / "times.4.pickle").read_bytes(), policy=policy)

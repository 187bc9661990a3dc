"""Writes the samples of a state that is declared done: ``python -m tests.samples N``."""

from __future__ import annotations

import io
import pathlib
import pickle
import sys

import brinery
from tests.samples import content

folder = pathlib.Path(__file__).parent / sys.argv[1]
folder.mkdir()
for protocol in range(6):
    for name, thing in content.objects(protocol):
        (folder / f"{name}.{protocol}.pickle").write_bytes(brinery.dumps(thing, protocol))
file = io.BytesIO()
pickler = brinery.Pickler(file, 4)
for number in range(3):
    pickler.dump(["one", "after", "the", "other", number])
(folder / "several.4.pickle").write_bytes(file.getvalue())
buffers: list[pickle.PickleBuffer] = []
out_of_band = brinery.dumps([pickle.PickleBuffer(b"far away"), b"near"], 5, buffer_callback=buffers.append)
(folder / "out_of_band.5.pickle").write_bytes(out_of_band)
(folder / "out_of_band.5.buffer").write_bytes(bytes(buffers[0].raw()))
(folder / "optimized.4.pickle").write_bytes(brinery.tools.optimize(brinery.dumps([{"a": (1, 2)}] * 3, 4)))
(folder / "policy.toml").write_text(
    (
        brinery.Policy.allow(
            content.Point, fields={"x": "int", "y": "float", "names": "list[str]"}, construct=True
        )
        | brinery.Policy("stdlib")
    ).to_toml(),
    encoding="utf-8",
)

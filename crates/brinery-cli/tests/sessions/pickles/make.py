"""Write the pickles that the tests of the command line look into.

Run with CPython 3.11: ``python make.py``. The files are kept beside this script so that the tests need no Python.
"""

import bz2
import collections
import datetime
import decimal
import gzip
import io
import lzma
import pathlib
import pickle
import shutil
import subprocess
import sys
import types
import zipfile
import zlib

HERE = pathlib.Path(__file__).parent


class Run:
    """A training run, as a program would save it."""


class Slotted:
    """An instance whose state is in slots."""

    __slots__ = ("left", "right")


def write(name: str, *pickles: bytes) -> bytes:
    """Write a file and return its content."""
    data = b"".join(pickles)
    (HERE / name).write_bytes(data)
    return data


def run() -> Run:
    """Return an object with sharing, a cycle and most types."""
    layers = {"rate": 0.1, "sizes": [64, 64, 10]}
    first = Run()
    first.name = "first"
    first.layers = layers
    first.started = datetime.datetime(2024, 5, 1, 12, 0)
    first.scores = [0.5, 0.75, 0.9]
    first.itself = first
    slotted = Slotted()
    slotted.left, slotted.right = None, (1, "two")
    return {
        "run": first,
        "layers": layers,
        "slotted": slotted,
        "raw": b"\x00\x01\xff" * 4,
        "big": 2**80,
        "flags": {1, 2, 3},
        "many": list(range(40)),
        "text": "word " * 40,
        "counts": collections.Counter("hello"),
        "ordered": collections.OrderedDict(a=1, b=[1]),
        "price": decimal.Decimal("1.50"),
        (1, 2): "a tuple as key",
        "nested": [[[[[["deep"]]]]]],
        "class": decimal.Decimal,
    }


def main() -> None:
    """Write all files."""
    for name in ("app", "app.model"):
        sys.modules[name] = types.ModuleType(name)
    for kind in (Run, Slotted):
        kind.__module__ = "app.model"
        setattr(sys.modules["app.model"], kind.__name__, kind)
    thing = run()
    data = write("run.pkl", pickle.dumps(thing, 4))
    write("run-protocol2.pkl", pickle.dumps(thing, 2))
    # Protocol 0 has no way to save slots.
    write("run-protocol0.pkl", pickle.dumps({key: thing[key] for key in thing if key != "slotted"}, 0))
    thing["run"].name = "second"
    thing["layers"]["sizes"].insert(1, 128)
    thing["flags"] = {2, 3, 4}
    del thing["price"]
    thing["new"] = True
    write("changed.pkl", pickle.dumps(thing, 4))
    write("small.pkl", pickle.dumps({"name": "ä", "numbers": (1, 2.5, None), "bytes": b"\x00'"}, 4))
    write("list.pkl", pickle.dumps([{"id": 1, "name": "one"}, {"id": 2, "name": "two"}, (3,)], 4))
    write("three.pkl", *(pickle.dumps(thing, 2) for thing in (1, "two", [3, float("nan")])))
    write("memo.pkl", pickle.dumps([["a", "b"], ["a", "b"]], 2))
    shared = ["x"]
    write("shared.pkl", pickle.dumps([shared, shared, {"again": shared}], 4))
    file = io.BytesIO()
    pickler = pickle.Pickler(file, 2)
    pickler.persistent_id = lambda thing: "row 7" if isinstance(thing, complex) else None
    pickler.dump([1j])
    write("persistent.pkl", file.getvalue())
    write("old.pkl", b"(dp0\nS'key'\np1\nS'\\xff'\np2\nsI01\nL10L\ns.")
    write("buffer.pkl", pickle.dumps(pickle.PickleBuffer(b"data"), 5, buffer_callback=lambda buffer: None))
    # What is wrong with files.
    write("truncated.pkl", data[:600])
    write("cut-frame.pkl", data[:5])
    write("bad-opcode.pkl", b"\x80\x04](K\x01K\x02\xff.")
    write("bad-text.pkl", b"\x80\x04X\x02\x00\x00\x00\xc3(.")
    write("no-mark.pkl", b"\x80\x02K\x01t.")
    write("trailing.pkl", pickle.dumps([1], 2), b"\x00\x00 not a pickle")
    write("empty.pkl")
    write("notes.txt", b"Hello\n")
    write("evil.pkl", b"cos\nsystem\n(X\x15\x00\x00\x00touch was-it-executedtR.")
    # Wrappers.
    write("run.pkl.gz", gzip.compress(data, mtime=0))
    write("run.pkl.bz2", bz2.compress(data))
    write("run.pkl.xz", lzma.compress(data))
    write("run.pkl.z", zlib.compress(data))
    write("twice.pkl.gz.bz2", bz2.compress(gzip.compress(data, mtime=0)))
    write("damaged.pkl.gz", gzip.compress(data, mtime=0)[:200])
    write("bomb.gz", gzip.compress(bytes(2_000_000), mtime=0))
    if shutil.which("zstd"):
        frames = [data[:300], data[300:]]
        write(
            "run.pkl.zst", *(subprocess.run(["zstd"], input=f, stdout=-1, check=True).stdout for f in frames)
        )
    for name, members in {
        "model.zip": {"archive/data.pkl": data, "archive/version": b"3\n"},
        "two.zip": {"a.pkl": pickle.dumps("a", 4), "b.pkl": pickle.dumps("b", 4)},
    }.items():
        with zipfile.ZipFile(HERE / name, "w") as archive:
            for member, content in members.items():
                archive.writestr(zipfile.ZipInfo(member), content, zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(HERE / "methods.zip", "w") as archive:
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
            archive.writestr(zipfile.ZipInfo(f"method-{method}.pkl"), pickle.dumps(method, 4), method)


if __name__ == "__main__":
    main()

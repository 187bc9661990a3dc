"""Files written and removed."""

from __future__ import annotations

from .assembly import call, dotted, glob, text
from .harness import prove, refuse

ATTACKS = {
    "open": call(glob("builtins", "open"), text("effect"), text("w")) + b".",
    "io.open": call(glob("io", "open"), text("effect"), text("w")) + b".",
    "io.FileIO": call(glob("_io", "FileIO"), text("effect"), text("w")) + b".",
    "logging.FileHandler": call(glob("logging", "FileHandler"), text("effect")) + b".",
    "os.mkdir": call(glob("os", "mkdir"), text("effect")) + b".",
    "pathlib": b"\x80\x04"
    + call(dotted("pathlib", "Path.touch"), call(glob("pathlib", "PosixPath"), text("effect")))
    + b".",
    "getattr on a path": call(
        call(glob("builtins", "getattr"), call(glob("pathlib", "PosixPath"), text("effect")), text("touch"))
    )
    + b".",
    "methodcaller on a path": call(
        call(glob("operator", "methodcaller"), text("touch")),
        call(glob("pathlib", "PosixPath"), text("effect")),
    )
    + b".",
    "shelve": call(glob("dbm.dumb", "open"), text("effect"))
    + b"0"
    + call(glob("os", "mkdir"), text("effect"))
    + b".",
    "sqlite3": call(glob("sqlite3", "connect"), text("effect")) + b".",
    "zipfile": call(glob("zipfile", "ZipFile"), text("effect"), text("w")) + b".",
    "tarfile": b"\x80\x04" + call(dotted("tarfile", "TarFile"), text("effect"), text("w")) + b".",
    "shutil": call(glob("shutil", "copytree"), text("/proc/self/task"), text("effect")) + b"0" + b"N.",
}
del ATTACKS["shutil"]


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS)

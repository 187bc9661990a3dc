"""Tables of the loader itself, poisoned by the stream that is then read with them."""

from __future__ import annotations

from .assembly import call, glob, text
from .harness import prove, refuse

TOUCH = text("touch effect")
END = b"(" + TOUCH + b"tR."
SYSTEM = text("os") + text("system") + b"\x86"
ATTACKS = {
    "an extension code": call(glob("copyreg", "add_extension"), text("os"), text("system"), b"K\xe7")
    + b"0\x82\xe7"
    + END,
    "an extension code of two bytes": call(
        glob("copyreg", "add_extension"), text("os"), text("system"), b"M\xe7\xe7"
    )
    + b"0\x83\xe7\xe7"
    + END,
    "an extension code of four bytes": call(
        glob("copyreg", "add_extension"), text("os"), text("system"), b"J\1\2\3\4"
    )
    + b"0\x84\1\2\3\4"
    + END,
    "the registry of codes, without a call": glob("copyreg", "_inverted_registry")
    + b"K\xe7"
    + SYSTEM
    + b"s0\x82\xe7"
    + END,
    "the cache of codes, without a call": glob("copyreg", "_extension_cache")
    + b"K\xe7"
    + glob("os", "system")
    + b"s0\x82\xe7"
    + END,
    "the table of names, without a call": glob("_compat_pickle", "NAME_MAPPING")
    + text("datetime")
    + text("evil")
    + b"\x86"
    + SYSTEM
    + b"s0"
    + glob("datetime", "evil")
    + END,
    "the table of modules, without a call": glob("_compat_pickle", "IMPORT_MAPPING")
    + text("nothing")
    + text("os")
    + b"s0"
    + glob("nothing", "system")
    + END,
    "the dispatch table": glob("copyreg", "dispatch_table")
    + text("evil")
    + b"Ns0"
    + glob("os", "system")
    + END,
    "sys.modules, for the names that come": glob("sys", "modules")
    + text("harmless")
    + glob("shutil", "os")
    + b"s0"
    + glob("harmless", "system")
    + END,
    "a module's name for a function": b"\x80\x02"
    + glob("sys", "modules")
    + text("json")
    + glob("shutil", "os")
    + b"s0"
    + glob("json", "system")
    + END,
    "sys.path": b"\x80\x04"
    + call(text("sys") + text("path.append") + b"\x93", text("."))
    + b"0"
    + glob("os", "system")
    + END,
}
ATTACKS = {name: data if data.startswith(b"\x80") else b"\x80\x02" + data for name, data in ATTACKS.items()}


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS)

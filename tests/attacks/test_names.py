"""Names that are computed, escaped, taken from the memo; extension codes; imports that act by themselves."""

from __future__ import annotations

from .assembly import call, glob, text
from .harness import prove, refuse

TOUCH = text("touch effect")
END = b"(" + TOUCH + b"tR."
ATTACKS = {
    "from the memo": b"\x80\x04" + text("os") + b"\x94" + text("system") + b"\x940" + b"0h\0h\1\x93" + END,
    "memo overwritten": b"\x80\x04"
    + text("json")
    + b"q\0"
    + text("os")
    + b"q\x000"
    + b"0h\0"
    + text("system")
    + b"\x93"
    + END,
    "escaped": b"\x80\x04V\\u006fs\n" + b"V\\u0073ystem\n\x93" + END,
    "UNICODE for names": b"\x80\x04Vos\nVsystem\n\x93" + END,
    "a string of Python 2": b"\x80\x04S'os'\nS'system'\n\x93" + END,
    "DUP of a name": b"\x80\x04" + text("posix") + b"2\x8c\x06system\x93" + END,
    "an import that acts": glob("tests.attacks.importing", "__name__") + b".",
    "an import of a submodule": b"\x80\x04" + text("tests.attacks.importing") + text("__doc__") + b"\x93.",
    "swapped by POP": b"\x80\x04" + text("x") + b"0" + text("os") + text("system") + b"\x93" + END,
    "joined": b"\x80\x04"
    + call(glob("builtins", "getattr"), text(""), text("join"))
    + b"]("
    + text("o")
    + text("s")
    + b"e\x85R"
    + text("system")
    + b"\x93"
    + END,
}


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS)


def test_extension_codes_stand_for_nothing() -> None:
    import copyreg

    import pytest

    import brinery

    copyreg.add_extension("os", "system", 0xE7)
    try:
        with pytest.raises(brinery.PolicyError) as caught:
            brinery.loads(b"\x80\x02\x82\xe7" + END, policy="stdlib")
        assert caught.value.rule == "extension"
    finally:
        copyreg.remove_extension("os", "system", 0xE7)


def test_a_poisoned_table_of_names_is_not_asked() -> None:
    import _compat_pickle

    import pytest

    import brinery

    _compat_pickle.NAME_MAPPING["datetime", "date"] = ("os", "system")
    try:
        data = b"\x80\x02cdatetime\ndate\n(" + TOUCH + b"tR."
        with pytest.raises(brinery.PolicyError) as caught:
            brinery.loads(data, policy="stdlib")
        assert caught.value.rule == "global.call"
    finally:
        del _compat_pickle.NAME_MAPPING["datetime", "date"]

"""Functions of the standard library that run what they are given, and that block lists forget."""

from __future__ import annotations

from .assembly import call, dotted, glob, text
from .harness import prove, refuse

CODE = text("open('effect', 'w')")
ATTACKS = {
    "timeit": call(glob("timeit", "timeit"), CODE) + b".",
    "cProfile": call(glob("cProfile", "run"), CODE) + b".",
    "profile": call(glob("profile", "run"), CODE) + b".",
    "bdb": b"\x80\x04" + call(dotted("bdb", "Bdb.run"), call(glob("bdb", "Bdb")), CODE) + b".",
    "trace": b"\x80\x04" + call(dotted("trace", "Trace.run"), call(glob("trace", "Trace")), CODE) + b".",
    "code": b"\x80\x04"
    + call(
        dotted("code", "InteractiveInterpreter.runsource"), call(glob("code", "InteractiveInterpreter")), CODE
    )
    + b".",
    "runpy": call(
        glob("runpy", "_run_code"), call(glob("builtins", "compile"), CODE, text("x"), text("exec")), b"}"
    )
    + b".",
    "doctest": call(glob("doctest", "debug_script"), CODE, b"I01\n") + b".",
    "logging.config": call(glob("logging.config", "_resolve"), text("tests.attacks.importing")) + b".",
    "pydoc": call(glob("pydoc", "pipepager"), text("x"), text("touch effect")) + b".",
    "pkgutil": call(glob("pkgutil", "resolve_name"), text("tests.attacks.importing")) + b".",
    "importlib": call(glob("importlib", "import_module"), text("tests.attacks.importing")) + b".",
    "inspect": b"\x80\x04"
    + call(dotted("tests.attacks.victims", "Runner.run"), call(glob("tests.attacks.victims", "Runner")))
    + b".",
    "ctypes": call(glob("operator", "methodcaller"), text("system"), b"C\x0ctouch effect")
    + b"p0\n0g0\n("
    + call(glob("ctypes", "CDLL"), b"N")
    + b"tR.",
}
ATTACKS["ctypes"] = b"\x80\x03" + ATTACKS["ctypes"]


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS)

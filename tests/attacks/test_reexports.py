"""Modules that have imported what is dangerous, so that it can be had under their names."""

from __future__ import annotations

from .assembly import call, dotted, glob, text
from .harness import prove, refuse

TOUCH = text("touch effect")
CODE = text("open('effect', 'w')")
#: Modules of the standard library and their names for `os`.
HOLDERS = """
shutil.os tempfile._os random._os glob.os fnmatch.os zipapp.os zipfile.os tarfile.os logging.os inspect.os
argparse._os gettext.os uuid.os mimetypes.os fileinput.os getpass.os webbrowser.os netrc.os configparser.os
ctypes._os unittest.loader.os multiprocessing.util.os subprocess.os
""".split()
ATTACKS = {
    f"by {holder}": call(dotted(holder.rsplit(".", 1)[0], holder.rsplit(".", 1)[1] + ".system"), TOUCH) + b"."
    for holder in HOLDERS
}
ATTACKS |= {
    "a program's own": call(dotted("tests.attacks.victims", "os.system"), TOUCH) + b".",
    "a program's own name for it": call(dotted("tests.attacks.victims", "shell"), TOUCH) + b".",
    "a chain": call(dotted("unittest.loader", "os.path.os.system"), TOUCH) + b".",
    "sys.modules": call(
        call(glob("builtins", "getattr"), call(dotted("sys", "modules.get"), text("os")), text("system")),
        TOUCH,
    )
    + b".",
    "subprocess by asyncio": call(dotted("asyncio", "subprocess.subprocess.getoutput"), TOUCH) + b".",
    "builtins by a module": call(dotted("os", "__builtins__.get"), text("eval")) + b"(" + CODE + b"tR.",
    "a function's globals": call(call(dotted("os", "getenv.__globals__.get"), text("system")), TOUCH) + b".",
    "exec by a private name": call(
        dotted("runpy", "_run_code"), call(glob("builtins", "compile"), CODE, text("x"), text("exec")), b"}"
    )
    + b".",
}
ATTACKS = {name: b"\x80\x04" + data for name, data in ATTACKS.items()}


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS)

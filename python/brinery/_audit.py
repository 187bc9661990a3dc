"""What a policy comes to, beyond what each line of it says."""

from __future__ import annotations

import re

__all__ = ["audit"]

# Modules whose functions act on the system, run code, or lead to what does.
ACTING = frozenset(
    [
        "_posixsubprocess",
        "_thread",
        "_xxsubinterpreters",
        "asyncio",
        "code",
        "codeop",
        "commands",
        "concurrent",
        "ctypes",
        "distutils",
        "ensurepip",
        "faulthandler",
        "ftplib",
        "gc",
        "http",
        "idlelib",
        "importlib",
        "imaplib",
        "inspect",
        "lib2to3",
        "marshal",
        "mmap",
        "multiprocessing",
        "nntplib",
        "nt",
        "os",
        "pdb",
        "pickle",
        "pkgutil",
        "popen2",
        "posix",
        "poplib",
        "profile",
        "cProfile",
        "pty",
        "pip",
        "runpy",
        "sched",
        "setuptools",
        "shelve",
        "shutil",
        "signal",
        "site",
        "smtplib",
        "socket",
        "socketserver",
        "sqlite3",
        "ssl",
        "subprocess",
        "sys",
        "tempfile",
        "telnetlib",
        "test",
        "threading",
        "timeit",
        "trace",
        "tracemalloc",
        "unittest",
        "urllib",
        "venv",
        "webbrowser",
        "winreg",
        "xmlrpc",
        "zipapp",
        "zipimport",
    ]
)
# Builtins that lead anywhere.
OPEN_BUILTINS = frozenset(
    [
        "__import__",
        "breakpoint",
        "compile",
        "delattr",
        "eval",
        "exec",
        "getattr",
        "globals",
        "input",
        "locals",
        "open",
        "setattr",
        "vars",
    ]
)
# Functions that look attributes up, call, or make callables.
LEADING = frozenset(
    {
        "operator:attrgetter",
        "operator:methodcaller",
        "operator:call",
        "functools:partial",
        "functools:reduce",
        "types:FunctionType",
        "types:CodeType",
        "types:MethodType",
        "builtins:map",
        "builtins:filter",
        "builtins:getattr",
        "copyreg:_reconstructor",
    }
)


def audit(text: str) -> list[str]:
    """Return a line for each finding.

    Parameters
    ----------
    text : str
        A policy in its canonical form.

    Returns
    -------
    list of str
        The findings.
    """
    findings = []
    sections = re.split(r'^\[globals\."(.*)"\]$', text, flags=re.M)
    for key, body in zip(sections[1::2], sections[2::2]):
        rights = dict(re.findall(r'^(\w+) = "?(.*?)"?$', body, flags=re.M))
        module, _, name = key.partition(":")
        top = module.partition(".")[0]
        shipped = "native" in rights
        if rights.get("call") in ("tuple[any, ...]", "any"):
            if not _is_exception(key):
                findings.append(f"{key} may be called with any arguments")
        elif (
            re.search(r"(?<![\w.])int(?![\w(])", rights.get("call", ""))
            and not shipped
            and not _is_vetted(key)
        ):
            findings.append(f"{key} may be called with any number, which may be a size")
        if "call" in rights or "construct" in rights or rights.get("value") == "true":
            if top in ACTING and not _is_vetted(key):
                findings.append(f"{key} belongs to a module that acts on the system")
            if module == "builtins" and name in OPEN_BUILTINS:
                findings.append(f"{key} leads to everything")
        if key in LEADING and "call" in rights and not _is_vetted(key):
            findings.append(f"{key} looks up or calls what its arguments name")
        if rights.get("setstate") == "any":
            findings.append(f"{key} is given any state by its __setstate__")
        shared = rights.get("call") and rights.get("attributes") == "true" and not name[:1].isupper()
        if shared and not _is_vetted(key):
            findings.append(f"what {key} returns may be shared, and may be given attributes")
        if "." in name and not _is_vetted(key):
            findings.append(f"{key} is reached through another object")
    return findings


def _shipped() -> dict[str, str]:
    from .policy import _ALL, Policy

    if not _texts:
        parts = re.split(r'^\[globals\."(.*)"\]$', Policy(_ALL).to_toml(), flags=re.M)
        _texts.update(zip(parts[1::2], parts[2::2]))
    return _texts


_texts: dict[str, str] = {}


def _is_vetted(key: str) -> bool:
    """Whether a policy that comes with brinery has this global."""
    return key in _shipped()


def _is_exception(key: str) -> bool:
    return _is_vetted(key) or key.endswith(("Error", "Exception", "Warning"))

"""The pickle system in Rust, as a drop-in for the standard module `pickle`.

``import brinery as pickle`` gives every public name of `pickle`, on the Rust engine and with the same bytes:

>>> import brinery as pickle
>>> data = pickle.dumps({"name": "Ada", "born": 1815})
>>> pickle.loads(data)
{'name': 'Ada', 'born': 1815}

A program that imports `pickle` itself runs on the engine after `install`, or unmodified and with all its
child processes by ``python -m brinery run app.py``. Importing brinery changes nothing outside brinery.

The names that `pickle` has beyond its documented ones (``pickle._Pickler``, ``pickle.whichmodule``,
``pickle.encode_long``, ...) are those of the standard module, fetched from it when first asked for.
"""

from __future__ import annotations

from . import _brinery
from ._brinery import (
    DEFAULT_PROTOCOL,
    HIGHEST_PROTOCOL,
    PickleBuffer,
    PickleError,
    Pickler,
    PicklingError,
    SealError,
    Unpickler,
    UnpicklingError,
    __version__,
    dump,
    dumps,
    load,
    loads,
    seal,
    unseal,
)
from ._install import install, installed, uninstall

__all__ = [
    "DEFAULT_PROTOCOL",
    "HIGHEST_PROTOCOL",
    "Key",
    "KeyRing",
    "PickleBuffer",
    "PickleError",
    "Pickler",
    "PicklingError",
    "Policy",
    "PolicyError",
    "SealError",
    "Unpickler",
    "UnpicklingError",
    "__version__",
    "dump",
    "dumps",
    "guard",
    "inspect",
    "install",
    "installed",
    "load",
    "loads",
    "scan",
    "seal",
    "tools",
    "uninstall",
    "unseal",
]

# Every opcode by its name (``STOP == b"."``), from the one table of the engine, and the two spellings of a
# boolean below protocol 2, which pickle counts among its opcodes.
globals().update(_brinery.opcodes)
TRUE = b"I01\n"
FALSE = b"I00\n"
__all__ += list(_brinery.opcodes)
__all__ += ["FALSE", "TRUE"]


#: What is imported when somebody asks for it: modules, and names by the module that has them.
_MODULES = frozenset({"guard", "policy", "tools"})
_LAZY = {
    "Key": "_seal",
    "KeyRing": "_seal",
    "Policy": "policy",
    "PolicyError": "policy",
    "inspect": "policy",
    "scan": "_scan",
}


def __getattr__(name: str) -> object:
    if name in _MODULES or name in _LAZY:
        from importlib import import_module

        if name in _MODULES:
            return import_module(f".{name}", __name__)
        return getattr(import_module(f".{_LAZY[name]}", __name__), name)
    if not (name.startswith("__") and name.endswith("__")):
        import pickle
        from types import ModuleType

        value = getattr(pickle, name, pickle)
        # What pickle imported for its own use (pickle.re, pickle.io) is no name of pickle's.
        if not isinstance(value, ModuleType):
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_LAZY})

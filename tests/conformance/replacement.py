"""Put an engine in the place of ``_pickle``, and make the engines that CPython ships raise.

A process takes one of three engines:

``brinery``
    the extension module. The stock engines raise `StockEngineUsed`, so that delegating to them fails.
``absent``
    an engine that only counts how often it is asked. The tests that ask are those that *reach the engine*.
``stock``
    CPython's own, under brinery's names: what is skipped then is skipped because of the interpreter.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from types import ModuleType

ENTRY_POINTS = ("Pickler", "Unpickler", "dump", "dumps", "load", "loads")


class StockEngineUsed(BaseException):
    """Code has used an engine that CPython ships. Not an Exception, so that no test swallows it."""


class EngineAbsent(BaseException):
    """Code has used the absent engine."""


class Guard:
    """Lets CPython's engines raise, and remembers that they were used."""

    def __init__(self) -> None:
        self.used: list[str] = []
        self.allowed: frozenset[str] = frozenset()

    def check(self, name: str) -> None:
        """Raise unless the engine part `name` is allowed to be used now."""
        if name not in self.allowed:
            self.used.append(name)
            raise StockEngineUsed(f"CPython's own engine was used: {name}")

    @contextmanager
    def allowing(self, names: frozenset[str]) -> Iterator[None]:
        """Allow some parts of CPython's engines, for tests about exactly those."""
        self.allowed = names
        try:
            yield
        finally:
            self.allowed = frozenset()


class Reach:
    """Counts how often the absent engine was asked."""

    def __init__(self) -> None:
        self.count = 0

    def fail(self, *_args: object, **_kwargs: object) -> None:
        """Count, and say that there is no engine."""
        self.count += 1
        if threading.current_thread() is not threading.main_thread():
            # The main thread would wait for this one for ever.
            os._exit(71)
        raise EngineAbsent("there is no engine in this run")


guard = Guard()
reach = Reach()


def _load_extension() -> ModuleType:
    """Import ``brinery._brinery`` without its package, which would import ``pickle`` too early."""
    package = importlib.util.find_spec("brinery")
    if package is None or package.submodule_search_locations is None:
        raise ImportError("brinery is not installed for this interpreter")
    spec = PathFinder.find_spec("brinery._brinery", package.submodule_search_locations)
    if spec is None or spec.loader is None:
        raise ImportError("brinery is installed without its extension module for this interpreter")
    module = importlib.util.module_from_spec(spec)
    sys.modules["brinery._brinery"] = module
    spec.loader.exec_module(module)
    return module


def _stand_in(stock: ModuleType, **contents: object) -> ModuleType:
    """Return a module like ``_pickle`` with other contents."""
    module = ModuleType("_pickle", stock.__doc__)
    vars(module).update({name: value for name, value in vars(stock).items() if not name.startswith("__")})
    vars(module).update(contents)
    return module


def _barred(stock: ModuleType) -> ModuleType:
    """Return what is left of ``_pickle`` with its engine barred: the exceptions and PickleBuffer."""

    def bar(name: str) -> object:
        def refuse(*_args: object, **_kwargs: object) -> None:
            guard.check(f"_pickle.{name}")

        return refuse

    barred = {name: bar(name) for name in ENTRY_POINTS}
    vars(stock).update(barred)
    return _stand_in(stock, **barred)


def _absent(stock: ModuleType) -> ModuleType:
    """Return the absent engine."""
    methods = dict.fromkeys(("__init__", "dump", "load"), reach.fail)
    contents: dict[str, object] = dict.fromkeys(ENTRY_POINTS, reach.fail)
    contents["Pickler"] = type("Pickler", (), dict(methods))
    contents["Unpickler"] = type("Unpickler", (), dict(methods))
    return _stand_in(stock, **contents)


def _bar_pure_python() -> None:
    """Make the engine written in Python raise, unless it is allowed."""
    import pickle

    def bar(owner: type, method: str, name: str) -> None:
        original = getattr(owner, method)

        def guarded(self: object, *args: object, **kwargs: object) -> object:
            guard.check(name)
            return original(self, *args, **kwargs)

        setattr(owner, method, guarded)

    bar(pickle._Pickler, "dump", "pickle._Pickler")
    bar(pickle._Pickler, "save", "pickle._Pickler")
    bar(pickle._Unpickler, "load", "pickle._Unpickler")


def install(engine: str) -> None:
    """Put the named engine in the place of ``_pickle``."""
    import _pickle as stock

    if "pickle" in sys.modules:
        raise RuntimeError("pickle was imported before the engine could be replaced")
    if engine == "brinery":
        sys.modules["_pickle"] = _barred(stock)
        sys.modules["_pickle"] = _load_extension()
        _bar_pure_python()
        return
    module = _absent(stock) if engine == "absent" else _stand_in(stock)
    sys.modules["_pickle"] = sys.modules["brinery"] = module

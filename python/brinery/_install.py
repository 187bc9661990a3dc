"""Putting the engine behind `pickle` and `_pickle`, and taking it back."""

from __future__ import annotations

import os
import sys
from _thread import RLock

from . import _brinery

TYPE_CHECKING = False  # without importing typing
if TYPE_CHECKING:
    from types import ModuleType, TracebackType

    from ._swap import Swap

__all__ = ["install", "installed", "uninstall"]

# What `_pickle` has that does work; its exceptions and PickleBuffer are shared with the engine anyway.
ENGINE_NAMES = ("Pickler", "Unpickler", "dump", "dumps", "load", "loads")


class _State:
    """What is installed at the moment; guarded by `_lock`."""

    def __init__(self) -> None:
        self.swap: Swap | None = None
        self.own_users: set[str] = set()  # modules that had brinery's names before
        self.children = False
        self.blocks: list[installed] = []  # the blocks that the engine is there for


_lock = RLock()
_state = _State()


def _renew_lock() -> None:
    """Give a forked child a lock of its own: no thread is left in it that could release the old one."""
    global _lock
    _lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def install(*, children: bool = False) -> None:
    """Put the engine behind `pickle` and `_pickle` for the whole process.

    The functions and types of both modules become brinery's. So do the copies that other modules hold, be it
    by ``from pickle import dumps``, as a class attribute, as a default argument or in a closure, and the
    classes derived from the standard ``Pickler`` and ``Unpickler`` (such as multiprocessing's
    ``ForkingPickler``), which are replaced by equal classes on the engine. It does not matter whether a
    module is imported before or after. A second call does nothing more, from whichever thread it comes.

    In a module that imports brinery itself, only ``from pickle import dumps`` and the like change: what it
    keeps under other names, and its own classes, are its choice. References kept in instances, containers
    and running functions stay, too.

    Parameters
    ----------
    children : bool, default False
        Run the Python processes that this one starts from now on on the engine as well. Forked children are
        on it in any case; others find it through the environment variable ``PYTHONPATH``, and those of
        multiprocessing even if this process ignores the environment (``python -E`` or ``-I``). A child that
        is itself started with ``-E``, ``-I``, ``-S`` or a fresh environment, or by another version of
        Python, runs on its stock engine.

    See Also
    --------
    uninstall : Take the engine back.
    installed : The same for the length of a ``with`` block.

    Examples
    --------
    >>> import pickle
    >>> import brinery
    >>> brinery.install()
    >>> pickle.dumps is brinery.dumps
    True
    >>> brinery.uninstall()
    >>> pickle.dumps is brinery.dumps
    False
    """
    with _lock:
        _state.blocks.clear()
        if _state.swap is None:
            _put()
        if children and not _state.children:
            from ._children import enable

            enable()
            _state.children = True


def uninstall() -> None:
    """Give `pickle`, `_pickle` and everything else that `install` changed their own objects back.

    What was imported while the engine was installed goes to the stock engine too; only modules that import
    brinery themselves, or held names of it before, keep them. Without the engine installed this does nothing.

    See Also
    --------
    install : Put the engine behind `pickle`.

    Examples
    --------
    >>> import pickle
    >>> import brinery
    >>> stock = pickle.loads
    >>> brinery.install()
    >>> brinery.uninstall()
    >>> pickle.loads is stock
    True
    """
    with _lock:
        _state.blocks.clear()
        if _state.children:
            from ._children import disable

            disable()
            _state.children = False
        if _state.swap is not None:
            _take_back()


class installed:
    """A ``with`` block during which the engine is behind `pickle`, for all threads of the process.

    Blocks may be nested and may overlap in several threads: the engine goes when the last one ends, and stays
    if it was there before the first.

    See Also
    --------
    install : The same without an end.

    Examples
    --------
    >>> import pickle
    >>> import brinery
    >>> with brinery.installed():
    ...     pickle.loads is brinery.loads
    True
    >>> pickle.loads is brinery.loads
    False
    """

    def __enter__(self) -> None:
        with _lock:
            if _state.swap is None:
                _put()
                _state.blocks.append(self)
            elif _state.blocks:
                _state.blocks.append(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _lock:
            if self in _state.blocks:
                _state.blocks.remove(self)
                if not _state.blocks:
                    uninstall()


def _stock_modules() -> list[ModuleType]:
    """Return the modules whose names are to change: `_pickle`, and `pickle` where it is loaded.

    A later import of `pickle` takes its names from `_pickle`; without a `_pickle` it has to be loaded now.
    """
    try:
        import _pickle
    except ImportError:
        import pickle

        return [pickle]
    loaded = sys.modules.get("pickle")
    return [_pickle] if loaded is None else [_pickle, loaded]


def _put() -> None:
    from ._swap import Swap, brinery_users

    modules = _stock_modules()
    engine = {name: getattr(_brinery, name) for name in ENGINE_NAMES}
    _state.own_users = brinery_users(engine.values())
    swap = Swap((getattr(module, name), engine[name]) for module in modules for name in ENGINE_NAMES)
    try:
        _brinery._set_public_module("_pickle")
        for module in modules:
            for name in ENGINE_NAMES:
                swap.set_item(vars(module), name, engine[name])
        swap.spread(spared=_state.own_users, imports=True)
    except BaseException:  # Ctrl-C, say: all or nothing
        swap.undo()
        _brinery._set_public_module("brinery")
        raise
    _state.swap = swap


def _take_back() -> None:
    from ._swap import Swap, brinery_users

    swap, _state.swap = _state.swap, None
    assert swap is not None
    swap.undo()
    modules = _stock_modules()
    stock = [(getattr(_brinery, name), getattr(modules[0], name)) for name in ENGINE_NAMES]
    # What was imported in the meantime, pickle perhaps, has taken the engine's objects and derived
    # classes from them.
    back = Swap([*stock, *((new, old) for old, new in swap.classes)])
    for module in modules:
        back.replace_items(module)
    back.spread(spared=_state.own_users | brinery_users(), imports=False)
    _brinery._set_public_module("brinery")

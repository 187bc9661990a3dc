"""Swapping objects for others wherever the loaded modules refer to them, and swapping them back."""

from __future__ import annotations

import operator
import sys
from _weakrefset import WeakSet
from types import CellType, FunctionType, MemberDescriptorType, MethodType, ModuleType

TYPE_CHECKING = False  # without importing typing
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

# Set name by name, or not at all: these are the modules that the names come from.
_ORIGINS = {"pickle", "_pickle", "brinery"}

# Classes that swaps which were undone had put into the place of others: they stand for nothing any more.
_retired: WeakSet[type] = WeakSet()


def _namespaces() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the namespace of each loaded module but the origins.

    The namespace is read past `__getattribute__`, for a lazy module would load itself at that.
    """
    for name, module in list(sys.modules.items()):
        if _is_a(module, ModuleType) and name.partition(".")[0] not in _ORIGINS:
            yield name, object.__getattribute__(module, "__dict__")


def retire(classes: Iterable[type]) -> None:
    """Leave classes, which were put into the place of others for a while, without twins from now on."""
    _retired.update(classes)


def brinery_users(engine: Iterable[object] = ()) -> set[str]:
    """Return the names of the modules that have imported brinery, or hold one of the objects `engine`."""
    install = sys.modules["brinery._install"]
    ours = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == "brinery"]
    marks = {id(mark) for mark in (*ours, *engine, *(getattr(install, name) for name in install.__all__))}
    return {
        name
        for name, namespace in _namespaces()
        if any(id(value) in marks for value in list(namespace.values()))
    }


class Swap:
    """Replacement of objects by others, with a record of each place for the way back.

    Parameters
    ----------
    pairs : iterable of (object, object)
        Each old object with its new one. Types among them take their subclasses along.
    """

    def __init__(self, pairs: Iterable[tuple[Any, Any]]) -> None:
        # By identity; the old ones are kept alive, so that no other object gets their ids.
        self._pairs = {id(old): (old, new) for old, new in pairs if old is not new}
        self._new = {key: new for key, (_, new) in self._pairs.items()}
        self._log: list[tuple[Any, Any, Any, Any]] = []
        self._seen: set[int] = set()
        self.classes: list[tuple[type, type]] = []

    def set_item(self, namespace: dict[Any, Any], key: Any, new: Any) -> None:
        """Store `new` under `key` and note what was there."""
        self._set(namespace, key, namespace[key], new)

    def replace_items(self, module: ModuleType) -> None:
        """Replace the old objects that are items of one module."""
        for key, value in list(vars(module).items()):
            self._set(vars(module), key, value, self._replacement(value))

    def spread(self, spared: set[str], *, imports: bool) -> None:
        """Replace the old objects in every module but the `spared` ones, subclasses of old types included.

        With `imports`, what ``from module import name`` made is replaced in the spared ones as well.
        """
        for old, new in self._pairs.values():
            if isinstance(old, type) and isinstance(new, type):
                self._derive_subclasses(old, spared)
        for name, namespace in _namespaces():
            if name not in spared:
                self._visit_items(namespace, name, namespace, spared)
            elif imports:
                for old, new in self._pairs.values():
                    key = old.__name__
                    if namespace.get(key) is old:
                        self._set(namespace, key, old, new)

    def undo(self) -> None:
        """Put the old object back into each place that still holds the new one."""
        for owner, key, old, new in reversed(self._log):
            if _get(owner, key) is new:
                _put(owner, key, old)
        self._log.clear()
        _retired.update(twin for _, twin in self.classes)

    def _set(self, owner: Any, key: Any, old: Any, new: Any) -> None:
        if new is not old:
            _put(owner, key, new)
            self._log.append((owner, key, old, new))

    def _replacement(self, value: Any) -> Any:
        """Return what `value` is to be replaced by: itself, if by nothing."""
        new = self._new.get(id(value), value)
        if new is not value:
            return new
        if _is_a(value, staticmethod) and id(value.__func__) in self._new:
            return staticmethod(self._new[id(value.__func__)])
        if _is_a(value, MethodType) and id(value.__self__) in self._new:
            return getattr(self._new[id(value.__self__)], value.__name__, value)
        return value

    def _visit_items(self, items: Any, module: str, owner: Any, spared: set[str]) -> None:
        """Replace what a module or a class holds, and look into the functions and classes it defines."""
        for key, value in list(items.items()):
            new = self._replacement(value)
            if new is not value:
                self._set(owner, key, value, new)
                continue
            if _is_a(value, staticmethod, classmethod):
                value = value.__func__
            if id(value) in self._seen:
                continue
            if _is_a(value, FunctionType):
                if value.__module__ not in spared:
                    self._visit_function(value)
            elif _is_a(value, type) and value.__flags__ & _HEAP_TYPE and value.__module__ == module:
                self._seen.add(id(value))
                self._visit_items(vars(value), module, value, spared)

    def _visit_function(self, function: FunctionType) -> None:
        """Replace what a function holds as default arguments and in its closure."""
        self._seen.add(id(function))
        defaults = function.__defaults__
        if defaults and any(id(value) in self._new for value in defaults):
            new = tuple(self._replacement(value) for value in defaults)
            self._set(function, "__defaults__", defaults, new)
        for key, value in (function.__kwdefaults__ or {}).items():
            self._set(function.__kwdefaults__, key, value, self._replacement(value))
        for cell in function.__closure__ or ():
            content = _content(cell)
            self._set(cell, None, content, self._replacement(content))

    def _derive_subclasses(self, base: type, spared: set[str]) -> None:
        """Give each subclass of `base` a twin whose bases are the new ones."""
        found = {cls for cls in _descendants(base) if cls.__module__ not in spared}
        for cls in sorted(found, key=lambda cls: len(cls.__mro__)):  # bases first
            if id(cls) in self._new or not any(id(parent) in self._new for parent in cls.__bases__):
                continue
            try:
                twin = self._derive(cls)
            except Exception as error:
                import warnings

                warnings.warn(
                    f"brinery: {cls.__module__}.{cls.__qualname__} stays as it is, for it cannot be built "
                    f"again on another base: {type(error).__name__}: {error}",
                    RuntimeWarning,
                    stacklevel=2,
                )
                continue
            self._new[id(cls)] = twin
            self.classes.append((cls, twin))

    def _derive(self, cls: type) -> type:
        """Build `cls` again on the new bases, sharing everything but the references to the class itself."""
        own_cell = CellType()

        def remake(value: Any) -> Any:
            if _is_a(value, staticmethod, classmethod):
                inner = remake(value.__func__)
                return value if inner is value.__func__ else type(value)(inner)
            if _is_a(value, property):
                parts = (value.fget, value.fset, value.fdel)
                new_parts = tuple(map(remake, parts))
                return value if new_parts == parts else type(value)(*new_parts, value.__doc__)
            if _is_a(value, FunctionType):
                cells = value.__closure__ or ()
                new_cells = tuple(map(remake_cell, cells))
                return value if all(map(operator.is_, cells, new_cells)) else _with_closure(value, new_cells)
            return self._replacement(value)

        def remake_cell(cell: CellType) -> CellType:
            content = _content(cell)
            if content is cls:
                return own_cell
            new = self._replacement(content)
            return cell if new is content else CellType(new)

        namespace = {
            name: remake(value)
            for name, value in vars(cls).items()
            if name not in ("__dict__", "__weakref__") and not _is_a(value, MemberDescriptorType)
        }
        namespace["__qualname__"] = cls.__qualname__
        bases = tuple(self._new.get(id(base), base) for base in cls.__bases__)
        twin: type = type(cls)(cls.__name__, bases, namespace)
        own_cell.cell_contents = twin
        return twin


_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: the attributes of other types cannot be set
_EMPTY = object()


def _descendants(base: type) -> set[type]:
    found: set[type] = set(type.__subclasses__(base)).difference(_retired)
    return found.union(*map(_descendants, found))


def _is_a(value: object, *types: type) -> bool:
    """`isinstance` that runs no code of the value: a lazy proxy would build what it stands for."""
    return issubclass(type(value), types)


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return _EMPTY


def _with_closure(function: FunctionType, closure: tuple[CellType, ...]) -> FunctionType:
    """Return a copy of `function` with other cells."""
    copy = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, closure
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__qualname__ = function.__qualname__
    copy.__module__ = function.__module__
    copy.__doc__ = function.__doc__
    copy.__annotations__ = function.__annotations__
    copy.__dict__.update(function.__dict__)
    return copy


def _get(owner: Any, key: Any) -> Any:
    if isinstance(owner, dict):
        return owner.get(key, _EMPTY)
    if isinstance(owner, CellType):
        return _content(owner)
    if isinstance(owner, FunctionType):
        return getattr(owner, key)
    return vars(owner).get(key, _EMPTY)


def _put(owner: Any, key: Any, value: Any) -> None:
    if isinstance(owner, dict):
        owner[key] = value
    elif isinstance(owner, CellType):
        owner.cell_contents = value
    elif isinstance(owner, FunctionType):
        setattr(owner, key, value)
    else:
        type.__setattr__(owner, key, value)

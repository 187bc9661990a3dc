"""Loading by type: the classes that an annotation reaches, and whether a value is of it."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import re
import sys
import types
import typing
from typing import Any, Callable, Union

from . import _brinery
from .policy import Policy, _refusal, _remembered

__all__ = ["check", "compiled", "look", "policy_for"]

_PLAIN = (
    type(None),
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    bytearray,
    list,
    tuple,
    dict,
    set,
    frozenset,
    object,
)
_SEQUENCES: tuple[Any, ...] = (
    list,
    set,
    frozenset,
    collections.deque,
    collections.abc.Sequence,
    collections.abc.Iterable,
)
_SEQUENCES += (collections.abc.Collection, collections.abc.Set, collections.abc.MutableSequence)
_MAPPINGS = (
    dict,
    collections.OrderedDict,
    collections.defaultdict,
    collections.Counter,
    collections.abc.Mapping,
    collections.abc.MutableMapping,
)
#: What instances are made by, or may consist of, where the policies of brinery do not say so by name.
_ZONES = ["datetime:timezone", "zoneinfo:ZoneInfo", "zoneinfo:ZoneInfo._unpickle"]
_ALSO = {
    "datetime:datetime": _ZONES,
    "datetime:time": _ZONES,
    "zoneinfo:ZoneInfo": _ZONES,
    "re:Pattern": ["re:_compile"],
    "array:array": ["array:_array_reconstructor"],
}
_UNIONS = (Union, getattr(types, "UnionType", Union))


def policy_for(annotation: Any) -> Policy:
    """Return the policy that grants what values of a type need, and nothing else.

    Parameters
    ----------
    annotation : type or annotation
        A class, or ``list[int]``, ``Optional[Order]``, ...

    Returns
    -------
    Policy
        The policy.
    """
    shipped = _shipped()
    policy = Policy("data")
    needed: list[str] = []
    for cls in _reach(annotation):
        if cls in _PLAIN or cls.__module__ in ("collections.abc", "typing"):
            if cls in (bytes, bytearray, set, frozenset, complex):
                needed += [f"builtins:{cls.__name__}", "_codecs:encode"]
            continue
        key = f"{cls.__module__}:{cls.__qualname__}"
        if key in shipped or key in _ALSO:
            needed += [key, *_ALSO.get(key, ())]
            continue
        # Protocols below 4 ask the outer class for the inner one.
        outer, dot, inner = cls.__qualname__.rpartition(".")
        while dot and inner != "<locals>":
            policy |= Policy.allow(f"{cls.__module__}:{outer}", members=[inner])
            outer, dot, inner = outer.rpartition(".")
        if typing.Generic in cls.__mro__:
            # What an instance was made by, `Box[int]`, is noted in it.
            policy |= Policy.allow(key, value=True, members=["__class_getitem__"])
            needed += ["_operator:getitem", *(f"builtins:{plain.__name__}" for plain in _PLAIN)]
        if issubclass(cls, enum.Enum):
            policy |= Policy.allow(key, value=True, call=True, members=["*"])
        elif issubclass(cls, tuple):
            policy |= Policy.allow(key, construct="tuple")
        else:
            policy |= _instances(cls, key)
    needed += ["_codecs:encode", "builtins:set", "builtins:frozenset", "builtins:bytes", "builtins:bytearray"]
    done: set[str] = set()
    lines = ["policy = 1"]
    while needed:
        key = needed.pop()
        if key in done or key not in shipped:
            continue
        done.add(key)
        lines += [f'[globals."{key}"]', shipped[key]]
        needed += re.findall(r"(?<![\w.])=?([\w.]+:[\w.]+)", shipped[key])
    return policy | Policy.from_toml("\n".join(lines))


_texts: dict[str, str] = {}


def _shipped() -> dict[str, str]:
    """Return what the policies of brinery say of each global."""
    if not _texts:
        from .policy import _ALL

        parts = re.split(r'^\[globals\."(.*)"\]$', Policy(_ALL).to_toml(), flags=re.M)
        _texts.update(zip(parts[1::2], parts[2::2]))
    return _texts


def _instances(cls: type, key: str) -> Policy:
    """Return what instances of a class need that are made by `__new__` and given attributes."""
    hints = _hints(cls)
    hook = getattr(cls, "__setstate__", None)
    state = getattr(cls, "__getstate__", None)
    if hook is not None and (state is None or hook is not getattr(object, "__setstate__", None)):
        if isinstance(hook, types.FunctionType) and dataclasses.is_dataclass(cls):
            # Frozen dataclasses with slots are given the list of their values.
            return Policy.allow(key, construct="tuple[]", setstate="list | tuple | dict[str, any]")
        return Policy.allow(key, construct="tuple", setstate=True)
    return (
        Policy.allow(key, construct="tuple[]", fields=dict.fromkeys(hints, "any"))
        if hints
        else Policy.allow(key)
    )


def _hints(cls: type) -> dict[str, Any]:
    try:
        hints = typing.get_type_hints(cls)
    except Exception as error:
        raise TypeError(f"the annotations of {cls.__qualname__} cannot be read: {error}") from error
    return {name: hint for name, hint in hints.items() if typing.get_origin(hint) is not typing.ClassVar}


def _reach(annotation: Any) -> list[type]:
    """Return the classes that an annotation names, and those that their annotations name."""
    found: list[type] = []
    todo, seen = [annotation], set()
    while todo:
        hint = todo.pop()
        if hint is None:
            hint = type(None)
        if isinstance(hint, (str, typing.ForwardRef)):
            raise TypeError(f"the annotation {hint!r} names something that is not there")
        if isinstance(hint, typing.TypeVar):
            todo += [*hint.__constraints__, hint.__bound__ or object]
            continue
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if hint is Any or hint is Ellipsis or origin is typing.Literal:
            found += [type(value) for value in arguments if isinstance(value, enum.Enum)]
            continue
        if hasattr(hint, "__supertype__"):  # NewType
            todo.append(hint.__supertype__)
            continue
        if origin is not None:
            todo += (
                [argument for argument in arguments if not isinstance(argument, list)]
                if origin is not getattr(typing, "Annotated", None)
                else arguments[:1]
            )
            if hasattr(hint, "__metadata__"):
                todo.append(hint.__origin__)
            if isinstance(origin, type) and origin not in _UNIONS:
                todo.append(origin)
            continue
        if not isinstance(hint, type):
            raise TypeError(f"{hint!r} is no type that can be loaded")
        if hint in seen:
            continue
        seen.add(hint)
        found.append(hint)
        if (
            hint not in _PLAIN
            and hint.__module__ not in sys.builtin_module_names
            and not issubclass(hint, enum.Enum)
            and f"{hint.__module__}:{hint.__qualname__}" not in _shipped()
        ):
            todo += list(_hints(hint).values())
    return found


def check(value: Any, annotation: Any) -> None:
    """Make sure that a value is of a type, all the way down.

    Parameters
    ----------
    value : object
        The value.
    annotation : type or annotation
        Its type.

    Raises
    ------
    PolicyError
        If something in it is of another type; its `path` says where.
    """
    if not _brinery._type_fits(compiled(annotation), value):
        look(value, annotation)


def look(value: Any, annotation: Any) -> None:
    """Make sure that a value is of a type by all that there is to know about types."""
    todo: list[tuple[Any, Any, str]] = [(value, annotation, "obj")]
    seen: dict[
        tuple[int, str], Any
    ] = {}  # the items as well, so that no other gets the number of one of them
    while todo:
        item, hint, path = todo.pop()
        inner = _inside(item, hint, path)
        if inner is None:
            wanted = getattr(hint, "__qualname__", None) if isinstance(hint, type) else None
            text = f"{path} is of type {type(item).__qualname__}, and not {wanted or hint}"
            raise _refusal("type", text, None, None, path)
        if inner:
            known = (id(item), repr(hint))
            if known not in seen:
                seen[known] = item
                todo += inner


@_remembered
def compiled(annotation: Any) -> Any:
    """Return a type that says yes to most values that are of it, and fast."""
    nodes: list[tuple[Any, ...]] = []
    known: dict[Any, int] = {}

    def place(hint: Any) -> int:
        while hasattr(hint, "__metadata__") or hasattr(hint, "__supertype__"):
            hint = hint.__origin__ if hasattr(hint, "__metadata__") else hint.__supertype__
        try:
            if hint in known:
                return known[hint]
            known[hint] = len(nodes)
        except TypeError:
            pass
        index = len(nodes)
        nodes.append(())
        nodes[index] = _node(hint, place)
        return index

    place(annotation)
    return _brinery._type_compile(nodes)


def _node(hint: Any, place: Callable[[Any], int]) -> tuple[Any, ...]:
    """Return what `_inside` says of a hint to any value; `place` puts other hints beside it."""
    if hint is Any or hint is object:
        return ("any",)
    if hint is None:
        return ("plain", (type(None),))
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in _UNIONS:
        return ("union", tuple(place(argument) for argument in arguments))
    if origin is typing.Literal:
        return ("literal", arguments)
    if isinstance(hint, typing.TypeVar) or origin is type or hint is type:
        return ("unknown",)
    if origin is None:
        return _class_node(hint, place)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return ("items", place(arguments[0]))
        return ("tuple", tuple(place(argument) for argument in arguments if argument != ()))
    if origin in (dict, collections.abc.Mapping, collections.abc.MutableMapping):
        return ("dict", *map(place, arguments))
    if len(arguments) == 1 and origin in (list, collections.abc.MutableSequence):
        return ("list", place(arguments[0]))
    if len(arguments) == 1 and origin in (set, frozenset):
        return (origin.__name__, place(arguments[0]))
    if len(arguments) == 1 and origin in (
        collections.abc.Sequence,
        collections.abc.Iterable,
        collections.abc.Collection,
    ):
        return ("sequence", place(arguments[0]))
    return ("unknown",)


def _class_node(cls: Any, place: Callable[[Any], int]) -> tuple[Any, ...]:
    if cls in _PLAIN:
        return ("plain", (int, float) if cls is float else (cls,))
    if not isinstance(cls, type):
        return ("unknown",)
    if (
        cls.__module__ in sys.builtin_module_names
        or issubclass(cls, enum.Enum)
        or f"{cls.__module__}:{cls.__qualname__}" in _shipped()
    ):
        plain = type(cls).__instancecheck__ is type.__instancecheck__
        return ("class" if plain else "exact", cls)
    hints = _hints(cls)
    return ("fields", cls, tuple(hints), tuple(place(hint) for hint in hints.values()))


def _inside(item: Any, hint: Any, path: str) -> list[tuple[Any, Any, str]] | None:
    """Return what in an item is still to be checked; None if it is of another type."""
    if hint is Any or hint is object:
        return []
    if hint is None:
        return [] if item is None else None
    if hasattr(hint, "__metadata__"):
        return _inside(item, hint.__origin__, path)
    if hasattr(hint, "__supertype__"):
        return _inside(item, hint.__supertype__, path)
    if isinstance(hint, typing.TypeVar):
        return _inside(
            item, Union[hint.__constraints__] if hint.__constraints__ else hint.__bound__ or object, path
        )
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in _UNIONS:
        return _inside_union(item, arguments, path)
    if origin is typing.Literal:
        return [] if any(type(item) is type(value) and item == value for value in arguments) else None
    if origin is type or hint is type:
        return [] if isinstance(item, type) else None
    if origin is None:
        return _inside_class(item, hint, path)
    if origin is tuple:
        if not isinstance(item, tuple):
            return None
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return [(part, arguments[0], f"{path}[{index}]") for index, part in enumerate(item)]
        if arguments == ((),):
            arguments = ()
        if len(item) != len(arguments):
            return None
        return [(part, hint, f"{path}[{index}]") for index, (part, hint) in enumerate(zip(item, arguments))]
    if not isinstance(item, origin) or (isinstance(item, (str, bytes)) and origin not in (str, bytes)):
        return None
    if issubclass(origin, _MAPPINGS) and isinstance(item, collections.abc.Mapping):
        key, content = (*arguments, int)[:2] if origin is collections.Counter else arguments
        inner = [(name, key, f"{path}.keys()[{index}]") for index, name in enumerate(item)]
        return inner + [(part, content, f"{path}[{name!r:.40}]") for name, part in item.items()]
    if issubclass(origin, _SEQUENCES) and len(arguments) == 1:
        return [(part, arguments[0], f"{path}[{index}]") for index, part in enumerate(item)]
    return _inside_class(item, origin, path)


def _inside_union(item: Any, hints: Any, path: str) -> list[tuple[Any, Any, str]] | None:
    """Choose the alternative that a value is of: all the way down, where several could be."""
    fitting = [(hint, _inside(item, hint, path)) for hint in hints]
    fitting = [(hint, inner) for hint, inner in fitting if inner is not None]
    if not fitting:
        return None
    if len(fitting) == 1 or not fitting[0][1]:
        return fitting[0][1]
    from .policy import PolicyError

    for hint, _ in fitting[:-1]:
        try:
            check(item, hint)
        except PolicyError:
            continue
        return []
    return fitting[-1][1]


def _inside_class(item: Any, cls: type, path: str) -> list[tuple[Any, Any, str]] | None:
    kind = type(item)
    if cls in _PLAIN:
        # True is no int here: what is annotated as a number is to be one.
        wanted = (int, float) if cls is float else (cls,)
        return [] if kind in wanted or (issubclass(kind, cls) and kind is not bool) else None
    if not isinstance(item, cls):
        return None
    if (
        cls.__module__ in sys.builtin_module_names
        or isinstance(item, enum.Enum)
        or f"{cls.__module__}:{cls.__qualname__}" in _shipped()
    ):
        return []
    inner = []
    for name, hint in _hints(kind).items():
        try:
            part = getattr(item, name)
        except AttributeError:
            raise _refusal("type", f"{path} has no attribute {name!r}", None, None, path) from None
        inner.append((part, hint, f"{path}.{name}"))
    return inner

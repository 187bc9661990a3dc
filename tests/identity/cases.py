"""The hand-written objects. Each case makes its object anew: an object dumped before is not the same to an engine."""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import fractions
import functools
import io
import ipaddress
import itertools
import operator
import os
import pathlib
import pickle
import random
import re
import string
import sys
import types
import uuid
from typing import Any, Callable

from tests.identity import classes as c

Case = Callable[[], Any]
CASES: dict[str, Case] = {}
#: Too big for every way and every protocol: a few ways are enough.
LARGE: set[str] = set()


def case(name: str, make: Case, *, large: bool = False) -> None:
    """Add a case."""
    assert name not in CASES, name
    CASES[name] = make
    if large:
        LARGE.add(name)


def value(name: str, obj: Any) -> None:
    """Add a case whose object is never changed by a dump."""
    case(name, lambda: obj)


# Atoms

for _name in ("None", "True", "False", "Ellipsis", "NotImplemented"):
    value(_name, eval(_name))
value("types of the singletons", [type(None), type(...), type(NotImplemented)])

_integers = {0, 1, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 10**30}
_integers |= {2**bits + offset for bits in range(0, 72) for offset in (-1, 0, 1)}
_integers |= {2 ** (8 * size) + offset for size in (16, 100, 126, 127, 128, 129) for offset in (-1, 0, 1)}
_integers |= {2 ** (8 * size - 1) + offset for size in (9, 127, 254, 255, 256) for offset in (-1, 0, 1)}
for _integer in sorted(_integers):
    _label = hex(_integer) if _integer < 2**80 else f"2**{_integer.bit_length()}, {hex(_integer)[-2:]}"
    value(f"integer {_label}", [_integer, -_integer])
value("integer of 10,000 digits", 3**20000)

value("floats", [0.0, -0.0, 1.0, 0.1, 1e308, 5e-324, 1e16, 1e-5, 123456789.123, 1e22, -2.5, 1 / 3])
value("float extremes", [float("inf"), float("-inf"), float("nan"), sys.float_info.max, sys.float_info.min])
value("complex", [1 + 2j, -0.0 + 0j, complex("nan+infj")])

_texts = {
    "empty": "",
    "one letter": "a",
    "one Latin-1 letter": "é",
    "ASCII": string.printable,
    "control characters": "".join(map(chr, range(33))) + "\x7f\x80\x85\xa0",
    "line ends": "a\nb\r\nc\\n\x1a\x00d",
    "backslashes": r"\u0041 \N{DASH} \\",
    "Latin-1": "".join(map(chr, range(160, 256))),
    "two bytes": "čšž漢字\u2028\u2029\ufeff\uffff",
    "four bytes": "😀\U0001f40d\U0010ffff",
    "lone surrogates": "\ud800 \udfff\udc00a",
    "reversed pair": "\udc00\ud800",
}
for _name, _text in _texts.items():
    value(f"text: {_name}", _text)
    value(f"text in a pair: {_name}", (_text, _text + "!"))
for _size in (1, 254, 255, 256, 257, 65534, 65535, 65536, 65537):
    case(f"text of {_size}", lambda n=_size: "x" * n)
    case(f"wide text of {_size}", lambda n=_size: "é" * n)
    case(f"bytes of {_size}", lambda n=_size: b"\x80" * n)
    case(f"bytearray of {_size}", lambda n=_size: bytearray(b"\x01" * n))
value("bytes", [b"", b"a", bytes(range(256)), b"\n\r\\\x1a"])
case("bytearrays", lambda: [bytearray(), bytearray(b"a"), bytearray(range(256))])
case("bytes shared", lambda: [b := bytes(range(9)), b, (b, b)])
case("bytearray shared", lambda: [b := bytearray(range(9)), b])
case("empty bytes shared", lambda: [b"", b"", bytearray(), bytearray()])
case("equal texts, not the same", lambda: ["".join(["sh", "ared"]), "".join(["sh", "ared"])])
case("texts shared", lambda: [s := "".join(["sh", "ared"]), s, {s: s}])

# Containers and their batches

for _size in (0, 1, 2, 3, 4, 998, 999, 1000, 1001, 1002, 1999, 2000, 2001, 3000):
    case(f"list of {_size}", lambda n=_size: list(range(n)))
    case(f"tuple of {_size}", lambda n=_size: tuple(range(n)))
    case(f"dict of {_size}", lambda n=_size: dict.fromkeys(range(n)))
    case(f"set of {_size}", lambda n=_size: set(range(n)))
    case(f"frozenset of {_size}", lambda n=_size: frozenset(range(n)))
    case(f"list subclass of {_size}", lambda n=_size: c.MyList(range(n)))
    case(f"dict subclass of {_size}", lambda n=_size: c.MyDict((k, k) for k in range(n)))
    case(f"ordered dict of {_size}", lambda n=_size: collections.OrderedDict((k, k) for k in range(n)))
    case(f"deque of {_size}", lambda n=_size: collections.deque(range(n)))
    case(f"list of lists of {_size}", lambda n=_size: [[] for _ in range(n)])
case("empty containers", lambda: [[], (), {}, set(), frozenset(), [], ()])
case("nested", lambda: {"a": [1, (2, {"b": {3, 4}}), frozenset({5})], "c": [[[[]]]]})
case("shared list", lambda: [x := [1], x, (x, x), {"k": x}])
case("shared tuple", lambda: [x := (1, [2]), x, [x]])
case("shared dict", lambda: [x := {"a": 1}, x, {"b": x}])
case("shared set", lambda: [x := {1}, x, f := frozenset({2}), f])
case("list holding itself twice", lambda: (x := []).append(x) or x.append(x) or x)
case("tuple sizes", lambda: [tuple(range(n)) for n in range(6)] + [([],) * n for n in range(6)])
case(
    "dict keys of every kind",
    lambda: {1: 1, "a": 2, b"b": 3, (1, "t"): 4, None: 5, 2.5: 6, frozenset({1}): 7},
)
case(
    "records",
    lambda: [{"id": n, "name": f"name{n}", "tags": ["a", "b"], "ok": n % 2 == 0} for n in range(300)],
)
case("memo past 255", lambda: (x := [f"s{n}" for n in range(300)]) + x)
case("memo past 65535", lambda: (x := [[n] for n in range(66000)]) + x[::500], large=True)
case("200,000 small integers", lambda: list(range(250)) * 800, large=True)

# Frames

for _size in (65500, 65520, 65521, 65522, 65523, 65524, 65525, 65526, 65530, 65535, 65536, 65540):
    case(f"frame edge: bytes of {_size} between", lambda n=_size: [1, b"y" * n, "after", [2]])
    case(f"frame edge: text of {_size} between", lambda n=_size: ["before", "z" * n, 3.5])
    case(f"frame edge: bytearray of {_size} between", lambda n=_size: [1, bytearray(n), 2])
for _size in range(65504, 65548, 4):
    case(
        f"frame edge: {_size} bytes of small ones",
        lambda n=_size: [b"q" * 100] * 3 + [b"w" * 200 for _ in range(n // 206)] + [b"e" * (n % 206)],
    )
case("frames: many", lambda: [f"number {n:06}" for n in range(20000)], large=True)
case("frames: large between small", lambda: [x for n in range(5) for x in (n, "k" * 70000, [n])], large=True)
case("frames: 1 MiB", lambda: {"data": bytes(1 << 20), "more": "x" * (1 << 20), "end": [1]}, large=True)

# Recursion


def recursive(kind: str) -> Any:
    """Return an object of a kind that holds itself."""
    if kind == "list":
        obj: Any = []
        obj.append(obj)
    elif kind == "dict":
        obj = {}
        obj["self"] = obj
    elif kind == "tuple":
        obj = ([],)
        obj[0].append(obj)
    elif kind == "tuple of three":
        obj = (1, [], 2)
        obj[1].append(obj)
    elif kind == "tuple of four":
        obj = (1, [], 2, {})
        obj[3]["t"] = obj
        obj[1].append(obj)
    elif kind == "list in tuple":
        obj = [([],)]
        obj[0][0].append(obj[0])
    elif kind == "instance":
        obj = c.Plain()
        obj.me = obj
    elif kind == "instance and list":
        obj = c.Node()
        obj.links.append(c.Node(obj))
    elif kind == "set":
        obj = c.Plain()
        obj.peers = {obj}
    elif kind == "frozenset":
        obj = c.Plain()
        obj.peers = frozenset({obj})
    elif kind == "set itself":
        inner = c.Plain()
        obj = {inner}
        inner.owner = obj
    elif kind == "frozenset itself":
        inner = c.Plain()
        obj = frozenset({inner})
        inner.owner = obj
    elif kind == "dict key":
        inner = c.Plain()
        obj = {inner: 1}
        inner.owner = obj
    elif kind == "slots":
        obj = c.Slots()
        obj.a = obj
    elif kind == "dict that is the state":
        obj = c.Plain()
        obj.state = obj.__dict__
    elif kind == "tuple subclass":
        obj = c.MyTuple(([], 1))
        obj[0].append(obj)
    elif kind == "list subclass":
        obj = c.MyList()
        obj.append(obj)
        obj.name = obj
    elif kind == "dict subclass":
        obj = c.MyDict()
        obj["self"] = obj
        obj.name = obj
    elif kind == "copies in one another":
        # Below protocol 2 each is made from a copy of what it holds: the one that holds the other is made first.
        obj = c.MyDict()
        obj["inside"] = [c.MyList([obj, 1])]
        obj["more"] = 2
    elif kind == "set subclass":
        obj = c.MySet()
        obj.name = obj
    elif kind == "reduction":
        obj = c.Reduced()
        obj.reduction = (c.Collector, (), {"me": obj})
    elif kind == "reduction's arguments":
        inner = []
        obj = c.Reduced((c.Collector, (inner,)))
        inner.append(obj)
    elif kind == "reduction's items":
        inner = []
        obj = c.Reduced((c.Collector, (), None, iter([inner])))
        inner.append(obj)
    elif kind == "named tuple":
        inner = []
        obj = c.Pair(inner, 1)
        inner.append(obj)
    elif kind == "deque":
        obj = collections.deque()
        obj.append(obj)
    else:
        obj = collections.OrderedDict()
        obj["self"] = obj
    return obj


RECURSIVE = (
    "list, dict, tuple, tuple of three, tuple of four, list in tuple, instance, instance and list, set, frozenset, "
    "set itself, frozenset itself, dict key, slots, dict that is the state, tuple subclass, list subclass, "
    "dict subclass, copies in one another, set subclass, reduction, reduction's arguments, reduction's items, named tuple, deque, "
    "ordered dict"
).split(", ")
for _name in RECURSIVE:
    case(f"recursive {_name}", lambda kind=_name: recursive(kind))
    case(f"recursive {_name}, in a list", lambda kind=_name: [recursive(kind), 1])


def nest(depth: int, wrap: Callable[[Any], Any], inner: Any = None) -> Any:
    """Wrap an object again and again."""
    for _ in range(depth):
        inner = wrap(inner)
    return inner


for _depth in (2, 10, 60, 100):
    case(f"lists {_depth} deep", lambda n=_depth: nest(n, lambda x: [x]))
    case(f"tuples {_depth} deep", lambda n=_depth: nest(n, lambda x: (x,)))
    case(f"dicts {_depth} deep", lambda n=_depth: nest(n, lambda x: {"k": x}))
    case(f"instances {_depth} deep", lambda n=_depth: nest(n, lambda x: c.Plain(x=x)))
    case(f"sets {_depth} deep", lambda n=_depth: nest(n, lambda x: frozenset([x])))

# Instances

case("plain instance", lambda: c.Plain(a=1, b="two"))
case("empty instance", lambda: c.Plain())
case("equal instances", lambda: [c.Plain(name=f"n{n}", index=n, parent=None) for n in range(50)])
case("shared instance", lambda: [x := c.Plain(a=1), x, c.Plain(other=x)])
case("subclass instance", lambda: c.Child(a=[1]))
case("instance with a dict looked at", lambda: (x := c.Plain(a=1, b=2)).__dict__ and x)
case("instance and its own dict", lambda: [x := c.Plain(a=1), x.__dict__])
case("its own dict before the instance", lambda: [(x := c.Plain(a=1)).__dict__, x])
case(
    "attributes deleted and added",
    lambda: ((x := c.Plain(a=1, b=2)) and x.__dict__.pop("a") and setattr(x, "z", 3)) or x,
)
case("attribute names that are no identifiers", lambda: c.Plain(**{"a b": 1, "": 2, "é": 3, "x\n": 4}))
case("attribute names shared with values", lambda: c.Plain(name="name", other="name"))


def _with_attributes(cls: type, attributes: dict) -> Any:
    obj = cls()
    obj.__dict__.update(attributes)
    return obj


case("attribute names of a str subclass", lambda: _with_attributes(c.Plain, {c.MyStr("key"): 1}))
case("attribute names that are integers", lambda: _with_attributes(c.Plain, {1: 2, "a": 3}))
case("slots", lambda: c.Slots())
case("slots and dict", lambda: ((x := c.SlotsAndDict()) and setattr(x, "extra", [1])) or x)
case("mangled slots", lambda: c.MangledSlots())
case("dataclass", lambda: [c.Data(), c.Data("other", 2.0, ["x"])])
case("frozen dataclass", lambda: c.Frozen(3, 4))
case("frozen dataclass with slots", lambda: c.FrozenSlots(5, 6))
case("named tuples", lambda: [c.Point(1), c.Pair([1], "x"), c.Point(2, 3)])
value(
    "enum members",
    [c.Colour.RED, c.Colour.GREEN, c.Number.TWO, c.Option.A, c.Option.A | c.Option.B, c.Bits.R | c.Bits.W],
)
case("enum members in instances", lambda: c.Plain(colour=c.Colour.RED, again=c.Colour.RED))
for _state in (
    None,
    {},
    {"a": 1},
    [],
    [1],
    (),
    (1,),
    0,
    1,
    "",
    "s",
    False,
    ({"a": 1}, {"b": 2}),
    (None, {"b": 2}),
):
    case(f"__getstate__ gives {_state!r}", lambda s=_state: c.GetState(s))
    case(f"__getstate__ gives {_state!r}, default way back", lambda s=_state: c.GetStateOnly(s))
case("__getstate__ gives a changed dict", lambda: c.DictState(a=1))
case("__getstate__ gives the dict itself", lambda: [x := c.LiveDictState(a=1), x.__dict__])
case("__getstate__ gives fresh objects", lambda: [c.FreshState(n) for n in range(20)])
case("__getnewargs__", lambda: [c.NewArgs(), c.NewArgs(1, [2])])
case("__getnewargs_ex__", lambda: [c.NewArgsEx(), c.NewArgsEx(1, b=[2])])
case("__getnewargs_ex__ without keywords", lambda: c.NewArgsEx(1, 2))
case("an int subclass with __getnewargs__", lambda: c.IntWithNewArgs(5, "m"))
case("a metaclass", lambda: [c.WithMeta(), c.WithMeta, c.MetaLevel])
case("a metaclass that reduces", lambda: c.ByMeta)
case("__getattr__ for everything", lambda: c.Delegating())
case(
    "hook in the instance: __reduce_ex__",
    lambda: c.Shadowed(__reduce_ex__=lambda protocol: (c.Collector, ("shadow",))),
)
case("hook in the instance: __reduce__", lambda: c.Shadowed(__reduce__=lambda: (c.Collector, ("shadow",))))
case("hook in the instance: __getstate__", lambda: c.Shadowed(__getstate__=lambda: {"shadow": 1}))
case("hook in the instance: __class__ name", lambda: c.Shadowed(__class_name__="x", __dict__x=1))


def _subclasses() -> list:
    made = []
    for cls, content in c.BUILTIN_SUBCLASSES.items():
        made += [cls(content), _attributed(cls(content))]
    return made


def _attributed(obj: Any) -> Any:
    obj.label = "attribute"
    obj.more = [1]
    return obj


for _cls, _content in c.BUILTIN_SUBCLASSES.items():
    case(f"{_cls.__name__}", lambda cls=_cls, content=_content: cls(content))
    case(f"{_cls.__name__} with attributes", lambda cls=_cls, content=_content: _attributed(cls(content)))
    case(f"{_cls.__name__} shared", lambda cls=_cls, content=_content: [x := cls(content), x])
    case(f"{_cls.__name__} empty", lambda cls=_cls: cls())
case("every subclass of a builtin", _subclasses)
case("a list subclass with slots", lambda: ((x := c.SlotList([1])) and setattr(x, "label", "l")) or x)
case("a defaultdict subclass", lambda: c.MyDefaultDict(list, {"a": [1]}))

# Reductions

_L, _D = [1], {"a": 1}
REDUCTIONS: dict[str, Case] = {
    "string": lambda: "SINGLETON",
    "unknown string": lambda: "NO_SUCH_NAME",
    "two": lambda: (c.Collector, (1, [2])),
    "two, empty": lambda: (c.Collector, ()),
    "three": lambda: (c.Collector, (), {"s": 1}),
    "three, None": lambda: (c.Collector, (), None),
    "three, list": lambda: (c.Collector, (), [1]),
    "four": lambda: (c.Collector, (), None, iter(range(5))),
    "four, 1000": lambda: (c.Collector, (), None, iter(range(1000))),
    "four, 1001": lambda: (c.Collector, (), None, iter(range(1001))),
    "four, one": lambda: (c.Collector, (), None, iter([7])),
    "four, none": lambda: (c.Collector, (), None, iter(())),
    "five": lambda: (c.Collector, (), None, None, iter([("k", 1), ("l", 2)])),
    "five, one": lambda: (c.Collector, (), None, None, iter([("k", 1)])),
    "five, none": lambda: (c.Collector, (), None, None, iter(())),
    "five, 1000": lambda: (c.Collector, (), None, None, iter([(n, n) for n in range(1000)])),
    "five, 1001": lambda: (c.Collector, (), None, None, iter([(n, n) for n in range(1001)])),
    "five, not pairs": lambda: (c.Collector, (), None, None, iter([(1, 2, 3)])),
    "five, all": lambda: (c.Collector, (1,), {"s": 1}, iter([1, 2]), iter([("k", 1)])),
    "six": lambda: (c.Collector, (), {"s": 1}, None, None, c.set_state),
    "six, all": lambda: (c.Collector, (1,), [2], iter([3]), iter([(4, 5)]), c.set_state),
    "six, None": lambda: (c.Collector, (), {"s": 1}, None, None, None),
    "one": lambda: (c.Collector,),
    "seven": lambda: (c.Collector, (), None, None, None, None, None),
    "none": lambda: (),
    "a list": lambda: [c.Collector, ()],
    "None": lambda: None,
    "not callable": lambda: (1, ()),
    "arguments no tuple": lambda: (c.Collector, [1]),
    "items no iterator": lambda: (c.Collector, (), None, [1]),
    "pairs no iterator": lambda: (c.Collector, (), None, None, {}),
    "setter not callable": lambda: (c.Collector, (), 1, None, None, 1),
    "a function": lambda: (c.plain_function, ()),
    "a builtin": lambda: (list, ("abc",)),
    "a method": lambda: (c.Plain.made, ()),
    "a partial": lambda: (functools.partial(c.Collector, 1), (2,)),
    "__newobj__": lambda: (_newobj(), (c.Reduced, 1)),
    "__newobj__ without arguments": lambda: (_newobj(), ()),
    "__newobj__ of no class": lambda: (_newobj(), (1,)),
    "__newobj__ of another class": lambda: (_newobj(), (c.Plain,)),
    "__newobj_ex__": lambda: (_newobj_ex(), (c.Reduced, (), {"reduction": 2})),
    "__newobj_ex__ without keywords": lambda: (_newobj_ex(), (c.Reduced, (), {})),
    "__newobj_ex__ of another class": lambda: (_newobj_ex(), (c.Plain, (), {})),
    "__newobj_ex__, arguments no tuple": lambda: (_newobj_ex(), (c.Reduced, [], {})),
    "__newobj_ex__, keywords no dict": lambda: (_newobj_ex(), (c.Reduced, (), [])),
    "__newobj_ex__ of two": lambda: (_newobj_ex(), (c.Reduced, ())),
}


def _newobj() -> Any:
    import copyreg

    return copyreg.__newobj__


def _newobj_ex() -> Any:
    import copyreg

    return copyreg.__newobj_ex__


for _name, _reduction in REDUCTIONS.items():
    case(f"reduction: {_name}", lambda r=_reduction: c.Reduced(r()))
    case(f"reduction: {_name}, shared", lambda r=_reduction: [x := c.Reduced(r()), x, "after"])
case("the singleton of a reduction", lambda: [c.SINGLETON, c.SINGLETON])
case("__reduce_ex__", lambda: c.ReducedEx())
case("temporaries", lambda: [c.Temporaries() for _ in range(50)])
case("copyreg", lambda: [c.Registered(), c.Registered([c.Registered(1)])])
case("by table only", lambda: [c.ByTable(1), c.ByTable([2])])
for _cls in c.EXTENSION_CODES:
    case(f"{_cls.__name__}", lambda cls=_cls: [cls, cls(), cls()])
case("an error in a reduction", lambda: {"a": [1, c.Unpicklable()]})

# Names

value(
    "builtins",
    [len, print, int, object, type, Exception, list.append, "".join.__class__, range, map, zip, filter],
)
value(
    "functions and classes",
    [c.plain_function, c.Plain, c.Data, c.Colour, os.path.join, collections.OrderedDict],
)
value("nested classes", [c.Plain.Nested, c.Plain.Nested.Deeper])
case("instance of a nested class", lambda: c.Plain.Nested.Deeper())
value("functions in classes", [c.Plain.method, c.Plain.fixed, c.Plain.Nested.Deeper.method])
case("bound methods", lambda: [c.Plain(a=1).method, c.Plain.made, [].append, "x".join, {}.get])
value("methods of builtins", [str.upper, dict.fromkeys, int.from_bytes, bytes.fromhex, object.__new__])
value(
    "names that Python 2 had elsewhere",
    [
        range,
        map,
        zip,
        filter,
        input,
        ascii,
        io.BytesIO,
        collections.UserDict,
        functools.reduce,
        os.getcwd,
        sys.intern,
        itertools.filterfalse,
        itertools.zip_longest,
    ],
)
for _name in (
    "OSError",
    "IOError",
    "ConnectionResetError",
    "ImportError",
    "ModuleNotFoundError",
    "RecursionError",
):
    value(f"exception class {_name}", getattr(__import__("builtins"), _name))
case("a lambda", lambda: [1, lambda: 2])
case("a local class", lambda: type("Local", (), {})())
case("a generator", lambda: (n for n in ()))
case("a module", lambda: {"m": os})
case("a mapping proxy", lambda: types.MappingProxyType({}))
case("a memory view", lambda: memoryview(b"abc"))
case("dict views", lambda: {1: 2}.keys())
case("a code object", lambda: c.plain_function.__code__)
case("a frame", lambda: sys._getframe())
case("a weak reference", lambda: __import__("weakref").ref(c.Plain))
case("a property", lambda: property())
case("an open file", lambda: open(os.devnull))
case("a lock", lambda: __import__("threading").Lock())

# The standard library

_utc = datetime.timezone.utc
_zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30), "IST")
STANDARD: dict[str, Case] = {
    "dates": lambda: [datetime.date(2024, 2, 29), datetime.date.min, datetime.date.max],
    "datetimes": lambda: [datetime.datetime(2024, 1, 2, 3, 4, 5, 6), datetime.datetime(2024, 1, 2, fold=1)],
    "aware datetimes": lambda: (
        [datetime.datetime(2024, 1, 2, tzinfo=_utc), datetime.datetime(2, 1, 1, tzinfo=_zone)] * 2
    ),
    "times": lambda: [datetime.time(), datetime.time(1, 2, 3, 4, tzinfo=_utc), datetime.time(5, fold=1)],
    "deltas": lambda: [datetime.timedelta(), datetime.timedelta(-1, 5, 7), datetime.timedelta.max],
    "zones": lambda: [_utc, _zone, datetime.timezone(datetime.timedelta(seconds=-61))],
    "decimals": lambda: [
        decimal.Decimal(x) for x in ("0", "-0", "1.10", "NaN", "sNaN", "-Infinity", "1E+99")
    ],
    "decimal context": lambda: decimal.Context(prec=7),
    "fractions": lambda: [fractions.Fraction(1, 3), fractions.Fraction(-7)],
    "UUIDs": lambda: [uuid.UUID(int=5), uuid.UUID("12345678123456781234567812345678")],
    "paths": lambda: [pathlib.PurePosixPath("/a/b.c"), pathlib.PureWindowsPath("c:/x"), pathlib.Path("a/b")],
    "ordered dicts": lambda: [collections.OrderedDict(), collections.OrderedDict(b=1, a=2)],
    "default dicts": lambda: [
        collections.defaultdict(list, {"a": [1]}),
        collections.defaultdict(None),
        collections.defaultdict(int),
    ],
    "counters": lambda: [collections.Counter("abracadabra"), collections.Counter()],
    "deques": lambda: [
        collections.deque([1, [2]], maxlen=5),
        collections.deque(),
        collections.deque(maxlen=0),
    ],
    "chain map": lambda: collections.ChainMap({"a": 1}, {"b": 2}),
    "user types": lambda: [collections.UserDict(a=1), collections.UserList([1]), collections.UserString("s")],
    "ranges and slices": lambda: [range(5), range(1, 10**20, 3), slice(1, None, 2)],
    "iterators": lambda: [
        iter([1, 2]),
        iter((1,)),
        iter("ab"),
        iter({1: 2}),
        iter(range(3)),
        reversed([1, 2]),
    ],
    "namespace": lambda: types.SimpleNamespace(a=1, b=[2]),
    "partials": lambda: [functools.partial(int, base=2), functools.partial(c.plain_function)],
    "operators": lambda: [
        operator.itemgetter(1, "a"),
        operator.attrgetter("a.b"),
        operator.methodcaller("f", 1, k=2),
    ],
    "patterns": lambda: [re.compile("a+b"), re.compile(b"x", re.I)],
    "arrays": lambda: [array.array("i", [1, 2]), array.array("d", [1.5]), array.array("b")],
    "in-memory files": lambda: [io.StringIO("text\n"), io.BytesIO(b"bytes")],
    "addresses": lambda: [ipaddress.ip_address("10.0.0.1"), ipaddress.ip_network("fe80::/10")],
    "random": lambda: random.Random(5),
    "exceptions": lambda: [
        ValueError("x", 1),
        KeyError(),
        OSError(2, "no", "f"),
        UnicodeDecodeError("a", b"b", 0, 1, "r"),
    ],
    "exception with attributes": lambda: _attributed(ValueError("x")),
    "os results": lambda: os.stat_result(range(10)),
    "struct_time": lambda: __import__("time").gmtime(0),
    "bound builtins": lambda: [[].append, {1: 2}.get, "a".join],
    "string formatter": lambda: [string.Template("$a"), string.Formatter()],
    "counters of itertools": lambda: [itertools.count(5)],
    "pickle's own": lambda: [pickle.PicklingError("x"), pickle.UnpicklingError, pickle.PickleBuffer],
    "generic aliases": lambda: [list[int], dict[str, list[int]]],
}
for _name, _make in STANDARD.items():
    case(f"standard: {_name}", _make)

# Buffers

case("buffers", lambda: [pickle.PickleBuffer(b"read-only"), pickle.PickleBuffer(bytearray(b"writable"))])
case("a buffer shared", lambda: [x := pickle.PickleBuffer(bytearray(b"one")), x])
case(
    "buffers of one object", lambda: [pickle.PickleBuffer(x := bytearray(b"one")), pickle.PickleBuffer(x), x]
)
case("an empty buffer", lambda: pickle.PickleBuffer(b""))
case("a buffer that is not contiguous", lambda: pickle.PickleBuffer(memoryview(bytearray(9))[::2]))
case("a buffer of numbers", lambda: pickle.PickleBuffer(array.array("i", [1, 2, 3])))
case("a large buffer", lambda: [pickle.PickleBuffer(bytearray(70000)), 1, pickle.PickleBuffer(b"r" * 70000)])

# Changed while they are dumped


def changing(kind: str) -> Any:
    """Return a container that a reduction inside it changes."""
    if kind == "list grows":
        obj: Any = []
        obj += [1, c.Changing(obj, lambda x: x.append(9) if len(x) < 6 else None), 3]
    elif kind == "list shrinks":
        obj = []
        obj += [1, c.Changing(obj, lambda x: x.clear()), 3, 4]
    elif kind == "list replaced":
        obj = []
        obj += [c.Changing(obj, lambda x: x.__setitem__(1, "new")), "old" * 2, "end"]
    elif kind == "dict grows":
        obj = {}
        obj.update(a=1, b=c.Changing(obj, lambda x: x.__setitem__("c", 2)), d=3)
    elif kind == "dict's value replaced":
        obj = {}
        obj.update(a=c.Changing(obj, lambda x: x.__setitem__("b", "new")), b="old" * 2)
    elif kind == "dict shrinks":
        obj = {}
        obj.update(a=1, b=c.Changing(obj, lambda x: x.pop("a", None)), d=3)
    elif kind == "set grows":
        obj = set()
        obj.add(c.Changing(obj, lambda x: x.add(5)))
    elif kind == "instance gains":
        obj = c.Plain()
        obj.a, obj.b = c.Changing(obj, lambda x: setattr(x, "z", 1)), 2
    else:
        obj = c.Plain()
        obj.a, obj.b = c.Changing(obj, lambda x: setattr(x, "b", "new")), "old" * 2
    return obj


CHANGING = (
    "list grows, list shrinks, list replaced, dict grows, dict's value replaced, dict shrinks, set grows, "
    "instance gains, instance's attribute replaced"
).split(", ")
for _name in CHANGING:
    case(f"changed while dumped: {_name}", lambda kind=_name: changing(kind))

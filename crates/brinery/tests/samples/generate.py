"""Write the samples that the tests read: objects pickled by CPython, in every protocol.

Run ``python3 generate.py`` in this folder. There is one file a protocol; each line has a name and a pickle in
hexadecimal. The samples in the repository were written by CPython 3.11.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import io
import pathlib
import pickle
import sys
import types
import uuid
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

# Pickles name the classes below by this module.
models = sys.modules["models"] = sys.modules[__name__]


@dataclasses.dataclass
class Person:
    """A dataclass."""

    name: str
    born: int
    tags: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Frozen:
    """A frozen dataclass."""

    x: float
    y: float


@dataclasses.dataclass
class Slots:
    """A dataclass with slots, whose state is a pair from protocol 2 on."""

    __slots__ = ("x", "y")
    x: int
    y: int

    def __reduce_ex__(self, protocol: int) -> Any:
        """Write slots below protocol 2 as well."""
        return super().__reduce_ex__(max(protocol, 2))


class Base:
    """A class with slots."""

    __slots__ = ("slot",)


class Mixed(Base):
    """A class with a slot and a dict."""

    def __init__(self) -> None:
        self.slot = 1
        self.attribute = "two"

    def __reduce_ex__(self, protocol: int) -> Any:
        """Write slots below protocol 2 as well."""
        return super().__reduce_ex__(max(protocol, 2))


class Point(NamedTuple):
    """A namedtuple."""

    x: int
    y: int


class Color(enum.Enum):
    """An enum by name and by number."""

    RED = "red"
    GREEN = 2


class Access(enum.Flag):
    """A flag."""

    READ = 1
    WRITE = 2


class Config(dict):
    """A dict with an attribute."""


class Stack(list):
    """A list with an attribute."""


class Label(str):
    """A str."""


class Money:
    """A class made with keyword arguments."""

    def __new__(cls, *, amount: int, currency: str) -> Money:
        """Make one."""
        return super().__new__(cls)

    def __init__(self, *, amount: int, currency: str) -> None:
        self.amount = amount
        self.currency = currency

    def __getnewargs_ex__(self) -> Any:
        """Tell what to make one of."""
        return (), {"amount": self.amount, "currency": self.currency}

    def __getstate__(self) -> None:
        """Have no state beyond the arguments."""


class Sealed:
    """An object that a function gives its state."""

    def __init__(self, content: Any) -> None:
        self.content = content

    def __reduce__(self) -> Any:
        """Tell the function too."""
        return Sealed, (None,), {"content": self.content}, None, None, unseal


def unseal(sealed: Sealed, state: dict) -> None:
    """Give it its state."""
    vars(sealed).update(state)


class Node:
    """A node of a tree whose children know their parent."""

    def __init__(self, name: str, parent: Node | None = None) -> None:
        self.name = name
        self.parent = parent
        self.children: list[Node] = []
        if parent is not None:
            parent.children.append(self)


for _class in list(vars().values()):
    if isinstance(_class, (type, types.FunctionType)) and _class.__module__ == __name__:
        _class.__module__ = "models"


def recursive_tuple() -> Any:
    """Return a tuple that holds a list that holds it."""
    inner: list[Any] = []
    outer = (inner, 1)
    inner.append(outer)
    return outer


def recursive_frozenset() -> Any:
    """Return a frozenset of a node that refers to it."""
    node = Node("only")
    node.parent = frozenset([node])
    return node.parent


def tree() -> Node:
    """Return three nodes that refer to each other."""
    root = Node("root")
    Node("left", root)
    Node("right", root)
    return root


def shared() -> Any:
    """Return a list that holds one list twice, and an equal one."""
    one = [1]
    return [one, one, [1]]


def itself() -> Any:
    """Return a list of itself."""
    result: list[Any] = []
    result.append(result)
    return result


def long_tuple() -> Any:
    """Return a tuple of four, the second of which holds it."""
    inner: list[Any] = []
    outer = (0, inner, 2, 3)
    inner.append(outer)
    return outer


UTC = datetime.timezone.utc
SAMPLES: dict[str, Any] = {
    "none": None,
    "bools": [True, False],
    "ints": [0, 1, -1, 255, 256, 65535, 65536, 2**31 - 1, -(2**31), 2**31, 2**63 - 1, -(2**63)],
    "big_ints": [2**63, 2**64 - 1, 2**127 - 1, -(2**127), 2**128, -(10**40), 1 << 2100],
    "floats": [0.0, -0.0, 1.5, 1e300, 5e-324, float("inf"), float("-inf")],
    "text": ["", "a", "é", "日本", "😀", "a\nb\\c\0", "x" * 300],
    "surrogates": ["\ud800", "a\udfffb"],
    "bytes": [b"", b"abc", bytes(range(256)), b"x" * 300],
    "bytearray": [bytearray(), bytearray(b"abc")],
    "containers": {
        "list": [1, [2]],
        "tuple": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
        "dict": {},
        5: None,
    },
    "sets": [set(), {1}, frozenset(), frozenset([2])],
    "counts": {"a": 1, "b": 2, "c": 3},
    "batches": [[None] * n for n in (1, 999, 1000, 1001, 2000)],
    "dict_batches": [{i: None for i in range(n)} for n in (1, 1000, 1001)],
    "set_batches": [set(range(n)) for n in (1, 1000, 1001)],
    "memo": [[i] for i in range(300)] + ["last"] * 2,
    "shared": shared(),
    "itself": itself(),
    "recursive_tuple": recursive_tuple(),
    "recursive_long_tuple": long_tuple(),
    "recursive_frozenset": recursive_frozenset(),
    "tree": tree(),
    "globals": [len, collections.OrderedDict, Person],
    "person": Person("Ada", 1815, ["analyst", "poet"]),
    "people": [Person("Ada", 1815, ["analyst"]), Person("Grace", 1906)],
    "frozen": Frozen(1.5, -2.0),
    "slots": Slots(1, 2),
    "mixed": Mixed(),
    "point": Point(3, 4),
    "enums": [Color.RED, Color.GREEN, Access.READ],
    "money": Money(amount=5, currency="EUR"),
    "label": Label("hello"),
    "ordered": collections.OrderedDict([("b", 1), ("a", 2)]),
    "defaultdict": collections.defaultdict(list, {"a": [1]}),
    "counter": collections.Counter("abca"),
    "deque": collections.deque([1, 2, 3], maxlen=5),
    "decimal": decimal.Decimal("12.50"),
    "fraction": fractions.Fraction(1, 3),
    "complex": 1 + 2j,
    "uuid": uuid.UUID(int=0x12345678123456781234567812345678),
    "path": pathlib.PurePosixPath("/usr/share/doc"),
    "relative_path": pathlib.PurePosixPath("a/b.txt"),
    "date": datetime.date(2024, 2, 29),
    "time": datetime.time(12, 30, 5, 250),
    "datetime": datetime.datetime(2024, 2, 29, 12, 30, 5, 123456),
    "datetime_utc": datetime.datetime(2024, 2, 29, 12, 30, tzinfo=UTC),
    "datetime_offset": datetime.datetime(
        2024, 2, 29, 12, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))
    ),
    "datetime_zone": datetime.datetime(2024, 2, 29, 12, 30, tzinfo=ZoneInfo("Europe/Berlin")),
    "timedelta": datetime.timedelta(days=1, seconds=2, microseconds=500_000),
    "state_setter": [Sealed("one"), Sealed([2, 3])],
    "range": range(1, 10, 2),
    "exception": KeyError("missing"),
}
config = Config(depth=3)
config.source = "file"
SAMPLES["config"] = config
stack = Stack([1, 2])
stack.owner = "me"
SAMPLES["stack"] = stack


class Persistent(pickle.Pickler):
    """Writes functions as persistent ids."""

    def persistent_id(self, obj: Any) -> Any:
        """Return the id of a function."""
        return obj.__name__ if callable(obj) else None


def persistent(protocol: int) -> bytes:
    """Return a pickle with persistent ids."""
    stream = io.BytesIO()
    Persistent(stream, protocol).dump([len, len, 1])
    return stream.getvalue()


def out_of_band() -> bytes:
    """Return a pickle of buffers."""
    writable, fixed = pickle.PickleBuffer(bytearray(b"abc")), pickle.PickleBuffer(b"def")
    return pickle.dumps([writable, fixed, "end"], 5, buffer_callback=lambda _: False)


def main() -> None:
    """Write all files."""
    for protocol in range(6):
        lines = {}
        for name, value in SAMPLES.items():
            lines[name] = pickle.dumps(value, protocol)
        lines["persistent"] = persistent(protocol)
        if protocol == 5:
            lines["buffers"] = out_of_band()
        # The larger samples are of no use to a human reader: they are kept out of the way, at the end.
        order = sorted(lines, key=lambda name: len(lines[name]) > 5000)
        text = "".join(f"{name} {lines[name].hex()}\n" for name in order)
        pathlib.Path(__file__).with_name(f"protocol{protocol}.txt").write_text(text)


if __name__ == "__main__":
    main()

"""Random and damaged pickles loaded under policies: what is loaded is what an unrestricted load makes, and nothing breaks.

Loads in one go, judged meanwhile, come to what loads come to that are judged as a whole before anything is made.

``python -m tests.policy.fuzz --inputs N --seed S``; with ``PYTHONMALLOC=debug`` memory that is used after it is free shows.
"""

from __future__ import annotations

import argparse
import array
import collections
import copyreg
import datetime
import decimal
import enum
import fractions
import functools
import operator
import pathlib
import pickle
import random
import re
import sys
import types
import uuid
import warnings
from collections.abc import Callable
from dataclasses import dataclass

try:
    import numpy
except ImportError:  # without it there is less to try
    numpy = None  # type: ignore[assignment]

import brinery
from brinery import policy as policies
from tests.scan.parity import mutated

__all__ = ["main"]


class Plain:
    """A class with attributes."""


@dataclass
class Point:
    """A class with typed attributes."""

    x: int
    names: list[str]
    at: object = None


class Pair(collections.namedtuple("Pair", "first second")):
    """A named tuple that can have attributes."""


Row = collections.namedtuple("Row", "id text when")


class Slotted:
    """A class without a dict."""

    __slots__ = ("a", "b")


class Colour(enum.Enum):
    RED = 1
    BLUE = "b"


class Hashed:
    """A class whose hash runs code, which asks for its state."""

    name = "?"

    def __hash__(self) -> int:
        return hash(str(self.name))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hashed) and self.name == other.name


class Stateful(list):  # type: ignore[type-arg]
    """A list with a state that goes through a hook."""

    def __reduce__(self) -> tuple[object, ...]:
        return Stateful, (), {"count": len(self)}, iter(list(self))

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)


class Mapping(dict):  # type: ignore[type-arg]
    """A dict with attributes."""


class Sequence(list):  # type: ignore[type-arg]
    """A list with attributes."""


class Text(str):
    """A text with attributes."""


class Number(int):
    """A number with attributes."""


class Real(float):
    """A float with attributes."""


class Several(tuple):  # type: ignore[type-arg]
    """A tuple with attributes."""


class Level(enum.Enum):
    """An enumeration whose members are asked for by their names."""

    LOW = 1
    HIGH = 2

    def __reduce_ex__(self, protocol: object) -> tuple[object, ...]:
        return getattr, (Level, self.name)


class Coded:
    """A class with an extension code."""


class Rebuilt:
    """A class whose instances are made by a function of copyreg."""

    def __reduce__(self) -> tuple[object, ...]:
        return copyreg.__newobj__, (Rebuilt,), self.__dict__  # type: ignore[attr-defined]


class Problem(ValueError):
    """An exception of a program."""


def function() -> None:
    """A function that is a value."""


CLASSES = [f"tests.policy.fuzz:{cls.__name__}" for cls in (Plain, Point, Slotted, Hashed, Rebuilt)]

#: The extension code of `Coded`.
CODE = 0x7F31

#: What needs the whole stream to be known before it can be made.
WHOLE = {4, 5}

#: What protocols below 2 cannot save.
SLOTTED = 18

#: How many kinds of objects there are.
KINDS = 32 if numpy is None else 35


def graph(rng: random.Random, kinds: list[int]) -> object:
    """Return objects of these kinds that hold each other in any way."""
    made: list[object] = [None, True, 3, "x", b"y", 1.5]

    def some() -> object:
        return rng.choice(made[-12:])

    def key() -> object:
        return rng.choice(["a", "b", 5, 1 << 70, (1, "x"), ("k", (2, 3)), rng.random(), b"k"])

    for _ in range(rng.choice((3, 10, 40, 200))):
        kind = rng.choice(kinds)
        if kind == 0:
            made.append([some() for _ in range(rng.randrange(5))])
        elif kind == 1:
            made.append({key(): some() for _ in range(rng.randrange(5))})
        elif kind == 2:
            made.append(tuple(some() for _ in range(rng.randrange(5))))
        elif kind == 3:
            plain = Plain()
            plain.__dict__.update(
                {name: some() for name in rng.sample(["a", "b", "append_", "d"], rng.randrange(4))}
            )
            made.append(plain)
        elif kind == 4:
            hashed = Hashed()
            hashed.name = f"h{rng.randrange(100)}"
            made.append({hashed: some()} if rng.random() < 0.5 else {hashed})
        elif kind == 5:
            made.append(Stateful(some() for _ in range(rng.randrange(4))))
        elif kind == 6:
            made.append(datetime.datetime(2020, 1, 1) + datetime.timedelta(seconds=rng.randrange(10**6)))
        elif kind == 7:
            made.append(
                rng.choice(
                    [decimal.Decimal("1.5"), fractions.Fraction(1, 3), uuid.UUID(int=rng.getrandbits(128))]
                )
            )
        elif kind == 8:
            made.append(collections.OrderedDict((key(), some()) for _ in range(3)))
        elif kind == 9:
            made.append(collections.deque(some() for _ in range(3)))
        elif kind == 10:
            made.append({key() for _ in range(4)})
        elif kind == 11:
            made.append(frozenset(key() for _ in range(3)))
        elif kind == 12:
            found = [thing for thing in made if type(thing) is list]
            if found:
                rng.choice(found).append(some())  # a cycle, maybe
        elif kind == 13:
            made.append(complex(rng.random(), 1))
        elif kind == 14:
            made.append("text %d" % rng.randrange(10**6))
        elif kind == 15:
            made.append(collections.defaultdict(list, {key(): some()}))
        elif kind == 16:
            made.append(Point(rng.randrange(100), ["n"] * rng.randrange(3), some()))
        elif kind == 17:
            made.append(rng.choice([Row(1, "t", some()), Pair(some(), some()), Colour.RED, Colour.BLUE]))
        elif kind == SLOTTED:
            slotted = Slotted()
            slotted.a = some()
            if rng.random() < 0.5:
                slotted.b = some()
            made.append(slotted)
        elif kind == 19:
            zone = datetime.timezone(datetime.timedelta(hours=rng.randrange(-5, 5)))
            made.append(datetime.datetime(2020, 1, 1, tzinfo=zone))
        elif kind == 20:
            problems = [ValueError(some()), KeyError("k", some()), Problem(some(), 1), OSError(2, "x")]
            problem = rng.choice(problems)
            if rng.random() < 0.1:
                problem.note = some()  # type: ignore[attr-defined]
            made.append(problem)
        elif kind == 21:
            made.append(
                rng.choice([bytearray(b"ab\xe9"), bytearray(), b"\xe9bytes", array.array("d", [1.5, 2])])
            )
        elif kind == 22:
            made.append(rng.choice([operator.add, len, function, int, collections.OrderedDict, Plain, Point]))
        elif kind == 23:
            made.append(collections.deque([some(), some()], rng.choice([None, 1, 5])))
        elif kind == 24:
            rebuilt = Rebuilt()
            rebuilt.__dict__["a"] = some()
            made.append(rebuilt)
        elif kind == 25:
            extension: object = rng.choice(
                [
                    Mapping({key(): some() for _ in range(rng.randrange(3))}),
                    Sequence(some() for _ in range(rng.randrange(3))),
                    Text(rng.randrange(20)),
                    Number(rng.randrange(20)),
                    Real(rng.random()),
                    Several([some()]),
                ]
            )
            if rng.random() < 0.5:
                vars(extension).update({name: some() for name in rng.sample(["a", "extend"], 1)})
            made.append(extension)
        elif kind == 26:
            made.append(types.SimpleNamespace(**{name: some() for name in rng.sample("abcd", 2)}))
        elif kind == 27:
            made.append(
                rng.choice(
                    [
                        functools.partial(Point, 1),
                        functools.partial(operator.itemgetter, rng.randrange(9), "x"),
                        functools.partial(function),
                    ]
                )
            )
        elif kind == 28:
            made.append(
                rng.choice(
                    [
                        operator.itemgetter(rng.randrange(9)),
                        operator.attrgetter("a.b"),
                        operator.methodcaller("lower"),
                        re.compile(rng.choice(["a+", "(b|c)", "x{2}"])),
                        re.compile(b"a"),
                    ]
                )
            )
        elif kind == 29:
            made.append(array.array(rng.choice("bdfiQ"), range(rng.randrange(4))))
        elif kind == 30:
            made.append(rng.choice(list(Level)))
        elif kind == 31:
            made.append(Coded())
        elif kind == 32:
            made.append(
                rng.choice(
                    [
                        numpy.arange(rng.randrange(5)),
                        numpy.ones((2, 3), "f4", order=rng.choice("CF")),
                        numpy.array(["ab", "c"]),
                        numpy.array([b"ab"]),
                        numpy.array([1, 2], ">i2"),
                        numpy.array(["2020-01-01"], "M8[D]"),
                        numpy.zeros(0),
                    ]
                )
            )
        elif kind == 33:
            held = numpy.empty(rng.randrange(4), object)
            for index in range(len(held)):
                held[index] = some()
            made.append(held)
        elif kind == 34:
            made.append(
                rng.choice(
                    [
                        numpy.float64(rng.random()),
                        numpy.int8(3),
                        numpy.bool_(True),
                        numpy.str_("text"),
                        numpy.bytes_(b"x"),
                        numpy.datetime64("2020-01-01T00:00:00"),
                        numpy.timedelta64(5, "h"),
                        numpy.dtype("f4"),
                        numpy.dtype("U3"),
                        numpy.dtype([("a", "i4"), ("b", "O")]),
                        numpy.zeros(2, [("a", "i4")]),
                    ]
                )
            )
        else:
            made.append(rng.choice([range(rng.randrange(9)), slice(1, None), pathlib.PurePosixPath("/a/b")]))
    return made


def content(value: object) -> set[tuple[str, str]]:
    """Return what there is in a value, in no order: that of sets goes by addresses, and who shares a text by its use."""
    places = ("MEMOIZE", "BINGET", "LONG_BINGET", "FRAME")
    found = ((opcode.name, argument) for opcode, argument, _ in brinery.tools.genops(brinery.dumps(value, 4)))
    return {(name, repr(argument)) for name, argument in found if name not in places}


def whole(data: bytes, policy: brinery.Policy) -> object:
    """Load a pickle that is judged as a whole first: with a way of its own to find globals nothing is made before."""
    options = policies._options(None, None, None, None)
    return policies._run(policy, data, options, lambda *what: policies._resolve(*what))[0]


def outcome(load: Callable[[], object]) -> tuple[object, str]:
    """Return what a load makes, and what it comes to in words."""
    try:
        return load(), "a value"
    except brinery.PolicyError as error:
        return None, f"{error.rule} at {error.offset}, {error.path}: {error}"
    except Exception as error:  # a class refuses its state
        return None, repr(error)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of what a human is to decide
    rng = random.Random(options.seed)
    granted = brinery.Policy("stdlib")
    for name in CLASSES:
        granted |= brinery.Policy.allow(name)
    for name in ("Row", "Pair"):
        granted |= brinery.Policy.allow(f"tests.policy.fuzz:{name}", construct="tuple")
    granted |= brinery.Policy.allow("tests.policy.fuzz:Colour", value=True, call=True, members=["*"])
    granted |= brinery.Policy.allow(
        "tests.policy.fuzz:Stateful",
        call="tuple[]",
        construct="tuple[]",
        setstate="dict[str, any]",
        extend="any",
    )
    for name in ("function", "Plain"):
        granted |= brinery.Policy.allow(f"tests.policy.fuzz:{name}", value=True)
    for name in ("_operator:add", "builtins:len"):
        granted |= brinery.Policy.allow(name, value=True)
    granted |= brinery.Policy.allow("tests.policy.fuzz:Problem", call="tuple", attributes=True)
    for name in ("Mapping", "Sequence"):
        granted |= brinery.Policy.allow(
            f"tests.policy.fuzz:{name}", construct=True, extend=True, attributes=True
        )
    for name, value in (("Text", "str"), ("Number", "int"), ("Real", "float"), ("Several", "tuple")):
        granted |= brinery.Policy.allow(
            f"tests.policy.fuzz:{name}", construct=f"tuple[{value}]", attributes=True
        )
    for name in ("tests.policy.fuzz:Point", "operator:itemgetter", "tests.policy.fuzz:function"):
        granted |= brinery.Policy.allow(name, value=True, call="tuple")
    granted |= brinery.Policy.allow("tests.policy.fuzz:Level", members=["*"])
    granted |= brinery.Policy.from_toml(
        f'policy = 1\n[extensions]\n{CODE} = "tests.policy.fuzz:Coded"\n'
    ) | brinery.Policy.allow("tests.policy.fuzz:Coded")
    copyreg.add_extension("tests.policy.fuzz", "Coded", CODE)
    if numpy is not None:
        granted |= "numpy"
    seeds: list[bytes] = []
    learnt = granted
    loaded = refused = 0
    for number in range(options.inputs):
        whatever = rng.random()
        if number % 10 == 0 or not seeds:
            protocol = rng.choice((0, 1, 2, 3, 4, 4, 4, 5))
            kinds = [kind for kind in range(KINDS + 1) if whatever < 0.3 or kind not in WHOLE]
            if protocol < 2:
                kinds.remove(SLOTTED)
            data = pickle.dumps(graph(rng, rng.sample(kinds, rng.randrange(4, len(kinds)))), protocol)
            seeds.append(data)
            del seeds[:-50]
            learnt = brinery.Policy.learn([data])
            policy = granted if rng.random() < 0.7 else learnt
        else:
            data = mutated(rng.choice(seeds[-10:]), rng, seeds)
            policy = granted if whatever < 0.6 else learnt if whatever < 0.9 else brinery.Policy("data")
        result, ours = outcome(lambda data=data, policy=policy: brinery.loads(data, policy=policy))  # type: ignore[misc]
        same, theirs = outcome(lambda data=data, policy=policy: whole(data, policy))  # type: ignore[misc]
        if ours != theirs:
            print(f"input {number}: in one go {ours}, judged as a whole {theirs}: {data!r}")
            return 1
        if ours != "a value":
            refused += 1
            continue
        loaded += 1
        try:
            contents = [content(value) for value in (result, same, brinery.loads(data))]
        except Exception:  # noqa: S112 - damaged, but a value
            continue
        if contents[0] != contents[1] or contents[0] != contents[2]:
            print(
                f"input {number}: other values, {contents[0] ^ contents[1]}, {contents[0] ^ contents[2]}: {data!r}"
            )
            return 1
    print(f"{options.inputs} inputs, {loaded} loaded, {refused} refused")
    return 0 if loaded and refused else 1


if __name__ == "__main__":
    from tests.policy import fuzz  # the classes are found under their module's name

    sys.exit(fuzz.main())

"""Random and damaged pickles loaded under policies: what is loaded is what an unrestricted load makes, and nothing breaks.

``python -m tests.policy.fuzz --inputs N --seed S``; with ``PYTHONMALLOC=debug`` memory that is used after it is free shows.
"""

from __future__ import annotations

import argparse
import collections
import datetime
import decimal
import fractions
import pickle
import random
import sys
import uuid

import brinery
from tests.scan.parity import mutated

__all__ = ["main"]


class Plain:
    """A class with attributes."""


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


CLASSES = [f"tests.policy.fuzz:{cls.__name__}" for cls in (Plain, Hashed)]


def graph(rng: random.Random) -> object:
    """Return objects that hold each other in any way."""
    made: list[object] = [None, True, 3, "x", b"y", 1.5]

    def some() -> object:
        return rng.choice(made[-12:])

    def key() -> object:
        return rng.choice(["a", "b", 5, 1 << 70, (1, "x"), ("k", (2, 3)), rng.random(), b"k"])

    for _ in range(rng.choice((3, 10, 40, 200))):
        kind = rng.randrange(16)
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
        else:
            made.append(collections.defaultdict(list, {key(): some()}))
    return made


def content(value: object) -> set[tuple[str, str]]:
    """Return what there is in a value, in no order: that of sets goes by addresses, and who shares a text by its use."""
    places = ("MEMOIZE", "BINGET", "LONG_BINGET", "FRAME")
    found = ((opcode.name, argument) for opcode, argument, _ in brinery.tools.genops(brinery.dumps(value, 4)))
    return {(name, repr(argument)) for name, argument in found if name not in places}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    granted = brinery.Policy("stdlib")
    for name in CLASSES:
        granted |= brinery.Policy.allow(name)
    granted |= brinery.Policy.allow(
        "tests.policy.fuzz:Stateful",
        call="tuple[]",
        construct="tuple[]",
        setstate="dict[str, any]",
        extend="any",
    )
    seeds: list[bytes] = []
    loaded = refused = 0
    for number in range(options.inputs):
        if number % 10 == 0 or not seeds:
            value = graph(rng)
            data = pickle.dumps(value, rng.randrange(6))
            seeds.append(data)
            del seeds[:-50]
            policy = granted if rng.random() < 0.7 else brinery.Policy.learn([data])
            result = brinery.loads(data, policy=policy)
        else:
            data = mutated(rng.choice(seeds), rng, seeds)
            policy = granted if rng.random() < 0.7 else brinery.Policy("data")
            try:
                result = brinery.loads(data, policy=policy)
            except brinery.PolicyError:
                refused += 1
                continue
            except Exception:  # noqa: S112 - a class refuses its state
                refused += 1
                continue
        loaded += 1
        try:
            ours, free = content(result), content(brinery.loads(data))
        except Exception:  # noqa: S112 - damaged, but a value
            continue
        if ours != free:
            print(f"input {number}: another value under a policy, {ours - free} for {free - ours}: {data!r}")
            return 1
    print(f"{options.inputs} inputs, {loaded} loaded, {refused} refused")
    return 0 if loaded and refused else 1


if __name__ == "__main__":
    from tests.policy import fuzz  # the classes are found under their module's name

    sys.exit(fuzz.main())

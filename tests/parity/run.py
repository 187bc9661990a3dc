"""Compare many streams and count."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.parity import comparison, grammar, mutation
from tests.parity.dice import Dice
from tests.parity.hazards import hazard, without_split_frames
from tests.parity.minimise import minimise


@functools.cache
def sound() -> tuple[bytes, ...]:
    """Return the streams that are spoilt."""
    return tuple(mutation.corpus())


def inputs(seed: int, count: int) -> Iterator[tuple[str, comparison.Way, bytes]]:
    """Yield the inputs of a seed: the kind, the way to load, and the stream."""
    dice = Dice(seed)
    streams = list(sound())
    for _ in range(count):
        kind = dice.choice(["grammar", "grammar", "mutated", "truncated", "mutated grammar", "soup"])
        if kind == "grammar":
            data = grammar.program(dice)
        elif kind == "soup":
            data = grammar.soup(dice)
        elif kind == "mutated grammar":
            data = mutation.mutate(dice, grammar.program(dice), streams)
        elif kind == "mutated":
            data = mutation.mutate(dice, dice.choice(streams), streams)
        else:
            data = dice.choice(streams)
            data = data[: dice.randrange(len(data))]
        yield kind, comparison.Way.choose(dice), data


@dataclass
class Result:
    """The counts of a run, and what differed."""

    kinds: Counter = field(default_factory=Counter)
    better: Counter = field(default_factory=Counter)
    loaded: int = 0
    failures: list[str] = field(default_factory=list)


def run(seed: int, count: int, most_failures: int = 20) -> Result:
    """Compare `count` streams; stop after so many failures."""
    result = Result()
    for number, (kind, way, data) in enumerate(inputs(seed, count)):
        result.kinds[kind] += 1
        if why := hazard(data):
            # Stock would exhaust memory: it is enough that brinery comes back.
            error, *_ = comparison.outcome(way, comparison.brinery._brinery, data)
            result.better[f"{why}, {'refused' if error else 'managed'}"] += 1
            continue
        if not way.in_memory and without_split_frames(data):
            result.better["frames that end within an argument, read as if there were none"] += 1
        found, better = comparison.judge(way, data)
        if better:
            result.better[better] += 1
            continue
        if found is None and comparison.outcome(way, comparison.brinery._brinery, data)[0] is None:
            result.loaded += 1
        if found is None:
            continue
        short = minimise(data, lambda d, w=way: hazard(d) is None and comparison.compare(w, d) is not None)
        found = comparison.compare(way, short) or found
        result.failures.append(
            f"input {number} of seed {seed} ({kind}), {way}\n  {found}\n  {short!r}\n  hex {short.hex()}"
        )
        if len(result.failures) >= most_failures:
            break
    return result

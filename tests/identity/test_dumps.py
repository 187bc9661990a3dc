"""What brinery writes is what C ``_pickle`` writes, byte by byte and write by write."""

from __future__ import annotations

import _pickle
import functools
import random
from collections import Counter
from typing import Any

import pytest

import brinery
from tests.identity import ways
from tests.identity.cases import CASES, LARGE

PROTOCOLS = range(6)


def differ(name: str, way: Any, protocol: int, stock: Any, ours: Any) -> str | None:
    """Say how two outcomes differ, or return None."""
    if stock == ours:
        return None
    if ways.exhausted(stock):
        # How deep stock gets depends on what else is on its stack; in fast mode it notices some cycles only there.
        if ours[:2] in (("error", "RecursionError"), ("error", "ValueError") if way is ways.fast else None):
            return None
    return f"{name}, {way.__name__}, protocol {protocol}:\n  stock   {stock!r:.600}\n  brinery {ours!r:.600}"


#: Stock refuses these with a KeyError of an address (its note of what is being saved in fast mode is broken).
BETTER = {("sets 60 deep", ways.fast), ("sets 100 deep", ways.fast)}


#: Below protocol 2, the reductions of these lead back to themselves for ever.
ENDLESS = {
    f"recursive {kind}{where}" for kind in ("list subclass", "dict subclass") for where in ("", ", in a list")
}


def used_up(name: str) -> bool:
    """Say whether a dump changes the object, so that each needs one of its own."""
    return name.startswith(
        ("changed while dumped", "reduction", "recursive reduction", "standard: iterators")
    )


@pytest.mark.parametrize("name", CASES)
def test_same_object(name: str, compared: Counter) -> None:
    """Both engines dump one object, in either order."""
    obj, unlike = CASES[name](), []
    engines = [_pickle, brinery._brinery]
    random.Random(name).shuffle(engines)
    for way in ways.FEW if name in LARGE else ways.WAYS:
        if (name, way) in BETTER:
            continue
        for protocol in PROTOCOLS:
            if name in ENDLESS and protocol < 2 and way is not ways.dumps:
                continue
            got = {}
            for engine in engines:
                dumped = CASES[name]() if used_up(name) else obj
                got[engine] = ways.outcome(functools.partial(way, engine, dumped, protocol))
            compared["dumps"] += 1
            unlike.append(
                differ(name, way, protocol, *(got[engine] for engine in (_pickle, brinery._brinery)))
            )
    assert not any(unlike), "\n".join(filter(None, unlike))


@pytest.mark.parametrize("name", [name for name in CASES if name not in LARGE])
def test_fresh_objects(name: str, compared: Counter) -> None:
    """Each engine dumps an object that nobody has dumped or looked at, and that nothing else refers to."""
    make, unlike = CASES[name], []
    for protocol in PROTOCOLS:
        stock = ways.outcome(lambda p=protocol: _pickle.dumps(make(), p))
        ours = ways.outcome(lambda p=protocol: brinery.dumps(make(), p))
        compared["dumps of fresh objects"] += 1
        unlike.append(differ(name, ways.dumps, protocol, stock, ours))
    assert not any(unlike), "\n".join(filter(None, unlike))

"""Many cases, in three ways: compared hook by hook, with changes at any moment, and with threads."""

from __future__ import annotations

import _pickle
import gc
import itertools
import os
import random
import sys
import threading
import time
from collections import Counter
from typing import Any

import brinery
from tests.identity.adversarial import hostile
from tests.identity.adversarial.stock import Stock
from tests.identity.adversarial.world import Chaos, World, sketch

MOST_FAILURES = 10


def run_case(seed: int, engine: Any) -> list:
    """Return everything that can be seen of a case."""
    world = hostile.Stage.world = World(seed, engine, wild=False)
    try:
        world.build()
        results = world.save()
    finally:
        hostile.Stage.world = None
    seen = [*results, world.log, sketch(world.root), sketch(world.stolen)]
    world.pickler = None
    return seen


def quiet(world: World) -> str | None:
    """Compare plain dumps of what a case has left."""
    hostile.Stage.world = None
    dumped = []
    for engine in (_pickle, brinery._brinery):
        try:
            dumped.append(engine.dumps(world.root, world.protocol))
        except Exception as error:
            dumped.append(type(error).__name__)
    if "RecursionError" in dumped or dumped[0] == dumped[1]:
        return None
    return "what is left is saved differently"


class Campaign:
    """The counts of a run, and what was wrong."""

    def __init__(self, progress: int | None = None) -> None:
        self.progress = progress
        self.counts: Counter = Counter()
        self.failures: list[str] = []
        self.stock = Stock(lambda number: run_case(number, _pickle))

    def summary(self) -> str:
        counted = ", ".join(f"{count:,} {name}" for name, count in sorted(self.counts.items()))
        return f"{counted}; {len(self.failures)} failed"

    def run(self, seed: int, cases: int, seconds: float | None = None) -> None:
        """Run the cases of these numbers."""
        end = None if seconds is None else time.monotonic() + seconds
        numbers = itertools.count(seed) if end else range(seed, seed + cases)
        for number in numbers:
            if len(self.failures) >= MOST_FAILURES or (end and time.monotonic() > end):
                break
            if self.progress is not None:
                os.pwrite(self.progress, b"%020d" % number, 0)
            kind = number % 10
            if kind == 8:
                found = self.wild(number)
            elif kind == 9:
                found = self.threaded(number)
            else:
                found = self.compared(number)
            if found:
                self.failures.append(f"case {number}: {found}")
        self.stock.stop()

    def compared(self, number: int) -> str | None:
        """The same hooks on both engines lead to the same bytes."""
        stock = self.stock.ask(number)
        if stock is None:
            self.counts["crashed stock"] += 1
            run_case(number, brinery._brinery)
            return None
        if any("RecursionError" in part for part in stock[:-3] if isinstance(part, tuple)):
            self.counts["too deep for stock"] += 1
            return None
        self.counts["compared"] += 1
        self.counts["hooks"] += len(stock[-3])
        self.counts["raised"] += any(isinstance(part, tuple) for part in stock[:-3])
        ours = run_case(number, brinery._brinery)
        for name, a, b in zip([*(["result"] * (len(stock) - 3)), "hooks", "graph", "stolen"], stock, ours):
            if a != b:
                return f"{name}: {first_difference(a, b)}"
        return None if len(stock) == len(ours) else "different numbers of results"

    def wild(self, number: int) -> str | None:
        """Finalizers and callbacks of the collector change the graph whenever it runs."""
        self.counts["wild"] += 1
        world = hostile.Stage.world = World(number, brinery._brinery, wild=True)
        busy = []

        def collected(phase: str, info: dict) -> None:
            if hostile.Stage.world is world and not busy:
                busy.append(True)
                try:
                    world.strikes += 1
                    world.strike("collector")
                except Chaos:
                    pass
                finally:
                    busy.clear()

        threshold = gc.get_threshold()
        try:
            world.build()
            gc.callbacks.append(collected)
            gc.set_threshold(random.Random(number).choice([1, 2, 7, 30]))
            results = world.save()
        finally:
            gc.set_threshold(*threshold)
            gc.callbacks.remove(collected)
            hostile.Stage.world = None
        return self.sound(world, results)

    def threaded(self, number: int) -> str | None:
        """Threads change the graph at any moment."""
        self.counts["threaded"] += 1
        world = hostile.Stage.world = World(number, brinery._brinery, wild=True)
        interval = sys.getswitchinterval()
        stop = threading.Event()

        def change() -> None:
            mine = World(number + 1, brinery._brinery, wild=True)
            mine.root, mine.growth = world.root, 100_000
            while not stop.is_set():
                try:
                    mine.act()
                    world.strikes += 1
                except Exception:
                    continue

        try:
            world.build()
            world.growth = 300
            threads = [threading.Thread(target=change) for _ in range(2)]
            sys.setswitchinterval(1e-6)
            for thread in threads:
                thread.start()
            results = world.save()
        finally:
            stop.set()
            sys.setswitchinterval(interval)
            for thread in threads:
                thread.join()
            hostile.Stage.world = None
        return self.sound(world, results)

    def sound(self, world: World, results: list) -> str | None:
        """Whatever happened, no inner error came out, the graph is whole, and the streams can be read."""
        for result in results:
            if isinstance(result, tuple) and result[0] in ("SystemError", "PanicException"):
                return f"raised {result}"
        sketch(world.root)
        sketch(world.stolen)
        if all(result is None or not isinstance(result, tuple) for result in results):
            self.counts["saved while it changed"] += 1
        return quiet(world)


def first_difference(a: Any, b: Any) -> str:
    """Say where two results differ."""
    if isinstance(a, list) and isinstance(b, list):
        for index, (x, y) in enumerate(zip(a, b)):
            if x != y:
                return f"[{index}]: {first_difference(x, y)}"
        return f"lengths {len(a)} and {len(b)}: {a[len(b) :][:3]} {b[len(a) :][:3]}"
    if isinstance(a, bytes) and isinstance(b, bytes):
        at = next((index for index, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
        return f"byte {at} of {len(a)} and {len(b)}: {a[max(at - 30, 0) : at + 20]} {b[max(at - 30, 0) : at + 20]}"
    return f"{a!r:.300} {b!r:.300}"

"""concurrent.futures with processes: results, exceptions, a broken pool and a shared graph."""

from __future__ import annotations

import concurrent.futures
import datetime
import decimal
import enum
import multiprocessing
import os
import sys
import uuid
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from concurrent.futures.process import BrokenProcessPool
from fractions import Fraction
from pathlib import Path

Point = namedtuple("Point", "x y")


class Colour(enum.Enum):
    RED = 1
    GREEN = "g"


class Node:
    __slots__ = ("links", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.links: list[Node] = []


ZOO = [
    datetime.datetime(2024, 2, 29, 12, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
    datetime.timedelta(days=1.5),
    decimal.Decimal("1.10"),
    Fraction(1, 3),
    uuid.UUID(int=5),
    Path("a/b"),
    Colour.GREEN,
    Point(1, 2),
    Counter("abca"),
    OrderedDict(b=1, a=2),
    defaultdict(list, a=[1]),
    deque([1, 2], maxlen=3),
    {1, 2},
    frozenset("a"),
    b"bytes",
    bytearray(b"array"),
    1 << 100,
    1 + 2j,
    slice(1, 2),
    range(5),
    Ellipsis,
    "\udc80 \U0001f600",
]


def echo(thing: object) -> tuple[str, object]:
    return repr(thing), thing


def ring(size: int) -> Node:
    nodes = [Node(f"node {number}") for number in range(size)]
    for node, following in zip(nodes, [*nodes[1:], nodes[0]]):
        node.links.append(following)
    return nodes[0]


def length(node: Node) -> int:
    count, current = 1, node.links[0]
    while current is not node:
        count, current = count + 1, current.links[0]
    return count


def fail(number: int) -> float:
    return 1 / number


def die() -> None:
    os._exit(1)


def main() -> None:
    context = multiprocessing.get_context(sys.argv[1])
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as executor:
        for thing, (text, back) in zip(ZOO, executor.map(echo, ZOO, chunksize=4)):
            print(ascii(text), back == thing, type(back).__name__)
        print(length(executor.submit(ring, 100).result()), executor.submit(length, ring(150)).result())
        futures = [executor.submit(fail, number) for number in (1, 0)]
        for future in futures:
            error = future.exception()
            print(repr(error), type(error.__cause__).__name__ if error else future.result())
        try:
            executor.submit(lambda: None).result()
        except Exception as error:  # the text names the function, and so its address in memory
            print(type(error).__name__)
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as executor:
        try:
            executor.submit(die).result()
        except BrokenProcessPool as error:
            print(type(error).__name__)
    print("done")


if __name__ == "__main__":
    main()

"""Objects that refer to each other."""

from __future__ import annotations

import sys

from benches.workload import and_shuffled


class Node:
    """A node of a tree or graph."""

    def __init__(self, value: int, parent: Node | None = None) -> None:
        self.value = value
        self.parent = parent
        self.children: list[Node] = []


class Link:
    """A link of a chain."""

    def __init__(self, value: int) -> None:
        self.value = value
        self.next: Link | None = None


@and_shuffled
def tree() -> Node:
    """A tree of 4,095 nodes that know their parents."""
    nodes = [Node(0)]
    for number in range(1, 4095):
        parent = nodes[(number - 1) // 2]
        node = Node(number, parent)
        parent.children.append(node)
        nodes.append(node)
    return nodes[0]


@and_shuffled
def tree_of_lists() -> list:
    """A tree of 5,461 lists, four in each, integers at its ends."""

    def grown(depth: int) -> list:
        return [grown(depth - 1) if depth else number for number in range(4)]

    return grown(6)


@and_shuffled
def shared() -> list:
    """5,000 lists that hold 50 shared dicts."""
    dicts = [{"id": number} for number in range(50)]
    return [[dicts[number % 50], dicts[number * 7 % 50]] for number in range(5000)]


@and_shuffled
def network() -> list[Node]:
    """2,000 nodes that each refer to four others, cycles among them."""
    _allow_depth()
    nodes = [Node(number) for number in range(2000)]
    for number, node in enumerate(nodes):
        node.children += [nodes[(number * step + 7) % 2000] for step in (3, 11, 37, 101)]
    return [node for number, node in enumerate(nodes) if number % 8 == 0] + nodes


@and_shuffled
def ring() -> Node:
    """150 nodes, each a child of the one before, the first a child of the last."""
    first = last = Node(0)
    for number in range(1, 150):
        node = Node(number)
        last.children.append(node)
        last = node
    last.children.append(first)
    return first


@and_shuffled
def deep_lists() -> list:
    """10,000 lists, one in the other."""
    _allow_depth()
    inner: list = []
    for number in range(10_000):
        inner = [inner, number]
    return inner


@and_shuffled
def deep_chain() -> Link:
    """A chain of 10,000 instances."""
    _allow_depth()
    first = last = Link(0)
    for number in range(1, 10_000):
        last.next = last = Link(number)
    return first


def _allow_depth() -> None:
    """Let the stock engine, which needs it, go deep: benches.worker gives it the stack."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 100_000))

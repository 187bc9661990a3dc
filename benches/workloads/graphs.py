"""Objects that refer to each other."""

from __future__ import annotations


class Node:
    """A node of a tree or graph."""

    def __init__(self, value: int, parent: Node | None = None) -> None:
        self.value = value
        self.parent = parent
        self.children: list[Node] = []


def tree() -> Node:
    """A tree of 4,095 nodes that know their parents."""
    nodes = [Node(0)]
    for number in range(1, 4095):
        parent = nodes[(number - 1) // 2]
        node = Node(number, parent)
        parent.children.append(node)
        nodes.append(node)
    return nodes[0]


def shared() -> list:
    """5,000 lists that hold 50 shared dicts."""
    dicts = [{"id": number} for number in range(50)]
    return [[dicts[number % 50], dicts[number * 7 % 50]] for number in range(5000)]


def ring() -> Node:
    """150 nodes, each a child of the one before, the first a child of the last."""
    first = last = Node(0)
    for number in range(1, 150):
        node = Node(number)
        last.children.append(node)
        last = node
    last.children.append(first)
    return first

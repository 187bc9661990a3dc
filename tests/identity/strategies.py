"""Object graphs that hypothesis makes up: any values, and any of them shared."""

from __future__ import annotations

import datetime
import math
from typing import Any

from hypothesis import strategies as st

from tests.identity import classes as c

TEXTS = st.one_of(
    st.text(max_size=12), st.sampled_from(["name", "id", "value", ""]), st.text(min_size=250, max_size=260)
)
ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**31) - 2, 2**33),
    st.integers(0, 300),
    st.floats(allow_nan=False),
    st.just(math.inf),
    TEXTS,
    st.text(alphabet=st.characters(), max_size=6),
    st.binary(max_size=20),
    st.binary(min_size=250, max_size=260),
    st.binary(max_size=9).map(bytearray),
    st.complex_numbers(allow_nan=False),
    st.sampled_from([int, c.Plain, c.plain_function, len, c.Colour.RED, c.Number.TWO, ..., NotImplemented]),
    st.datetimes(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.uuids(),
    st.dates(),
    st.times(timezones=st.sampled_from([None, datetime.timezone.utc])),
)
#: What may stand in a set: few enough that the order of equal sets is the same.
HASHABLE = st.one_of(st.integers(), st.text(max_size=5), st.binary(max_size=5), st.booleans(), st.none())

#: How a node of a graph is made of other nodes. What holds others can be filled later, so cycles are possible.
KINDS = ("list", "dict", "tuple", "set", "instance", "slots", "data", "MyList", "MyDict", "pair", "reduced")


def _empty(kind: str, parts: list[Any]) -> Any:
    """Return a new node; those that cannot be changed later get their parts at once."""
    makers = {
        "list": list,
        "dict": dict,
        "tuple": lambda: tuple(parts),
        "set": set,
        "instance": c.Plain,
        "slots": c.SlotsAndDict,
        "data": c.Data,
        "MyList": c.MyList,
        "MyDict": c.MyDict,
        "pair": lambda: c.Pair(*(parts + [None, None])[:2]),
        "reduced": lambda: c.Listed(tuple(parts[:2]), parts[2:] or None, parts[:1]),
    }
    return makers[kind]()


def _fill(kind: str, node: Any, parts: list[Any], keys: list[Any]) -> None:
    """Give a node its parts."""
    if kind in ("list", "MyList"):
        node.extend(parts)
    elif kind in ("dict", "MyDict"):
        node.update(zip(keys, parts))
    elif kind == "set":
        node.update(keys)
    elif kind in ("instance", "slots"):
        for index, part in enumerate(parts):
            setattr(node, f"attribute{index}" if index else "name", part)
    elif kind == "data":
        node.tags = parts
    if kind in ("MyList", "MyDict") and parts:
        node.label = parts[0]


@st.composite
def graphs(draw: st.DrawFn) -> Any:
    """Return an object whose parts refer to each other in any way."""
    count = draw(st.integers(1, 12))
    nodes: list[Any] = [draw(ATOMS) for _ in range(draw(st.integers(1, 6)))]
    atoms, later = tuple(nodes), []
    for _ in range(count):
        kind = draw(st.sampled_from(KINDS))
        # A reduction whose arguments lead back to itself has no end.
        whole = atoms if kind == "reduced" else nodes
        parts = [draw(st.sampled_from(whole)) for _ in range(draw(st.integers(0, 5)))]
        node = _empty(kind, parts)
        later.append((kind, node))
        nodes.append(node)
    for kind, node in later:
        parts = [nodes[draw(st.integers(0, len(nodes) - 1))] for _ in range(draw(st.integers(0, 4)))]
        keys = [draw(HASHABLE) for _ in parts]
        _fill(kind, node, parts, keys)
    return nodes[-1] if draw(st.booleans()) else nodes


#: Trees of plain values, wide rather than tangled.
TREES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=6),
        st.dictionaries(HASHABLE, inner, max_size=5),
        st.lists(inner, max_size=5).map(tuple),
        st.frozensets(HASHABLE, max_size=5),
        st.dictionaries(st.sampled_from(["a", "b", "name", "x"]), inner, max_size=4).map(
            lambda d: c.Plain(**d)
        ),
    ),
    max_leaves=25,
)

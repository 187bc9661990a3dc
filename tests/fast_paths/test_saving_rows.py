"""Rows: containers that are begun in one go, and stay open where something in them is not fit for that."""

from __future__ import annotations

import _pickle
import io
import random
from typing import Any

import pytest

import brinery

PROTOCOLS = (4, 5)


class Own:
    """Nothing that a row can have."""

    def __init__(self, value: Any = None) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Own) and self.value == other.value

    def __hash__(self) -> int:
        return 1


class Slotted:
    """Attributes that are in no dict."""

    __slots__ = ("first", "second", "third")

    def __init__(self, *values: Any) -> None:
        for name, value in zip(self.__slots__, values):
            setattr(self, name, value)


SHARED_TEXT, SHARED_BYTES = "shared", b"shared"
SHARED_LIST: list = [1, "two"]
SHARED_DICT: dict = {"a": SHARED_LIST}

#: Makes an object that ends a row, or may.
UNFIT = {
    "instance": lambda: Own([1, {"a": (2, 3)}]),
    "slotted": lambda: Slotted([1], {"x": Own()}, (1,)),
    "other script": lambda: "ключ " * 20,
    "long text": lambda: "x" * 300,
    "big int": lambda: 1 << 100,
    "long bytes": lambda: b"x" * 300,
    "complex": lambda: 1j,
    "function": lambda: len,
    "shared tuple": lambda: (lambda t: [t, t])((1, [2])),
    "many items": lambda: list(range(1500)),
    "many keys": lambda: dict.fromkeys(range(1000), None),
    "many elements": lambda: set(range(1001)),
    "key of a tuple": lambda: {(1, "a"): 1, (Own(), 2): 2, ((3,), 4): 3, (): 4},
    "shared objects": lambda: [SHARED_TEXT, SHARED_BYTES, SHARED_LIST, SHARED_DICT, (), frozenset()],
}

#: Puts an object into a container, with others before and after it.
AROUND = {
    "list": lambda part: [1, "before", part, "after", 2.5],
    "list of one": lambda part: [part],
    "end of a list": lambda part: [0, 1, 2, 3, part],
    "tuple": lambda part: (1, part, "after"),
    "tuple of one": lambda part: (part,),
    "long tuple": lambda part: (1, 2, 3, 4, part),
    "dict": lambda part: {"a": 1, 5: part, "c": "after"},
    "dict of one": lambda part: {"a": part},
    "key": lambda part: {"a": [1], (1, 2): part, None: 3, 1.5: []},
    "plain instance": lambda part: Own([part, "after"]),
    "attributes": lambda part: Slotted([part], {"b": part}, 1),
}


def same(obj: Any, make: Any = None) -> None:
    for protocol in PROTOCOLS:
        expected = _pickle.dumps(obj, protocol)
        assert brinery.dumps(make() if make else obj, protocol) == expected
        for engine in (_pickle, brinery):
            file = io.BytesIO()
            pickler = engine.Pickler(file, protocol)
            pickler.dump(obj)
            pickler.dump(obj)
            if engine is _pickle:
                twice = file.getvalue()
        assert file.getvalue() == twice


@pytest.mark.parametrize("outer", AROUND)
@pytest.mark.parametrize("inner", AROUND)
@pytest.mark.parametrize("unfit", UNFIT)
def test_containers_stay_open_at_what_is_unfit(unfit: str, inner: str, outer: str) -> None:
    def make() -> Any:
        return AROUND[outer](AROUND[inner](UNFIT[unfit]()))

    # One object for both engines, so that their parts are held alike; then fresh ones, which have no second holder.
    same(make())
    obj = make()
    for protocol in PROTOCOLS:
        assert brinery.dumps(obj, protocol) == _pickle.dumps(obj, protocol)
        assert brinery.dumps([make(), make()], protocol) == _pickle.dumps([make(), make()], protocol)


@pytest.mark.parametrize(
    "character", ["é", "ÿ", "Ā", "ж", "߿", "ࠀ", "漢", "\ud800", "\uffff", "😀", "\U0010ffff"]
)
@pytest.mark.parametrize("length", [1, 2, 21, 31, 62, 63, 64, 84, 85, 86, 126, 127, 128, 255, 256])
def test_text_that_is_not_ascii(character: str, length: int) -> None:
    def text() -> str:
        return "a" * (length // 2) + character * (length - length // 2)

    one = text()
    same([1, one, one, {one: text(), "k": text(), text(): [text()]}, (text(),), {text()}, one])
    for protocol in PROTOCOLS:
        assert brinery.dumps([text(), {text(): text()}], protocol) == _pickle.dumps(
            [text(), {text(): text()}], protocol
        )


@pytest.mark.parametrize("kind", [set, frozenset])
@pytest.mark.parametrize(
    "part", [Own(), (1, Own()), frozenset([1, Own()]), "ключ", 1j, (1, (2, frozenset([3])))]
)
def test_sets_stay_open_at_what_is_unfit(kind: type, part: Any) -> None:
    same([kind([part]), 1])
    same({"a": (kind([1, "b", part, None]), [2])})


@pytest.mark.parametrize("depth", [1, 2, 48, 49, 50, 51, 52, 99, 100, 101, 150, 1000])
@pytest.mark.parametrize("innermost", [[], (1,), {"a": 1}, "text", Own(1), "ключ"], ids=repr)
def test_deep_containers(depth: int, innermost: Any) -> None:
    wrap = [
        lambda part: [part],
        lambda part: (part, 1),
        lambda part: {"k": part, "l": 1},
        lambda part: [1, 2, 3, 4, part],
    ]
    for step in range(4):
        obj = innermost
        for level in range(depth):
            obj = wrap[(level * (step + 1)) % 4](obj)
        if depth < 150:
            same(obj)
        else:
            data = brinery.dumps(obj, 4)
            assert brinery.dumps(brinery.loads(data), 4) == data


def test_frames_end_anywhere_in_nested_containers() -> None:
    for shift in range(120):
        filler = ["x" * 250] * 1 + ["y" * 249 + str(number) for number in range(255)] + ["z" * (shift + 1)]
        nested = [{"key": [number, ("a", {"b": b"cc", (1, "t"): [{"d"}]})]} for number in range(120)]
        same([filler, nested, {"last": nested[3]}])


def test_random_graphs() -> None:
    draw = random.Random(20)
    pool: list = []

    def make(levels: int) -> Any:
        choice = draw.randrange(22)
        if levels == 0 or choice < 9:
            leaves = [
                0,
                255,
                70_000,
                -1,
                1 << 40,
                1.5,
                None,
                True,
                "",
                "text",
                "длинный",
                b"",
                b"bytes",
                (),
                1 << 90,
            ]
            return draw.choice(leaves)
        if choice < 11 and pool:
            return draw.choice(pool)
        count = draw.choice([0, 1, 1, 2, 3, 5, 9])
        parts = [make(levels - 1) for _ in range(count)]
        if choice < 14:
            made: Any = parts
        elif choice < 16:
            made = tuple(parts)
        elif choice < 19:
            made = {
                draw.choice(["a", "b", "c", number, (number, "k"), str(number)]): part
                for number, part in enumerate(parts)
            }
        elif choice < 20:
            made = set(range(count))
        elif choice < 21:
            made = frozenset(str(number) for number in range(count))
        else:
            made = Own(parts)
        if draw.random() < 0.2:
            pool.append(made)
        return made

    for _ in range(1500):
        pool.clear()
        same([make(6), make(3)])


def test_cycles_through_open_containers() -> None:
    inner: dict = {"a": 1}
    outer = [1, 2, 3, 4, {"b": [inner, Own(inner)]}]
    inner["back"] = outer
    inner["tuple"] = ([outer], Own(outer))
    same(outer)
    same({"x": [5, 6, 7, 8, inner]})


def test_hooks_change_what_is_open() -> None:
    """Foreign code within an open container changes the ones around it."""
    for engine in (_pickle, brinery):
        around: list = [1, {"a": 1, "b": [1]}]

        class Changes:
            def __reduce__(self, around: list = around) -> tuple:
                around[1]["b"].append("more")
                around.append("last")
                return list, ()

        around[1]["b"].append(Changes())
        if engine is _pickle:
            expected = engine.dumps(around, 4)
    assert brinery.dumps(around, 4) != b""
    assert brinery.loads(expected) == [1, {"a": 1, "b": [1, [], "more"]}, "last"]

    def dumped(engine: Any) -> bytes | str:
        around: dict = {"a": 1}

        class Grows:
            def __reduce__(self) -> tuple:
                around["new"] = 1
                return list, ()

        around["b"] = [1, (2, Grows())]
        try:
            return engine.dumps([0, 0, 0, 0, around], 4)
        except RuntimeError as error:
            return str(error)

    assert dumped(brinery) == dumped(_pickle) == "dictionary changed size during iteration"


@pytest.mark.parametrize(
    ("obj", "path"),
    [
        ([0, 1, {"a": [1, (2, lambda: 0)]}], 'obj[2]["a"][1][1]'),
        ({"k": {"l": [lambda: 0]}}, 'obj["k"]["l"][0]'),
        (([{"x": 1, "y": {"z": lambda: 0}}],), 'obj[0][0]["y"]["z"]'),
        (Own([1, 2, {"a": lambda: 0}]), 'obj.value[2]["a"]'),
        (Slotted(1, [lambda: 0], 2), "obj.second[0]"),
    ],
)
def test_failures_name_their_place_in_open_containers(obj: Any, path: str) -> None:
    for protocol in PROTOCOLS:
        with pytest.raises(Exception) as caught:
            brinery.dumps(obj, protocol)
        assert caught.value.path == path  # type: ignore[attr-defined]

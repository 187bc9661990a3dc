"""What a stream does last may run code at once: nothing is left to be judged then, and nothing can be refused any more."""

from __future__ import annotations

import pickle
import struct
from typing import Any

import pytest

import brinery

happened: list[str] = []


class Called:
    def __init__(self, *parts: Any) -> None:
        happened.append("Called")
        self.parts = parts

    def __reduce__(self) -> Any:
        return Called, self.parts


class New:
    parts: tuple[Any, ...]

    def __new__(cls, *parts: Any) -> New:
        happened.append("New")
        self = object.__new__(cls)
        self.parts = parts
        return self

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.parts

    def __getstate__(self) -> None:
        return None


class Keywords:
    parts: tuple[Any, ...]

    def __new__(cls, *, part: Any) -> Keywords:
        happened.append("Keywords")
        self = object.__new__(cls)
        self.parts = (part,)
        return self

    def __getnewargs_ex__(self) -> Any:
        return (), {"part": self.parts[0]}

    def __getstate__(self) -> None:
        return None


class Setting:
    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def __getstate__(self) -> Any:
        return self.parts

    def __setstate__(self, state: Any) -> None:
        happened.append("Setting")
        self.parts = state


class Failing(Called):
    def __init__(self, *parts: Any) -> None:
        happened.append("Failing")
        raise LookupError("not to be found")

    def __reduce__(self) -> Any:
        return Failing, (1,)


def granting() -> brinery.Policy:
    policy = brinery.Policy("stdlib")
    for cls in (Called, Failing):
        policy |= brinery.Policy.allow(cls, call="tuple[int | list]")
    policy |= brinery.Policy.allow(New, construct="tuple[int | list]")
    policy |= brinery.Policy.allow(Setting, construct="tuple[]", setstate="tuple[int | list]")
    key = f"{__name__}:Keywords"
    lines = [
        "policy = 1",
        f'[globals."{key}"]',
        'construct = "tuple[]"',
        'keywords = "dict[str, int | list]"',
    ]
    return policy | brinery.Policy.from_toml("\n".join(lines))


def unframed(thing: Any) -> bytes:
    """Return the pickle without its frame, and without its end."""
    data = pickle.dumps(thing, 4)
    return data[:2] + data[11:-1]


THINGS = [Called(1), New(1), Keywords(part=1), Setting(1), Called([2, 3]), Setting([2])]
IDS = [f"{type(thing).__name__}{thing.parts}" for thing in THINGS]
POLICY = granting()


@pytest.mark.parametrize("thing", THINGS, ids=IDS)
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_it_is_done_once(thing: Any, protocol: int) -> None:
    for value in (thing, [thing]):
        data = pickle.dumps(value, protocol)
        happened.clear()
        loaded = brinery.loads(data, policy=POLICY)
        made = loaded if value is thing else loaded[0]
        assert (type(made), made.parts) == (type(thing), thing.parts)
        assert happened == [type(thing).__name__]


ENDS = {
    "as it should": b".",
    "a byte more": b".x",
    "an end more": b"..",
    "stored": b"\x94.",
    "stored, a byte more": b"\x94.x",
    "stored, an end more": b"\x94..",
    "stored by number": b"q\x07.",
    "stored by the number of an end": b"q..",
    "stored by number, an end more": b"q\x07..",
    "stored twice": b"\x94\x94.",
    "given up": b"0.",
    "twice": b"2.",
    "a state": b"}b.",
    "a call": b")R.",
    "items": b"(K\x01K\x02u.",
    "a tuple": b"\x85.",
    "a tuple and a name": b"cos\nsystem\n\x86.",
    "no end": b"",
    "stored, no end": b"\x94",
    "nothing known": b"\xff.",
    "a frame": b"\x95" + struct.pack("<Q", 1) + b".",
    "a frame too long": b"\x95" + struct.pack("<Q", 2) + b".",
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("thing", THINGS, ids=IDS)
def test_nothing_happens_where_more_is_refused(thing: Any, end: bytes) -> None:
    body = unframed(thing).removesuffix(b"\x94") + end
    framed = [
        body[:2] + b"\x95" + struct.pack("<Q", size) + body[2:]
        for size in (len(body) - 2, len(body) - 1, len(body) - 3)
    ]
    old = b"\x80\x02" + pickle.dumps(thing, 2)[2:-1] + end
    for data in (body, old, *framed):
        happened.clear()
        if POLICY.explain(data).clean:
            brinery.loads(data, policy=POLICY)
            continue
        with pytest.raises(brinery.PolicyError):
            brinery.loads(data, policy=POLICY)
        assert happened == []


@pytest.mark.parametrize(
    "argument",
    [
        b"X\x01\0\0\0x",
        b"N",
        b"cbuiltins\nint\n",
        b"cbuiltins\nlen\n\x85",
        b"cos\nsystem\n",
        f"c{__name__}\nCalled\n".encode(),
        f"c{__name__}\nCalled\nK\x01\x85R".encode(),
    ],
)
def test_nothing_happens_with_arguments_that_are_not_granted(argument: bytes) -> None:
    for stream in (
        b"c%s\nCalled\n" + argument + b"\x85R.",
        b"c%s\nNew\n" + argument + b"\x85\x81.",
        b"c%s\nSetting\n)\x81" + argument + b"\x85b.",
        b"c%s\nKeywords\n)}X\x04\0\0\0part" + argument + b"s\x92.",
        b"c%s\nKeywords\n" + argument + b"\x85}\x92.",
        b"c%s\nCalled\n" + argument + b"b.",
    ):
        happened.clear()
        with pytest.raises(brinery.PolicyError):
            brinery.loads(b"\x80\x04" + stream.replace(b"%s", __name__.encode(), 1), policy=POLICY)
        assert happened == []


def test_what_was_judged_and_has_changed_since_is_judged_before_it_is_done() -> None:
    policy = brinery.Policy.allow(Called, call="tuple[list[int], any]")
    name = __name__.encode()
    changed = b"\x80\x04c" + name + b"\nCalled\n]\x94K\x01ah\x00X\x01\0\0\0xa\x86R."
    kept = b"\x80\x04c" + name + b"\nCalled\n]\x94K\x01ah\x00K\x02a\x86R."
    happened.clear()
    with pytest.raises(brinery.PolicyError):
        brinery.loads(changed, policy=policy)
    assert happened == []
    assert brinery.loads(kept, policy=policy).parts == ([1, 2], [1, 2])
    assert happened == ["Called"]


@pytest.mark.parametrize("limits", [{"memory": 200}, {"opcodes": 3}, {"depth": 4}, {"work": 1}])
def test_budgets_hold_before_it_is_done(limits: dict[str, int]) -> None:
    policy = POLICY.limits(**limits)
    for thing in (*THINGS, Called([[[[[[]]]]]])):
        data = pickle.dumps(thing, 4)
        happened.clear()
        if policy.explain(data).clean:
            assert brinery.loads(data, policy=policy).parts == thing.parts
            continue
        with pytest.raises(brinery.PolicyError):
            brinery.loads(data, policy=policy)
        assert happened == []


@pytest.mark.parametrize("way", [lambda thing: thing, lambda thing: [thing]])
def test_a_failure_is_met_once_and_is_the_cause(way: Any) -> None:
    data = b"\x80\x04c" + __name__.encode() + b"\nFailing\nK\x01\x85R."
    if way(1) != 1:
        data = data[:-1] + b"\x85."
    happened.clear()
    with pytest.raises(brinery.PolicyError, match="LookupError: not to be found") as caught:
        brinery.loads(data, policy=POLICY)
    assert happened == ["Failing"]
    assert isinstance(caught.value.__cause__, LookupError)
    assert caught.value.rule == "malformed"
    assert caught.value.opcode == "REDUCE"


def test_pickles_one_after_the_other() -> None:
    import io

    file = io.BytesIO(b"".join(pickle.dumps(thing, 4) for thing in THINGS))
    unpickler = brinery.Unpickler(file, policy=POLICY)
    happened.clear()
    assert [unpickler.load().parts for _ in THINGS] == [thing.parts for thing in THINGS]
    assert happened == [type(thing).__name__ for thing in THINGS]
    with pytest.raises(EOFError):
        unpickler.load()

"""Objects that stock cannot save or cannot load, and brinery can."""

from __future__ import annotations

import io

import pytest

import brinery
from tests.defects.objects import Keyed, Named, Owner, Several, SeveralKeyed

PROTOCOLS = pytest.mark.parametrize("protocol", range(6))


def again(obj: object, protocol: int) -> object:
    return brinery.loads(brinery.dumps(obj, protocol))


@PROTOCOLS
@pytest.mark.parametrize(
    "error",
    [Keyed("message", code=5), Several("x", "y"), SeveralKeyed("x", "y", hint="z")],
    ids=["keyword-only", "several", "both"],
)
def test_exceptions(error: Exception, protocol: int) -> None:
    loaded = again(error, protocol)
    assert type(loaded) is type(error)
    assert (loaded.args, str(loaded), vars(loaded)) == (error.args, str(error), vars(error))


@PROTOCOLS
def test_private_class(protocol: int) -> None:
    cls = Owner.private()
    assert again(cls, protocol) is cls
    assert again(cls(), protocol).value == 1


@PROTOCOLS
def test_private_methods(protocol: int) -> None:
    assert [method() for method in again(Owner().methods(), protocol)] == ["secret", "quiet"]
    assert again(Owner.private()().bound(), protocol)() == 7


@PROTOCOLS
def test_cycle_through_a_set_and_its_hash(protocol: int) -> None:
    one, two = Named("one"), Named("two")
    one.peers, two.peers = {one, two}, {one}
    one.index = {two: one}
    loaded = again(one, protocol)
    other = next(peer for peer in loaded.peers if peer.name == "two")
    assert loaded in loaded.peers and loaded in other.peers
    assert loaded.index[other] is loaded
    assert {peer.name for peer in loaded.peers} == {"one", "two"}


@PROTOCOLS
def test_cycle_that_starts_at_the_set(protocol: int) -> None:
    one = Named("one")
    group = {one}
    one.peers = group
    loaded = again(group, protocol)
    (member,) = loaded
    assert member in loaded and member.peers is loaded


@PROTOCOLS
def test_cycle_through_a_dict_key(protocol: int) -> None:
    one = Named("one")
    one.index = {one: "self"}
    loaded = again(one, protocol)
    assert loaded.index[loaded] == "self"


@PROTOCOLS
@pytest.mark.parametrize("depth", [1, 5, 60, 120])
def test_frozensets_in_fast_mode(depth: int, protocol: int) -> None:
    obj: object = frozenset({1, 2})
    for _ in range(depth):
        obj = frozenset({obj})
    stream = io.BytesIO()
    pickler = brinery.Pickler(stream, protocol)
    pickler.fast = True
    pickler.dump([obj, obj, frozenset()])
    loaded = brinery.loads(stream.getvalue())
    assert loaded == [obj, obj, frozenset()]


def test_memo_of_an_unpickler_can_be_assigned() -> None:
    """Taken from a proxy, from a copy, from a dict; empty, sparse and full. Stock crashes on some."""
    first = brinery.Unpickler(io.BytesIO(brinery.dumps(["a", "b"], 4)))
    first.load()
    held = first.memo.copy()
    for memo in (first.memo, held, {}, {5: "x", 100_000: "y"}):
        unpickler = brinery.Unpickler(io.BytesIO(b"h\x00."))
        unpickler.memo = memo
        assert unpickler.memo.copy() == (memo if isinstance(memo, dict) else held)
        if 0 in unpickler.memo.copy():
            assert unpickler.load() == held[0]
        else:
            with pytest.raises(brinery.UnpicklingError):
                unpickler.load()
    for wrong, error in ((5, TypeError), ({-1: 1}, ValueError), ({"a": 1}, TypeError)):
        with pytest.raises(error):
            unpickler.memo = wrong

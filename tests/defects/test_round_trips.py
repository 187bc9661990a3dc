"""Objects that stock cannot save or cannot load, and brinery can."""

from __future__ import annotations

import _pickle
import gc
import io
import time

import pytest

import brinery
from tests.defects.objects import (
    Club,
    Copied,
    Interrupted,
    Keyed,
    Linked,
    Mapping,
    Named,
    Never,
    Owner,
    Party,
    Several,
    SeveralKeyed,
    Watching,
)

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
def test_cycle_through_frozensets(protocol: int) -> None:
    one, two = Named("one"), Named("two")
    one.peers, two.peers = frozenset({two}), frozenset({one})
    loaded = again(one, protocol)
    (other,) = loaded.peers
    assert type(other.peers) is frozenset
    assert loaded in other.peers and other in loaded.peers
    assert other.peers == {loaded} and hash(other.peers) == hash(frozenset({Named("one")}))
    assert all(map(gc.is_tracked, (loaded.peers, other.peers)))


@PROTOCOLS
def test_cycle_that_starts_at_the_frozenset(protocol: int) -> None:
    one = Named("one")
    one.peers = frozenset({one})
    loaded = again(one.peers, protocol)
    (member,) = loaded
    assert member in loaded and member.peers is loaded


@PROTOCOLS
def test_unfinished_frozensets_as_keys_and_elements(protocol: int) -> None:
    """In a dict, whose order stays, in tuples, in sets and in other frozensets."""
    one = Named("one")
    group = frozenset({one, 5})
    one.index = {group: 1, (group, 2): 2, "plain": 3}
    one.peers = {group, frozenset({frozenset({("in", group)})}), 7}
    loaded = again(one, protocol)
    equal = frozenset({loaded, 5})
    assert list(loaded.index.values()) == [1, 2, 3]
    assert loaded.index[equal] == 1 and loaded.index[equal, 2] == 2
    assert loaded.peers == {equal, frozenset({frozenset({("in", equal)})}), 7}
    assert next(iter(loaded.index)) in loaded.peers


@PROTOCOLS
@pytest.mark.parametrize("start", ["plain", "linked"])
def test_hash_that_needs_the_frozenset(start: str, protocol: int) -> None:
    plain, linked = Named("plain"), Linked("linked")
    linked.links = frozenset({plain})
    plain.peers, plain.index = frozenset({linked}), {linked: 1, 4: 5}
    loaded = again({"plain": plain, "linked": linked}[start], protocol)
    plain = loaded if start == "plain" else next(iter(loaded.links))
    (linked,) = plain.peers
    assert next(iter(linked.links)) is plain
    assert linked in plain.peers and plain.index == {linked: 1, 4: 5}
    if start == "plain":
        assert list(plain.index) == [linked, 4]


@PROTOCOLS
def test_several_that_wait_in_one(protocol: int) -> None:
    one, two, three = Named("one"), Named("two"), Named("three")
    one.next, two.next = two, three
    three.peers, three.index = frozenset({one, two, three}), {two: 1, one: 2, three: 3, "k": 4}
    loaded = again(one, protocol)
    three = loaded.next.next
    assert three.peers == {loaded, loaded.next, three}
    assert list(three.index) == [loaded.next, loaded, three, "k"]


@PROTOCOLS
@pytest.mark.parametrize(("start", "cls"), [("element", Club), ("element", Party), ("group", Club)])
def test_cycle_through_subclasses_of_sets(start: str, cls: type, protocol: int) -> None:
    one = Named("one")
    one.peers = cls([one, 7])
    one.peers.owner = one
    loaded = again(one if start == "element" else one.peers, protocol)
    if start == "group":
        assert loaded.owner.peers is loaded
        loaded = loaded.owner
    assert type(loaded.peers) is cls and loaded.peers == {loaded, 7}
    assert loaded in loaded.peers and loaded.peers.owner is loaded


@PROTOCOLS
def test_unfinished_frozensets_tell_nobody_that_they_are_empty(protocol: int) -> None:
    one = Watching("one")
    one.peers = frozenset({one})
    loaded = again(one, protocol)
    assert loaded.seen == "unfinished"
    assert loaded in loaded.peers


@PROTOCOLS
@pytest.mark.parametrize("container", [set, frozenset, Mapping])
def test_a_call_with_a_container_that_lacks_an_element_is_refused(container: type, protocol: int) -> None:
    # The call could copy what is there, and lose the rest without a word.
    one = Named("one")
    one.copy = Copied(container({one: 1}))
    data = brinery.dumps([one, 7], protocol)
    with pytest.raises(AttributeError, match="name"):
        _pickle.loads(data)
    with pytest.raises(AttributeError, match="name") as caught:
        brinery.loads(data)
    assert caught.value.path.startswith("obj[0]") or caught.value.path == "obj"


@PROTOCOLS
def test_element_that_never_gets_a_hash(protocol: int) -> None:
    one = Never()
    one.group = frozenset({one})
    data = brinery.dumps(one, protocol)
    with pytest.raises(AttributeError, match="key") as caught:
        brinery.loads(data)
    assert (caught.value.offset, caught.value.opcode) == (len(data) - 1, "STOP")


def test_signal_while_elements_wait() -> None:
    one = Interrupted("one")
    one.peers = frozenset({one})
    data = brinery.dumps(one)
    Interrupted.hashed = 0
    with pytest.raises(KeyboardInterrupt):
        brinery.loads(data)


@pytest.mark.parametrize("protocol", [2, 5])
def test_many_that_wait(protocol: int) -> None:
    """The time is in proportion to how many there are: ten seconds would be a hundred times as much."""
    nodes = [Named(str(number)) for number in range(20_000)]
    for before, node, after in zip([nodes[-1], *nodes], nodes, [*nodes[1:], nodes[0]]):
        node.peers, node.index = frozenset({before, after}), {before: 1, after: 2}
    start = time.process_time()
    node = again(nodes[0], protocol)
    assert time.process_time() - start < 10
    for number in range(1, len(nodes)):
        assert len(node.peers) == len(node.index) == 2
        node = next(peer for peer in node.peers if peer.name == str(number))


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

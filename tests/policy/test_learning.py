"""What is learnt from samples loads other objects of the same programs, and no more than that."""

from __future__ import annotations

import collections
import functools
import pickle
from typing import Any

import pytest

import brinery
from tests.attacks import programs
from tests.attacks.programs import Account, Order, Row, Session, Task, Temporary, notify, scale


class Checked:
    """A class with slots that has a way of its own to set attributes."""

    __slots__ = ("a", "b")

    def __init__(self, a: object, b: object) -> None:
        object.__setattr__(self, "a", a)
        object.__setattr__(self, "b", b)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


class Documented:
    """A class whose instances have texts of their own."""

    def __init__(self, text: str | None, cache: dict[str, Any]) -> None:
        self.__doc__ = text
        self.__noted_cache__ = cache


def again(samples: list[Any], thing: Any, protocol: int = 4) -> Any:
    """Return a thing that was saved and loaded by what was learnt from samples."""
    policy = brinery.Policy.learn([pickle.dumps(sample, number) for sample in samples for number in (2, 4)])
    assert brinery.Policy.from_toml(policy.to_toml()) == policy
    return brinery.loads(pickle.dumps(thing, protocol), policy=policy)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_slots_are_filled_without_the_code_of_the_class(protocol: int) -> None:
    made = again([Checked(1, "x")], [Checked([1], None), Checked("y", 2)], protocol)
    assert [(one.a, one.b) for one in made] == [([1], None), ("y", 2)] or protocol < 2


@pytest.mark.parametrize("protocol", range(6))
def test_special_names_that_samples_have_are_attributes(protocol: int) -> None:
    made = again([Documented("a", {})], Documented(None, {"b": 1}), protocol)
    assert (vars(made)["__doc__"], vars(made)["__noted_cache__"]) == (None, {"b": 1})
    with pytest.raises(brinery.PolicyError):
        again([Documented("a", {})], Documented("b", Order))  # type: ignore[arg-type]


@pytest.mark.parametrize("protocol", range(6))
def test_partials_are_learnt_without_a_right_to_call(protocol: int) -> None:
    made = again([Task(functools.partial(scale, 5))], Task(functools.partial(scale, "x", factor=2)), protocol)
    assert made.action() == "x"
    assert "later = true" in brinery.Policy.learn([pickle.dumps(functools.partial(scale, 5))]).to_toml()
    call = b"\x80\x02ctests.attacks.programs\nscale\nK\x05\x85R."
    with pytest.raises(brinery.PolicyError, match=r"global\.call"):
        brinery.loads(call, policy=brinery.Policy.learn([pickle.dumps(functools.partial(scale, 5))]))
    assert brinery.loads(pickle.dumps(scale), policy=brinery.Policy.allow(scale, later=True)) is scale


@pytest.mark.parametrize("protocol", range(6))
def test_a_defaultdict_of_a_class_of_the_samples(protocol: int) -> None:
    sample = collections.defaultdict(Order, {"a": Order(id=1)})
    made = again([sample], collections.defaultdict(Order, {"b": Order(id=2)}), protocol)
    assert made.default_factory is Order
    assert vars(made["b"]) == {"id": 2}
    with pytest.warns(UserWarning, match="notify is what"):
        brinery.Policy.learn([pickle.dumps(collections.defaultdict(notify, a=Task(notify)))])


@pytest.mark.parametrize("protocol", range(6))
def test_what_is_new_may_be_given_a_state_though_the_program_keeps_it(protocol: int) -> None:
    sample = Session("sample")
    sample.more = 1  # type: ignore[attr-defined]
    name = f"new {protocol}"
    thing = Session(name)
    thing.more = [2]  # type: ignore[attr-defined]
    made = again([sample], thing, protocol)
    assert made is programs.Session.known.pop(name)
    assert made.more == [2]


def test_what_acts_when_it_goes_has_to_be_granted() -> None:
    data = pickle.dumps(Temporary(""))
    with pytest.raises(brinery.PolicyError, match="__del__"):
        brinery.loads(data, policy=brinery.Policy.learn([data]))
    granted = brinery.Policy.learn([data]) | brinery.Policy.allow(Temporary, methods=["__del__"])
    assert brinery.loads(data, policy=granted).path == ""


def test_iterators_of_known_functions_load_and_others_do_not() -> None:
    sample = [map(len, iter(["a"])), functools.partial(scale, 5), Account("x").close]
    assert list(again([sample], map(len, iter(["ab"])))) == [2]
    for function in (functools.partial(scale, 1), scale):
        with pytest.raises(brinery.PolicyError):
            again([sample, Task(scale)], [map(function, iter([1]))])


def test_named_tuples_hold_numbers_of_any_size() -> None:
    assert again([Row("a", 5)], Row(10**30, -(10**12))) == (10**30, -(10**12))


def test_arrays_of_classes_of_their_own() -> None:
    numpy = pytest.importorskip("numpy")
    from .arrays import Measured, Signal

    sample = [numpy.ones(3).view(Signal), Measured(numpy.ones(2), "m")]
    other = [numpy.zeros((2, 2)).view(Signal), Measured(numpy.arange(5), "km")]
    signal, measured = again(sample, other)
    assert (type(signal), signal.shape) == (Signal, (2, 2))
    assert (type(measured), measured.unit, measured.tolist()) == (Measured, "km", [0, 1, 2, 3, 4])
    policy = brinery.Policy.learn([pickle.dumps(sample, 4)])
    honest = pickle.dumps(other[1], 4)
    for damaged in (
        honest.replace(b"K\x05\x85", b"K\x06\x85"),
        honest.replace(b"K\x05\x85", b"J\x05\x00\x00\x70\x85"),
        honest.replace(b"i8", b"O8"),
    ):
        assert damaged != honest
        with pytest.raises(brinery.PolicyError):
            brinery.loads(damaged, policy=policy)

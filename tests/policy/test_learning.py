"""What is learnt from samples loads other objects of the same programs, and no more than that."""

from __future__ import annotations

import argparse
import collections
import functools
import json
import operator
import pickle
import time
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


class Model:
    """A class that takes its attributes and what it knows of them together."""

    def __getstate__(self) -> dict[str, Any]:
        return {"__dict__": self.__dict__, "__fields_set__": set(self.__dict__), "__extra__": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = state["__dict__"]


class Tally(dict):  # type: ignore[type-arg]
    """A class whose objects are made by calls."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Tally, (), None, None, iter(self.items())


class Asked:
    """A class whose objects are asked by operators."""

    def __init__(self, items: list[int]) -> None:
        self.items = items

    def __getitem__(self, index: int) -> int:
        return self.items[index]

    def __call__(self, add: int) -> list[int]:
        return [item + add for item in self.items]


class Member:
    """What is saved as a member of such an object."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (Asked([1]), self.name)


class Nothing:
    """What is saved as a call of the class of None."""

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()


class Settings:
    """Values by name."""


class Job:
    """A class with an attribute that exceptions have, too."""

    def __init__(self, args: object) -> None:
        self.args = args


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
def test_a_defaultdict_of_a_class_whose_objects_are_made_by_calls(protocol: int) -> None:
    sample = collections.defaultdict(Tally, {"a": Tally(b=1)})
    made = again([sample], collections.defaultdict(Tally, {"c": Tally(d=2)}), protocol)
    assert (made.default_factory, type(made["c"]), made["c"]) == (Tally, Tally, {"d": 2})


@pytest.mark.parametrize("protocol", range(6))
def test_a_state_with_a_dict_in_it_is_for_the_method_of_the_class(protocol: int) -> None:
    sample, thing = Model(), Model()
    sample.name, thing.size = "a", [1]  # type: ignore[attr-defined]
    made = again([sample], thing, protocol)
    assert (type(made), vars(made)) == (Model, {"size": [1]})
    policy = brinery.Policy.learn([pickle.dumps(sample)]).to_toml().replace(":Model", ":Settings")
    with pytest.raises(brinery.PolicyError, match="__setstate__"):
        data = pickle.dumps(sample, 4).replace(b"\x8c\x05Model", b"\x8c\x08Settings", 1)
        brinery.loads(data[:2] + data[11:], policy=brinery.Policy.from_toml(policy))


@pytest.mark.parametrize("protocol", range(6))
def test_arguments_may_be_something_that_has_attributes(protocol: int) -> None:
    options = argparse.Namespace(rate=1)
    for argument in (options, (1, "x"), [options], None):
        made = again([Job(argparse.Namespace()), Job([])], Job(argument), protocol)
        assert made.args == argument
    with pytest.raises(brinery.PolicyError):
        again([Job(argparse.Namespace())], Job(iter("ab")), protocol)


@pytest.mark.parametrize("protocol", range(6))
def test_calls_of_the_class_of_none(protocol: int) -> None:
    assert again([[Nothing()]], [1, Nothing()], protocol) == [1, None]
    for damaged in (b"cbuiltins\ntype\nN\x85R(K\x01tR.", b"cbuiltins\ntype\nK\x01\x85R)R."):
        with pytest.raises(brinery.PolicyError):
            brinery.loads(damaged, policy="stdlib")


def test_methods_of_containers_and_functions_that_compute() -> None:
    things = [[1].remove, {"a": 1}.pop, time.monotonic, json.dumps, operator.methodcaller("encode", "utf8")]
    made = brinery.loads(pickle.dumps(things), policy="stdlib")
    assert [function.__name__ for function in made[:4]] == ["remove", "pop", "monotonic", "dumps"]
    assert made[4]("a") == b"a"
    assert type(brinery.loads(pickle.dumps(object()), policy="stdlib")) is object
    for other in (time.sleep, json.dump, operator.methodcaller("write_text", "a"), "{}".format):
        with pytest.raises(brinery.PolicyError):
            brinery.loads(pickle.dumps(other), policy="stdlib")


@pytest.mark.parametrize("protocol", range(6))
def test_what_a_program_keeps_may_have_the_state_that_it_has(protocol: int) -> None:
    kept = programs.session(f"kept {protocol}")
    kept.notes = {"a": [1, (b"x", 2.5)], "b": None}  # type: ignore[attr-defined]
    policy = brinery.Policy.learn([pickle.dumps([kept, kept], protocol)])
    for _ in range(2):
        made = brinery.loads(pickle.dumps([kept, {"notes": [kept]}], protocol), policy=policy)
        assert made[0] is kept
    before = dict(vars(kept))
    notes = kept.notes  # type: ignore[attr-defined]
    for other in (
        {**notes, "a": [1, (b"x", 3.5)]},
        {**notes, "a": [1, (b"x", 2.5), 1]},
        {**notes, "b": True},
        {},
    ):
        kept.notes = other  # type: ignore[attr-defined]
        data = pickle.dumps(kept, protocol)
        kept.__dict__ = dict(before)
        with pytest.raises(brinery.PolicyError, match="was there before"):
            brinery.loads(data, policy=policy)
        assert vars(kept) == before


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


@pytest.mark.parametrize("protocol", range(6))
def test_methods_of_operators_load_and_those_that_make_objects_do_not(protocol: int) -> None:
    sample, thing = Asked([1]), Asked([2, 3])
    made = again([[sample.__getitem__, sample.__call__]], [thing.__getitem__, thing.__call__], protocol)
    assert [made[0](1), made[1](1)] == [3, [3, 4]]
    for name in ("__init__", "__reduce_ex__", "__setattr__", "__getattribute__", "__class__", "__dict__"):
        data = pickle.dumps(Member(name), protocol)
        with pytest.raises(brinery.PolicyError, match="may not be asked for"):
            brinery.loads(data, policy=brinery.Policy.learn([data, pickle.dumps(sample, protocol)]))


def test_iterators_of_known_functions_load_and_others_do_not() -> None:
    sample = [map(len, iter(["a"])), functools.partial(scale, 5), Account("x").close]
    assert list(again([sample], map(len, iter(["ab"])))) == [2]
    for function in (functools.partial(scale, 1), scale):
        with pytest.raises(brinery.PolicyError):
            again([sample, Task(scale)], [map(function, iter([1]))])


def test_named_tuples_hold_numbers_of_any_size() -> None:
    assert again([Row("a", 5)], Row(10**30, -(10**12))) == (10**30, -(10**12))


@pytest.mark.parametrize("name", ["Tagged", "Labelled"])
def test_arrays_whose_attributes_come_before_or_after_the_parts_of_their_memory(name: str) -> None:
    numpy = pytest.importorskip("numpy")
    from . import arrays

    kind = getattr(arrays, name)
    sample, other = kind(numpy.ones(3), "a"), kind(numpy.arange(4), "b", None, 1.5)
    for protocol in range(2, 5):
        made = again([sample], other, protocol)
        assert (type(made), made.tolist(), made.tags) == (kind, [0, 1, 2, 3], ("b", None, 1.5))
    honest, policy = pickle.dumps(other, 4), brinery.Policy.learn([pickle.dumps(sample, 4)])
    for damaged in (
        honest.replace(b"K\x04\x85", b"K\x05\x85"),
        honest.replace(b"i8", b"O8"),
        pickle.dumps(kind(numpy.arange(4), "b", numpy.dtype("f8")), 4),
        pickle.dumps(kind(numpy.arange(4), "b", (1,)), 4),
    ):
        assert damaged != honest
        with pytest.raises(brinery.PolicyError):
            brinery.loads(damaged, policy=policy)


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


def held(policy: brinery.Policy, name: str) -> list[str]:
    """Return within whose objects a function of the programs may be, as the text of a policy says."""
    text = policy.to_toml()
    section = text.split(f'[globals."tests.attacks.programs:{name}"]')[1].split("\n\n")[0]
    lines = [line for line in section.splitlines() if line.startswith("within")]
    return json.loads(lines[0].partition(" = ")[2]) if lines else ["anywhere"]


@pytest.mark.parametrize("protocol", range(6))
def test_functions_are_learnt_with_what_holds_them(protocol: int) -> None:
    """So are methods, and those in partials and containers; what holds the holder counts as well."""
    samples = [
        [Task(notify), {"a": [Task(functools.partial(scale, 1))]}, scale],
        programs.Relay([programs.Listener((scale,))]),
        Task(Account("me").close),
    ]
    policy = brinery.Policy.learn([pickle.dumps(sample, protocol) for sample in samples])
    task, relay, listener = (f"tests.attacks.programs:{name}" for name in ("Task", "Relay", "Listener"))
    assert held(policy, "notify") == [task]
    assert held(policy, "scale") == [listener, relay, task]
    assert held(policy, "Account") == [task]
    assert brinery.Policy.from_toml(policy.to_toml()) == policy
    for fine in [*samples, [notify, scale], Task([notify, functools.partial(scale)]), programs.Relay(scale)]:
        data = pickle.dumps(fine, protocol)
        assert type(brinery.loads(data, policy=policy)) is type(fine)
        assert policy.explain(data).clean
    for other in [programs.Relay(notify), programs.Listener([{"a": notify}]), programs.Relay(Task(notify))]:
        data = pickle.dumps(other, protocol)
        with pytest.raises(
            brinery.PolicyError, match=r"notify may not be within objects of .*\(?global.value"
        ):
            brinery.loads(data, policy=policy)
        assert any("may not be within objects" in line.message for line in policy.explain(data).needs)


def test_a_policy_that_says_nothing_of_holders_grants_all() -> None:
    """That is what policies of before mean, alone and joined with others; what is learnt besides keeps that."""
    anywhere = brinery.Policy.allow(notify, value=True) | brinery.Policy.allow(Task)
    task = "tests.attacks.programs:Task"
    within = brinery.Policy.allow(notify, within=[task]) | brinery.Policy.allow(Task)
    nowhere = brinery.Policy.allow(notify, within=[]) | brinery.Policy.allow(Task)
    data = pickle.dumps(Task(notify))
    for policy in (anywhere, within, anywhere | within, within | anywhere, nowhere | within):
        assert brinery.loads(data, policy=policy).action is notify
    assert brinery.loads(pickle.dumps([notify]), policy=nowhere) == [notify]
    with pytest.raises(brinery.PolicyError, match="may not be within objects of"):
        brinery.loads(data, policy=nowhere)
    assert held(brinery.Policy.learn([data], base=anywhere), "notify") == ["anywhere"]
    assert held(brinery.Policy.learn([data], base=nowhere), "notify") == [task]


def test_many_holders_of_many_functions_are_no_more_work_than_the_stream() -> None:
    """Each is looked at a few times, in circles as well; what is more work than granted is refused."""
    functions = [notify, scale, mark_nothing, held]
    tasks = [Task(functions[n % 4], Task(functions[(n + 1) % 4])) for n in range(20_000)]
    for one, other in zip(tasks, tasks[1:] + tasks[:1], strict=True):
        one.next = other  # type: ignore[attr-defined]
    data = brinery.dumps(tasks)
    policy = brinery.Policy.learn([brinery.dumps(tasks[:1])]).limits(depth=10**6)
    started = time.process_time()
    assert len(brinery.loads(data, policy=policy)) == len(tasks)
    assert time.process_time() - started < 5
    with pytest.raises(brinery.PolicyError, match=r"budget\.work"):
        brinery.loads(data, policy=policy.limits(work=50_000))


def mark_nothing() -> None:
    """Do nothing."""

"""Attacks by texts that tell a program's own functions what to do: only those do it that honest files have."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import pytest

import brinery

from .assembly import call, glob, inst, obj, text, tup
from .harness import prove, refuse
from .learning import learnt, made, named, respelled
from .programs import Deed, Drawn, run_deed, run_deeds, run_pair, run_plan

CLASS = glob("builtins", "getattr") + named("Deed") + text("of") + b"\x86R"
HONEST = [
    [Drawn(run_deed, "circle"), Drawn(run_deed, "square")],
    [Drawn(run_pair, ("circle", 1)), Drawn(run_deeds, ["circle", "square"])],
    [Drawn(run_plan, {"kind": "square"}), Drawn(Deed.of, "circle"), Drawn(Deed, "circle", 2)],
]
DEEDS = {
    "another name": made("run_deed", text("wipe")),
    "another name in protocol 0": inst("tests.attacks.programs", "run_deed", b"Vwipe\n"),
    "another name in protocol 1": obj(named("run_deed"), text("wipe")),
    "another name in the text of Python 2": inst("tests.attacks.programs", "run_deed", b"S'wipe'\n"),
    "more arguments": made("run_deed", text("wipe"), b"K\x01"),
    "another name in a pair": made("run_pair", tup(text("wipe"), b"K\x01")),
    "another name in a list": made("run_deeds", b"](" + text("circle") + text("wipe") + b"e"),
    "a name that comes later": made("run_deeds", b"]q\x05" + text("circle") + b"a")
    + b"0"
    + made("run_deeds", b"]" + text("wipe") + b"a"),
    "another name in a dict": made("run_plan", b"}" + text("kind") + text("wipe") + b"s"),
    "a method of the class": call(CLASS, text("wipe")),
    "a class that is called": made("Deed", text("wipe"), b"K\x02"),
    "a partial that is called at once": call(
        call(glob("functools", "partial"), named("run_deed"), text("wipe"))
    ),
}
WHOLE = {name: b"\x80\x02" + data + b"." for name, data in DEEDS.items()}
ATTACKS = {**WHOLE, **{f"{name} (4)": respelled(data) for name, data in WHOLE.items()}}
#: They use nothing but the program's own functions, as its honest files do.
OWN = {name for name in ATTACKS if not name.startswith("a partial")}


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS, programs=True)


def test_they_are_refused() -> None:
    refuse(ATTACKS, [learnt(*HONEST)], programs=True)


@pytest.mark.parametrize("protocol", range(6))
def test_what_samples_have_loads(protocol: int) -> None:
    policy = eval(learnt(*HONEST), {"Policy": brinery.Policy})
    for things in [
        *HONEST,
        [Drawn(run_pair, ("circle", 7)), Drawn(run_deeds, ["square"]), Drawn(run_deeds, [])],
        [Drawn(Deed, "circle", None), Drawn(run_plan, {})],
    ]:
        data = pickle.dumps(things, protocol)
        assert brinery.loads(data, policy=policy) == pickle.loads(data)
    assert "'circle' | 'square'" in policy.to_toml()
    assert brinery.Policy.from_toml(policy.to_toml()) == policy


def says(*samples: Any, called: Any = run_deed) -> bool:
    """Whether a policy learnt of samples, each the arguments of one call or more, has another text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        policy = brinery.Policy.learn(
            [pickle.dumps([Drawn(called, *args) for args in sample]) for sample in samples]
        )
    return policy.explain(pickle.dumps(Drawn(called, "triangle"))).clean


def test_texts_that_are_no_choice_are_of_any_content() -> None:
    a, b = [("a",)], [("b",)]
    assert not says(a, a, a)
    assert not says(a * 3)
    assert not says([*a, *b], [*b, *a], a, b)
    assert not says(*[a] * 6, called=Deed)
    assert says(*[a] * 5, called=Deed)
    # One that only one sample has; too few; what is no name, or one of very many.
    assert says(a, a, a, b)
    assert says(a, a)
    assert says(a, b, a, b)
    assert says([("some text",)], [("some text",)], [("some text",)])
    assert says(*[[(f"name {number}",) for number in range(17)]] * 3)
    assert says(*[[(f"name{number}",) for number in range(17)]] * 3)
    assert not says(*[[(f"name{number}",) for number in range(16)]] * 3)

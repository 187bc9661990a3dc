"""Attacks on programs by policies that were learnt from what these save: they name nothing that is not granted."""

from __future__ import annotations

import functools
import logging
import operator
import pickle
from typing import Any

import pytest

import brinery

from . import programs
from .assembly import call, glob, inst, newobj, obj, text, tup
from .harness import prove, refuse
from .learning import appends, build, learnt, made, named, new, pairs, respelled, stated
from .programs import (
    Account,
    Blob,
    Cache,
    Color,
    Guarded,
    Item,
    Label,
    Order,
    Point,
    Right,
    Row,
    Series,
    Slotted,
    Task,
    Temporary,
    Thermostat,
    Trail,
    Trouble,
    Unit,
    notify,
    scale,
    session,
)

GETATTR = glob("builtins", "getattr")
GETITEM = glob("_operator", "getitem")
PARTIAL = glob("functools", "partial")
MAPPED = glob("builtins", "map")
ITER = glob("builtins", "iter")
LISTED = glob("builtins", "list")
ONE = b"K\x01"
TRUE = b"\x88"
MARK = text("touch effect")


def partial(function: bytes, arguments: bytes = b")", keywords: bytes = b"}") -> bytes:
    """Return the opcodes for a partial, as picklers write it."""
    return call(PARTIAL, function) + b"(" + function + arguments + keywords + b"Ntb"


def listed(*items: bytes) -> bytes:
    """Return the opcodes for a list."""
    return b"](" + b"".join(items) + b"e"


def trouble() -> Trouble:
    """Return an exception with a state."""
    error = Trouble("no", 5)
    error.code = 7  # type: ignore[attr-defined]
    return error


def changed(thing: Any, **attributes: Any) -> Any:
    """Return a thing with more attributes."""
    for name, value in attributes.items():
        object.__setattr__(thing, name, value)
    return thing


#: What programs save, and what attacks make of the names in it.
COLLECTIONS: dict[str, tuple[list[Any], dict[str, bytes]]] = {
    "a shop": (
        [
            [Order(id=5, lines=[Item("a", 1)], color=Color.RED, settings=programs.SETTINGS)],
            [Point(1, 2), Row("a", 5), Right.READ | Right.WRITE, Color.BLUE],
            [programs.REGISTRY, programs.JOURNAL, programs.MAIN],
        ],
        {
            "a state for what there is once": build(named("SETTINGS"), admin=TRUE),
            "attributes for what there is once": stated(named("SETTINGS"), admin=TRUE),
            "a state for it, fetched from the memo": named("SETTINGS")
            + b"q\x050h\x05"
            + pairs({"admin": TRUE})
            + b"b",
            "a state for it, in a list": listed(named("SETTINGS") + b"q\x05")
            + b"0h\x05"
            + pairs({"admin": TRUE})
            + b"b",
            "items for a dict that there is once": named("REGISTRY") + text("admin") + TRUE + b"s",
            "many of them": named("REGISTRY") + b"(" + text("admin") + TRUE + text("b") + TRUE + b"u",
            "a state for such a dict": build(named("REGISTRY"), admin=TRUE),
            "an item for a list that there is once": named("JOURNAL") + text("forged") + b"a",
            "many for it": appends(named("JOURNAL"), text("forged"), text("entries")),
            "a state for what a function has at hand": build(made("handle", text("main")), open=TRUE),
            "the same, set one by one": stated(made("handle", text("main")), open=TRUE),
            "a state for a member of an enumeration": build(call(named("Color"), ONE), evil=TRUE),
            "the same, set one by one ": stated(call(named("Color"), ONE), evil=TRUE),
            "a state for a member had by its name": build(
                call(GETATTR, named("Color"), text("RED")), evil=TRUE
            ),
            "a state for a flag": build(call(named("Right"), ONE), evil=TRUE),
            "attributes for a class": stated(named("Order"), currency=text("free")),
            "attributes for a class with slots": stated(named("Point"), x=ONE),
            "attributes for a frozen class": stated(named("Item"), count=ONE),
            "attributes for a named tuple": stated(named("Row"), key=ONE),
            "attributes for the class of an enumeration": stated(named("Color"), evil=ONE),
            "attributes for a function": build(named("handle"), evil=ONE),
            "attributes for a class, from the memo": named("Order")
            + b"q\x05)\x81q\x060h\x05N"
            + pairs({"currency": text("free")})
            + b"\x86b",
            "a class's new attributes by protocol 0": b"c"
            + b"tests.attacks.programs\nOrder\n"
            + b"(N(V"
            + b"currency\nVfree\ndtb",
            "a dict of its own for an instance": b"("
            + new("Order")
            + b"q\x05N}"
            + text("__dict__")
            + pairs({"a": ONE})
            + b"s\x86b"
            + stated(named("SETTINGS"), admin=TRUE)
            + b"t",
        },
    ),
    "tasks": (
        [
            [Task(notify, "a"), Task(scale, 1, 2), Task(functools.partial(notify, "x"))],
            [functools.partial(scale, 5, factor=2), notify, Account("x").close],
            Account("me"),
        ],
        {
            "a function that is called": made("notify", text("x")),
            "a function that is called without arguments": made("notify"),
            "a function that is called by protocol 0": inst("tests.attacks.programs", "notify", b"Vx\n"),
            "a function that is called by protocol 1": obj(named("notify"), text("x")),
            "a partial that is called": partial(named("notify"), tup(text("x"))) + b")R",
            "a partial without a state that is called": call(call(PARTIAL, named("notify"), text("x"))),
            "a partial from the memo that is called": partial(named("notify")) + b"q\x050h\x05)R",
            "a partial of a partial": partial(partial(named("notify"))) + b")R",
            "a partial of another after it was judged": call(PARTIAL, named("scale"))
            + b"("
            + named("notify")
            + b")}Ntb)R",
            "a partial of a partial that becomes another": call(PARTIAL, named("scale"))
            + b"q\x05"
            + b"0h\x05("
            + named("notify")
            + b")}Ntb0h\x05)R",
            "a partial of getattr": call(
                call(
                    partial(GETATTR, tup(new("Account"))),
                    text("wipe"),
                )
            ),
            "a method that nobody asked for": call(call(GETATTR, new("Account"), text("wipe"))),
            "a method that was asked for, called": call(call(GETATTR, new("Account"), text("close"))),
            "the same of the class": call(call(GETATTR, named("Account"), text("close")), new("Account")),
            "a method of a class": call(call(GETATTR, named("Account"), text("wipe")), new("Account")),
            "a partial of a method": call(partial(call(GETATTR, new("Account"), text("close")))),
            "a map of a function": call(LISTED, call(MAPPED, named("notify"), call(ITER, listed(ONE)))),
            "a tuple of a map": call(
                glob("builtins", "tuple"), call(MAPPED, named("notify"), call(ITER, listed(ONE)))
            ),
            "a deque of a map": call(
                glob("collections", "deque"), call(MAPPED, named("notify"), call(ITER, listed(ONE)))
            ),
            "a set of a map of a partial": call(
                glob("builtins", "set"),
                call(MAPPED, partial(named("notify")), call(ITER, listed(ONE))),
            ),
            "a dict of a map": call(
                glob("collections", "OrderedDict"),
                call(MAPPED, partial(named("notify")), call(ITER, listed(ONE))),
            ),
            "a list of a filter": call(
                LISTED, call(glob("builtins", "filter"), named("notify"), call(ITER, listed(ONE)))
            ),
            "a list of calls until something": call(LISTED, call(ITER, named("notify"), b"N")),
            "a list that is extended by a map": call(
                call(GETATTR, b"]", text("extend")),
                call(MAPPED, named("notify"), call(ITER, listed(ONE))),
            ),
            "a default that is a function": call(
                GETITEM, call(glob("collections", "defaultdict"), named("notify")), text("x")
            ),
            "a default that is a partial": call(
                GETITEM, call(glob("collections", "defaultdict"), partial(named("notify"))), text("x")
            ),
            "a default that is asked for by a getter": call(
                call(glob("operator", "itemgetter"), text("x")),
                call(glob("collections", "defaultdict"), partial(named("notify"))),
            ),
            "the code of a function by a getter": call(
                call(glob("operator", "attrgetter"), text("__globals__.get")), named("notify")
            )
            + text("mark")
            + b"\x85R)R",
            "a method by its name": call(
                call(glob("operator", "methodcaller"), text("wipe")), new("Account")
            ),
            "a key that sorts": call(call(GETATTR, listed(ONE, ONE), text("sort"))) + b"0" + made("notify"),
            "a state that is a hook": build(new("Task"), __setstate__=named("notify"))
            + b"q\x05N"
            + b"0h\x05"
            + pairs({"a": ONE})
            + b"b",
            "a state that is a hook for items": build(new("Task"), append=named("notify")) + ONE + b"a",
            "a state that is a hook for many items": appends(
                build(new("Task"), extend=named("notify"), append=named("notify")), ONE, ONE
            ),
            "a state that is a hook for elements": build(new("Task"), add=named("notify"))
            + b"("
            + ONE
            + b"\x90",
            "a reduced list of functions": call(
                glob("functools", "reduce"), named("notify"), listed(ONE, ONE)
            ),
        },
    ),
    "accounts": (
        [
            [changed(Account("me"), parts=[1, 2]), Account("you")],
            Temporary(""),
            [Thermostat("a"), Slotted(1, [2]), changed(Guarded("a"), more=1)],
            [Task(notify)],
        ],
        {
            "a class for an account, armed": new("Account")
            + b"}("
            + text("path")
            + text("x")
            + text("__class__")
            + named("Temporary")
            + b"ub0N",
            "an object that acts when it goes": build(new("Temporary"), path=text("x")) + b"0N",
            "the same, kept": build(new("Temporary"), path=text("x")),
            "the same, set one by one": stated(new("Temporary"), path=text("x")) + b"0N",
            "the same by protocol 0": b"(itests.attacks.programs\nTemporary\n(Vpath\nVx\ndb0N",
            "a property that is set": stated(new("Thermostat"), level=ONE),
            "a property of a class with slots": stated(new("Slotted"), level=ONE),
            "a property beside a slot": stated(new("Slotted"), a=ONE, level=ONE),
            "a class that acts, and a dict": new("Guarded")
            + pairs({"a": ONE})
            + pairs({"b": ONE})
            + b"\x86b",
            "a hook in the state": build(new("Thermostat"), __setstate__=named("notify"))
            + b"q\x050h\x05"
            + pairs({"level": ONE})
            + b"b",
            "a hook in the state, called with a number": build(new("Task"), __setstate__=named("notify"))
            + ONE
            + b"b",
            "a hook by what sets attributes": build(new("Account"), __setstate__=named("notify"))
            + b"q\x050h\x05"
            + pairs({"a": ONE})
            + b"b",
            "a hook by what sets attributes, at once": build(new("Account"), __setstate__=named("notify"))
            + pairs({"a": ONE})
            + b"b",
            "a hook for items by what sets attributes": build(new("Account"), append=named("notify"))
            + ONE
            + b"a",
            "a hook for elements by what sets attributes": build(new("Account"), add=named("notify"))
            + b"("
            + ONE
            + b"\x90",
            "a hook in the state in two parts": new("Task")
            + b"}"
            + pairs({"__setstate__": named("notify")})
            + b"\x86b"
            + ONE
            + b"b",
            "what sets attributes, for a class": stated(named("Guarded"), evil=ONE),
        },
    ),
    "troubles": (
        [
            [trouble(), Trouble("a", "b")],
            [Task(notify, "x")],
        ],
        {
            "a property of an exception": build(made("Trouble", ONE, ONE), level=ONE),
            "the same, with others": build(made("Trouble", ONE, ONE), code=ONE, level=ONE),
            "the same by construction": build(newobj(named("Trouble"), ONE, ONE), level=ONE),
            "a default that runs": call(
                GETITEM, call(glob("collections", "defaultdict"), named("notify")), ONE
            ),
            "a function that is called": made("notify"),
        },
    ),
    "what there is once for each name": (
        [[changed(session("new"), more=1)], [Unit("s"), Cache(a=1), Trail([1, 2])]],
        {
            "a state for what is there": build(made("session", text("admin")), admin=TRUE),
            "the same, set one by one": stated(made("session", text("admin")), admin=TRUE),
            "the same, from the memo": made("session", text("admin"))
            + b"q\x050h\x05"
            + pairs({"admin": TRUE})
            + b"b",
            "the same after a new one": listed(
                build(made("session", text("other")), admin=TRUE),
                build(made("session", text("admin")), admin=TRUE),
            ),
            "the same after what costs memory": listed(*[made("session", text("x" * 9999))] * 50)
            + b"0"
            + build(made("session", text("admin")), admin=TRUE),
            "the same by protocol 0": b"(itests.attacks.programs\nsession\n".replace(b"(i", b"(Vadmin\ni")
            + b"(Vadmin\nI01\ndb",
            "the same by protocol 1": obj(named("session"), text("admin")) + pairs({"admin": TRUE}) + b"b",
            "a state for the only one of a class": build(new("Unit", text("m")), factor=b"K\x05"),
            "the same, called": build(made("Unit", text("m")), factor=b"K\x05"),
            "the same by copyreg": call(glob("copyreg", "__newobj__"), named("Unit"), text("m"))
            + pairs({"factor": b"K\x05"})
            + b"b",
            "an item for a dict that is there": made("cache", text("main")) + text("x") + ONE + b"s",
            "items for a dict that is there": made("cache", text("main")) + b"(" + text("x") + ONE + b"u",
            "an item for a list that is there": made("trail", text("main")) + ONE + b"a",
            "items for a list that is there": appends(made("trail", text("main")), ONE, ONE),
        },
    ),
    "what calls what it holds": (
        [
            [programs.Listener(scale), programs.Relay(scale), programs.Eager(scale)],
            [programs.Listener(programs.Relay(scale)), programs.Listener(functools.partial(scale, 1))],
            [Task(notify), Task(functools.partial(notify)), Task(programs.Alarm), notify],
            [Task(programs.alarm().ring), Account("me").close, programs.Relay(notify)],
        ],
        {
            "a function": build(new("Listener"), action=named("notify")),
            "a partial": build(new("Listener"), action=partial(named("notify"))),
            "a partial of a partial": build(new("Listener"), action=partial(partial(named("notify")))),
            "a class": build(new("Listener"), action=named("Alarm")),
            "a partial of a class": build(new("Listener"), action=partial(named("Alarm"))),
            "a method": build(new("Listener"), action=call(GETATTR, new("Alarm"), text("ring"))),
            "a method that was had before": call(GETATTR, new("Alarm"), text("ring"))
            + b"q\x050"
            + build(new("Listener"), action=b"h\x05"),
            "a partial of a method": build(
                new("Listener"), action=partial(call(GETATTR, new("Alarm"), text("ring")))
            ),
            "what was held by another": listed(
                build(new("Task"), action=named("notify") + b"q\x05", arguments=b")"),
                build(new("Listener"), action=b"h\x05"),
            ),
            "what calls what calls it": build(
                new("Listener"), action=build(new("Relay"), action=named("notify"))
            ),
            "the same from afar": build(
                new("Listener"),
                action=build(new("Relay"), action=build(new("Relay"), action=named("notify"))),
            ),
            "what is given up": build(new("Listener"), action=named("notify")) + b"0N",
            "what is overwritten": new("Listener")
            + b"}q\x05"
            + text("action")
            + named("notify")
            + b"sb0h\x05"
            + text("action")
            + b"Ns",
            "in protocol 0": b"(itests.attacks.programs\nListener\n(Vaction\n"
            + b"ctests.attacks.programs\nnotify\ndb",
            "by copyreg": build(
                call(glob("copyreg", "_reconstructor"), named("Listener"), glob("builtins", "object"), b"N"),
                action=named("notify"),
            ),
            "an argument": made("Eager", named("notify")),
            "an argument that is a partial": made("Eager", partial(named("notify"))),
            "an argument that calls": made("Eager", build(new("Relay"), action=named("notify"))),
            "arguments of protocol 1": obj(named("Eager"), partial(named("notify"))),
        },
    ),
    "what asks for items": (
        [
            [Series([1, 2]), Blob(b"x"), Label("x")],
            [Task(functools.partial(notify, "x")), Task(notify)],
            [Account("me").close, operator.methodcaller("strip"), map(len, iter(["a"]))],
        ],
        {
            "a map of a function": new("Series", call(MAPPED, named("notify"), call(ITER, listed(ONE)))),
            "a map of a partial": new(
                "Series", call(MAPPED, partial(named("notify")), call(ITER, listed(ONE)))
            ),
            "a map of a method": new(
                "Series",
                call(MAPPED, call(GETATTR, new("Account"), text("close")), call(ITER, b"]")),
            )
            + b"0"
            + new(
                "Series",
                call(
                    MAPPED,
                    call(glob("operator", "methodcaller"), text("wipe")),
                    call(ITER, listed(new("Account"))),
                ),
            ),
            "a map of a partial of a method": new(
                "Series",
                call(MAPPED, call(PARTIAL, call(GETATTR, new("Account"), text("close"))), call(ITER, b"]")),
            )
            + b"0"
            + new(
                "Series",
                call(
                    glob("itertools", "starmap"),
                    call(GETATTR, new("Account"), text("close")),
                    call(ITER, listed(b")")),
                ),
            ),
            "a map of a method by its name": new(
                "Series",
                call(
                    MAPPED,
                    call(glob("operator", "methodcaller"), text("close")),
                    call(ITER, listed(new("Account"))),
                ),
            ),
            "a filter": new(
                "Series", call(glob("builtins", "filter"), named("notify"), call(ITER, listed(ONE)))
            ),
            "what is left of a filter": new(
                "Series",
                call(glob("itertools", "filterfalse"), partial(named("notify")), call(ITER, listed(ONE))),
            ),
            "a map of stars": new(
                "Series",
                call(glob("itertools", "starmap"), partial(named("notify")), call(ITER, listed(b")"))),
            ),
            "what is taken while": new(
                "Series", call(glob("itertools", "takewhile"), named("notify"), call(ITER, listed(ONE)))
            ),
            "what is dropped while": new(
                "Series",
                call(glob("itertools", "dropwhile"), partial(named("notify")), call(ITER, listed(ONE))),
            ),
            "what is accumulated": new(
                "Series",
                call(glob("itertools", "accumulate"), call(ITER, listed(ONE, ONE)), partial(named("notify"))),
            ),
            "what is grouped": new(
                "Series",
                call(glob("itertools", "groupby"), call(ITER, listed(ONE, ONE)), named("notify")),
            ),
            "bytes of a map": new("Blob", call(MAPPED, named("notify"), call(ITER, listed(ONE)))),
            "a chain of maps": new(
                "Series",
                call(glob("itertools", "chain"), call(MAPPED, named("notify"), call(ITER, listed(ONE)))),
            ),
            "a zip of maps": new(
                "Series",
                call(
                    glob("builtins", "zip"), call(MAPPED, partial(named("notify")), call(ITER, listed(ONE)))
                ),
            ),
            "an enumeration of a map": new(
                "Series",
                call(
                    glob("builtins", "enumerate"), call(MAPPED, named("notify"), call(ITER, listed(ONE))), ONE
                ),
            ),
            "a map of a map": new(
                "Series",
                call(MAPPED, glob("builtins", "len"), call(MAPPED, named("notify"), call(ITER, listed(ONE)))),
            ),
            "calls until there is something": new("Series", call(ITER, named("notify"), ONE)),
            "a method of an account that is called": call(call(GETATTR, new("Account"), text("close"))),
        },
    ),
    "logs": (
        [[logging.getLogger("shop"), logging.getLogger(), logging.Formatter("%(message)s")], Order(a=1)],
        {
            "a state for a logger": build(call(glob("logging", "getLogger"), text("shop")), level=b"K\x32"),
            "the same, set one by one": stated(
                call(glob("logging", "getLogger"), text("shop")), disabled=TRUE
            ),
            "a state for the root": build(call(glob("logging", "getLogger")), level=b"K\x32"),
            "the same from the memo": call(glob("logging", "getLogger"), text("shop"))
            + b"q\x050h\x05"
            + pairs({"disabled": TRUE})
            + b"b",
            "a logger within a list": listed(call(glob("logging", "getLogger"), text("shop")) + b"q\x05")
            + b"0h\x05"
            + pairs({"propagate": b"\x89"})
            + b"b",
            "a filter for a logger": call(
                call(GETATTR, call(glob("logging", "getLogger"), text("shop")), text("addFilter")),
                new("Order"),
            ),
            "a level for a logger": call(
                call(GETATTR, call(glob("logging", "getLogger"), text("shop")), text("setLevel")), b"K\x32"
            ),
        },
    ),
}


@pytest.fixture(params=list(COLLECTIONS))
def collection(request: pytest.FixtureRequest) -> tuple[str, dict[str, bytes]]:
    """Return a policy that was learnt, and attacks in two spellings."""
    honest, attacks = COLLECTIONS[request.param]
    whole = {name: b"\x80\x02" + data + b"." for name, data in attacks.items()}
    return learnt(*honest), {**whole, **{f"{name} (4)": respelled(data) for name, data in whole.items()}}


def test_they_work_on_the_stock_engine(collection: tuple[str, dict[str, bytes]]) -> None:
    prove(collection[1], programs=True)


def test_they_are_refused(collection: tuple[str, dict[str, bytes]]) -> None:
    refuse(collection[1], [collection[0]], programs=True)


def test_attributes_are_set_as_objects_set_them(monkeypatch: pytest.MonkeyPatch) -> None:
    acts: list[str] = []
    monkeypatch.setattr(programs, "mark", lambda *_: acts.append("acted"))
    policy = eval(learnt([changed(Guarded("a"), more=1)]), {"Policy": brinery.Policy})
    data = b"\x80\x02" + stated(new("Guarded"), name=ONE) + b"."
    assert vars(brinery.loads(data, policy=policy)) == {"name": 1}
    assert acts == []
    pickle.loads(data)
    assert acts == ["acted"]

"""The cyclic collector and the objects that a load makes past it."""

from __future__ import annotations

import _pickle
import collections
import gc
import os
import random
import threading
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

import brinery


class Plain:
    """An ordinary class."""


class Looking:
    """A class whose state is set by code that collects, and looks at what the collector knows."""

    def __setstate__(self, state: dict) -> None:
        gc.collect()
        self.__dict__.update(state)
        self.referrers = len(gc.get_referrers(self))


off = os.environ.get("BRINERY_FAST_PATHS") == "off"


def cycle(count: int) -> bytes:
    """Return the pickle of a cycle of instances."""
    made = [Plain() for _ in range(count)]
    for number, one in enumerate(made):
        one.next, one.parts = made[(number + 1) % count], [number, (number, [])]
    return brinery.dumps(made)


@pytest.mark.skipif(off, reason="no objects are made directly")
def test_the_layout_of_this_interpreter_is_known() -> None:
    # Only where it is known are tuples without containers left out from the start.
    assert not gc.is_tracked(brinery.loads(_pickle.dumps((1, "a", 2.5))))
    assert gc.is_tracked(brinery.loads(_pickle.dumps((1, []))))


@pytest.mark.parametrize("count", [1, 10, 400, 20_000])
def test_the_collector_knows_what_was_loaded(count: int) -> None:
    made = brinery.loads(cycle(count))
    known = {id(one) for one in gc.get_objects()}
    assert id(made) in known and all(id(one) in known for one in made)
    assert all(gc.is_tracked(one.parts) and gc.is_tracked(one.parts[1]) for one in made)
    watched = weakref.ref(made[0])
    del made
    gc.collect()
    assert watched() is None


@pytest.mark.parametrize("count", [30, 3000])
def test_cycles_that_are_dropped_are_collected_in_time(count: int) -> None:
    data = cycle(count)
    gc.collect()
    before = len(gc.get_objects())
    most = 0
    for _ in range(600_000 // count):
        brinery.loads(data)
        if count > 100 or _ % 50 == 0:
            most = max(most, len(gc.get_objects()) - before)
    gc.collect()
    assert most < 400_000
    assert len(gc.get_objects()) - before < 1000


@pytest.fixture
def usual_thresholds():
    """Let the collector run as often as it did in most releases."""
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*before)


def passes() -> list[int]:
    """Return how often the collector has looked at each generation."""
    return [generation["collections"] for generation in gc.get_stats()]


@pytest.mark.skipif(off, reason="the collector runs while a load grows")
@pytest.mark.usefixtures("usual_thresholds")
@pytest.mark.parametrize("count", [100, 1000, 20_000])
def test_loads_that_are_dropped_do_not_age(count: int) -> None:
    data = _pickle.dumps([[number] for number in range(count)])
    gc.collect()
    before = passes()
    for _ in range(2_000_000 // count):
        brinery.loads(data)
    # The stock engine takes about 16 looks at everything for this.
    assert passes()[2] - before[2] <= 4


@pytest.mark.usefixtures("usual_thresholds")
@pytest.mark.parametrize("count", [100, 1000, 20_000])
def test_loads_that_are_kept_grow_old(count: int) -> None:
    data = _pickle.dumps([[number] for number in range(count)])
    gc.collect()
    before = passes()
    kept = [brinery.loads(data) for _ in range(1_000_000 // count)]
    assert len(kept) * count == 1_000_000
    assert passes()[2] > before[2]


class Mapping(dict):
    """A dict with attributes."""


class Sequence(list):
    """A list with attributes."""


class Pair(NamedTuple):
    """A tuple whose class is written in Python."""

    left: list
    right: int


def generations(objects: list) -> set[int]:
    """Return the generations of the collector that have at least one of the objects."""
    wanted = {id(one) for one in objects}
    return {number for number in range(3) if wanted & {id(one) for one in gc.get_objects(number)}}


def trees() -> dict[str, Any]:
    """Return graphs of fewer objects than the collector waits for, in which each is held once."""
    one = Plain()
    one.left, one.right = [Plain() for _ in range(30)], {"a": [b"x" * 600]}
    return {
        "floats": [number + 0.5 for number in range(1000)],
        "lists": [[number, "text"] for number in range(200)],
        "instances": one,
        "dicts": [Mapping(a=number) for number in range(100)],
        "sequences": [Sequence([number]) for number in range(100)],
        "named": [Pair([number], number) for number in range(100)],
        "deques": [collections.deque([number]) for number in range(100)],
        "ordered": [collections.OrderedDict(a=number) for number in range(100)],
    }


@pytest.mark.skipif(off, reason="no objects are made directly")
@pytest.mark.usefixtures("usual_thresholds")
@pytest.mark.parametrize("name", trees())
def test_trees_are_old_at_once(name: str) -> None:
    data = _pickle.dumps(trees()[name])
    brinery.loads(data)
    gc.collect()
    made = brinery.loads(data)
    parts = [
        made,
        *(one for one in gc.get_referents(made) if gc.is_tracked(one) and not isinstance(one, type)),
    ]
    assert generations(parts) == {2}


@pytest.mark.usefixtures("usual_thresholds")
@pytest.mark.parametrize("shared", [False, True])
def test_what_is_shared_or_in_a_cycle_is_looked_at_first(shared: bool) -> None:
    part: list = ["text" * 200]
    whole = [part, part] if shared else [part]
    if not shared:
        part.append(whole)
    data = _pickle.dumps(whole)
    brinery.loads(data)
    gc.collect()
    made = brinery.loads(data)
    assert generations([made, made[0]]) == {0}
    watched = weakref.ref(Watched(made))
    del made
    gc.collect(0)
    assert watched() is None


class Watched:
    """A class of objects that may be watched, which lie in a cycle with what they hold."""

    def __init__(self, held: list) -> None:
        self.held = held
        held.append(self)


@pytest.mark.usefixtures("usual_thresholds")
@pytest.mark.parametrize("count", [40, 3000])
def test_trees_in_which_the_program_makes_cycles_are_collected_in_time(count: int) -> None:
    data = _pickle.dumps([[number, "a text"] for number in range(count)])
    gc.collect()
    before = len(gc.get_objects())
    most = 0
    for turn in range(3_000_000 // count):
        made = brinery.loads(data)
        for one in made:
            one.append(made)
        del made, one
        if count > 100 or turn % 1000 == 0:
            most = max(most, len(gc.get_objects()) - before)
    gc.collect()
    assert most < 600_000
    assert len(gc.get_objects()) - before < 1000


@pytest.mark.usefixtures("usual_thresholds")
def test_garbage_of_the_program_is_collected_beside_trees_that_come_and_go() -> None:
    data = _pickle.dumps([[number, "a text"] for number in range(100)])
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(3000):
        made = brinery.loads(data)
        for _ in range(20):
            garbage: list = []
            garbage.append(garbage)
        del made
    assert len(gc.get_objects()) - before < 20_000


class Meddling:
    """A class whose state is set by code that does something to the collector."""

    deed = staticmethod(gc.collect)

    def __setstate__(self, state: dict) -> None:
        type(self).deed()
        self.__dict__.update(state)


def threads_that_make_objects() -> None:
    """Make objects in other threads, some of which live on."""

    def make() -> None:
        kept.extend([number] for number in range(500))

    kept: list = []
    threads = [threading.Thread(target=make) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.usefixtures("usual_thresholds")
@pytest.mark.parametrize(
    "deed",
    [
        gc.freeze,
        gc.unfreeze,
        gc.collect,
        lambda: gc.collect(0),
        lambda: (gc.freeze(), gc.unfreeze()),
        lambda: (gc.disable(), gc.collect(1), gc.enable()),
        lambda: brinery.loads(_pickle.dumps([[number] for number in range(300)])),
        threads_that_make_objects,
    ],
    ids="freeze unfreeze collect young both disabled load threads".split(),
)
def test_code_inside_a_load_may_do_what_it_will_to_the_collector(deed: Callable) -> None:
    Meddling.deed = staticmethod(deed)
    meddling = Meddling()
    meddling.parts = [[number] for number in range(100)]
    data = _pickle.dumps(
        [[[number] for number in range(200)], meddling, [Pair([], 1) for _ in range(50)], [[]]]
    )
    try:
        for _ in range(20):
            made = brinery.loads(data)
            known = {id(one) for one in [*gc.get_objects(), *frozen()]}
            assert all(id(one) in known for one in [made, *made, *made[0], *made[2], *made[1].parts])
    finally:
        Meddling.deed = staticmethod(gc.collect)
        gc.unfreeze()
        gc.enable()
    watched = weakref.ref(made[1])
    made.append(made)
    del made
    gc.collect()
    assert watched() is None


def frozen() -> list:
    """Return what the collector has been told to leave alone, and what else there is."""
    gc.unfreeze()
    return gc.get_objects()


class Final:
    """A class whose finalizer loads, and looks at what the collector knows."""

    data = _pickle.dumps([[number] for number in range(2000)])
    seen: list[int] = []

    def __del__(self) -> None:
        made = brinery.loads(self.data)
        assert gc.isenabled() and all(gc.is_tracked(one) for one in made)
        self.seen.append(len(made))


def test_finalizers_that_a_collection_runs_may_load() -> None:
    data = cycle(3000)
    Final.seen.clear()
    for _ in range(200):
        one = Final()
        one.itself = one
        del one
        made = brinery.loads(data)
        known = {id(one) for one in gc.get_objects()} if _ % 50 == 0 else ()
        assert not known or all(id(one) in known for one in made)
    gc.collect()
    assert Final.seen == [2000] * 200


def test_a_failed_load_leaves_whole_books() -> None:
    data = cycle(500)
    for end in range(0, len(data), 97):
        with pytest.raises(Exception):
            brinery.loads(data[:end])
    gc.collect()
    assert gc.isenabled()


def test_code_inside_a_load_may_collect() -> None:
    looking = Looking()
    looking.parts = [[number] for number in range(1000)]
    data = _pickle.dumps([[[]], looking, (looking, []), {"a": looking}])
    made = brinery.loads(data)
    assert made[1].parts == looking.parts and made[2][0] is made[1] is made[3]["a"]
    gc.collect()
    assert made[1].parts == looking.parts


def test_a_disabled_collector_stays_disabled() -> None:
    gc.disable()
    try:
        brinery.loads(cycle(5000))
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_thresholds_of_the_program_hold() -> None:
    before = gc.get_threshold()
    try:
        for thresholds in [(0, 0, 0), (1, 1, 1), (5, 0, 0), (10**9, 10, 10)]:
            gc.set_threshold(*thresholds)
            made = [brinery.loads(cycle(2000)) for _ in range(5)]
            assert len(made[0]) == 2000
    finally:
        gc.set_threshold(*before)
    gc.collect()


def test_sets_have_the_order_that_they_would_have_had() -> None:
    source = random.Random(3)
    for _ in range(400):
        elements = [
            source.choice(
                [number, str(number), float(number), (number, "x"), b"%d" % number, -number, None, 2**70]
            )
            for number in (
                source.randrange(1 << source.randrange(1, 40)) for _ in range(source.randrange(120))
            )
        ]
        for made in (set(elements), frozenset(elements)):
            for protocol in (4, 5):
                data = _pickle.dumps(made, protocol)
                ours, stock = brinery.loads(data), _pickle.loads(data)
                assert list(ours) == list(stock) and ours == made
                assert ours.__sizeof__() == stock.__sizeof__()
                if isinstance(ours, set):
                    ours.update(range(100))
                    assert len(ours) == len(made | set(range(100)))


def test_text_of_mixed_scripts_is_decoded() -> None:
    source = random.Random(4)
    alphabets = ["aé", "ab żя", "a天я", "天地玄黃", "x🙂天é", "ascii only éé", "яa "]
    for _ in range(1500):
        alphabet = source.choice(alphabets)
        text = "".join(source.choice(alphabet) * source.randrange(1, 24) for _ in range(source.randrange(40)))
        made = brinery.loads(_pickle.dumps(text))
        assert made == text and made.__sizeof__() == _pickle.loads(_pickle.dumps(text)).__sizeof__()
        assert hash(made) == hash(text)

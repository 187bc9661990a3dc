"""The cyclic collector and the objects that a load makes past it."""

from __future__ import annotations

import _pickle
import gc
import os
import random
import weakref

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

"""Numbers, strings and containers that are made without the public API."""

from __future__ import annotations

import _pickle
import decimal
import gc
import io
import random
import subprocess
import sys
import types

import pytest

import brinery

PROTOCOLS = range(6)


def same(data: bytes) -> object:
    """Load with both engines, compare, and return what brinery has loaded."""
    ours, stock = brinery.loads(data), _pickle.loads(data)
    assert repr(ours) == repr(stock)
    return ours


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_integers_of_every_width(protocol: int) -> None:
    edges = [0, 1, 5, 6, 255, 256, 257, 65535, 65536, *(1 << bits for bits in range(20, 130))]
    values = [sign * (edge + off) for edge in edges for off in (-1, 0, 1) for sign in (1, -1)]
    made = same(_pickle.dumps(values, protocol))
    assert made == values and [value + 1 for value in made] == [value + 1 for value in values]
    assert [hash(value) for value in made] == [hash(value) for value in values]
    assert [sys.getsizeof(value) for value in made] == [
        sys.getsizeof(value) for value in _pickle.loads(_pickle.dumps(values, protocol))
    ]


def test_integers_in_more_bytes_than_they_need() -> None:
    for width in range(1, 12):
        for fill in (b"\0", b"\xff"):
            data = b"\x8a" + bytes([width]) + b"\x05" + fill * (width - 1) + b"."
            same(data)


def test_small_integers_are_those_of_the_interpreter() -> None:
    made = brinery.loads(_pickle.dumps(list(range(-5, 257))))
    assert all(value is int(str(value)) for value in made)


def test_a_truncated_run_of_integers_names_the_opcode() -> None:
    data = _pickle.dumps([1, 300, 70000] * 5, 2)
    for end in range(len(data)):
        outcomes = []
        for load in (brinery.loads, _pickle.loads):
            with pytest.raises(Exception) as caught:
                load(data[:end])
            outcomes.append(caught.type)
        assert outcomes[0] is outcomes[1]
    with pytest.raises(brinery.UnpicklingError) as failed:
        brinery.loads(b"\x80\x02](K\x01K\x02M\x01")
    assert (failed.value.offset, failed.value.opcode) == (8, "BININT2")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_strings_of_every_length_and_width(protocol: int) -> None:
    texts = [
        char * len_ for len_ in [*range(40), 255, 256, 600] for char in "aéαж甲😀\x00\x7f\x80\xff\u0100\uffff"
    ]
    texts += ["a" * 40 + "é", "é" + "甲", "甲" + "😀", "\ud800", "a\udfff甲", "ÿĀ"]
    made = same(_pickle.dumps(texts, protocol))
    assert made == texts
    assert [hash(text) for text in made] == [hash(text) for text in texts]
    stock = _pickle.loads(_pickle.dumps(texts, protocol))
    assert [sys.getsizeof(text) for text in made] == [sys.getsizeof(text) for text in stock]
    assert [text.isascii() for text in made] == [text.isascii() for text in texts]
    assert [text.encode("utf-8", "surrogatepass") for text in made] == [
        text.encode("utf-8", "surrogatepass") for text in texts
    ]


def test_short_strings_are_those_of_the_interpreter() -> None:
    made = brinery.loads(_pickle.dumps(["", "a", "é", "a"], 4))
    assert all(text is found for text, found in zip(made, ["", chr(97), chr(233), chr(97)]))


def test_short_texts_of_any_bytes_are_read_as_ever() -> None:
    """Whatever the bytes are: the same text in the same memory, or the same error."""
    rng = random.Random(11)
    edges = b"\0\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5\xff"
    pairs = [bytes([a, b]) for a in range(0x80, 256) for b in range(256)]
    longer = [bytes(rng.choices(edges, k=rng.randrange(3, 7))) for _ in range(40_000)]
    letters = "aé߿ࠀ\u2028\ud7ff\ue000\uffff\U00010000\U0010ffff"
    whole = ["".join(rng.choices(letters, k=rng.randrange(1, 30))).encode() for _ in range(5_000)]
    cut = [text[: rng.randrange(len(text))] for text in whole]
    for text in [*pairs, *longer, *whole, *cut]:
        data = b"\x8c" + bytes([len(text)]) + text + b"."
        results = []
        for engine in (brinery, _pickle):
            try:
                made = engine.loads(data)
                results.append((made, sys.getsizeof(made), hash(made)))
            except UnicodeDecodeError as error:
                results.append((error.start, error.end, error.reason))
        assert results[0] == results[1], text


@pytest.mark.parametrize("protocol", range(3, 6))
def test_bytes_of_every_length(protocol: int) -> None:
    values = [bytes([size & 0xFF]) * size for size in range(600)]
    made = same(_pickle.dumps(values, protocol))
    assert [hash(value) for value in made] == [hash(value) for value in values]
    assert [sys.getsizeof(value) for value in made] == [sys.getsizeof(value) for value in values]
    assert [value + b"x" for value in made] == [value + b"x" for value in values]
    # What is loaded is as distinct as what was saved.
    one = brinery.loads(b"\x80\x04C\x01aC\x01a\x86.")
    stock = _pickle.loads(b"\x80\x04C\x01aC\x01a\x86.")
    assert (one[0] is one[1]) == (stock[0] is stock[1])


def test_text_that_is_not_utf8_is_refused_as_ever() -> None:
    for body in (
        b"\xff\xfe",
        b"abc\x80",
        b"\xc3",
        b"\xed\xa0\x80x",
        b"\xf5\x80\x80\x80",
        b"\xc0\x80",
        b"a" * 40 + b"\xff",
    ):
        data = b"\x8c" + bytes([len(body)]) + body + b"."
        outcomes = []
        for load in (brinery.loads, _pickle.loads):
            try:
                outcomes.append(load(data))
            except Exception as error:
                outcomes.append((type(error), str(error)))
        assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    "count", [0, 1, 4, 5, 6, 10, 11, 21, 22, 42, 43, 85, 86, 170, 999, 1000, 1001, 1365, 1366, 5000]
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_dicts_of_every_size_are_whole(count: int, protocol: int) -> None:
    source = random.Random(count)
    key_makers = [
        lambda number: f"key {number}",
        lambda number: f"ключ {number}",
        lambda number: number,
        lambda number: (number, "x"),
        lambda number: f"k{number}" if number % 7 else number,
        lambda number: str(source.random()),
    ]
    for make in key_makers:
        model = {make(number): [number] for number in range(count)}
        made = same(_pickle.dumps(model, protocol))
        assert made == model and list(made) == list(model)
        for key in model:
            assert made[key] == model[key]
        # It goes on as any other.
        for number in range(50):
            made[f"new {number}"] = model[f"new {number}"] = number
        for key in list(model)[::3]:
            del made[key], model[key]
        assert made == model and list(made) == list(model) and dict(made) == model and made.copy() == model


def test_dicts_of_the_same_keys_are_independent() -> None:
    records = [{"id": number, "name": str(number), "tags": []} for number in range(50)]
    records += [{"id": 1}, {"name": 1, "id": 2, "tags": 3}, {"id": 1, "name": 2, "tags": 3, "more": 4}]
    made = same(_pickle.dumps(records))
    made[10]["id"] = "changed"
    made[11]["new"] = 1
    del made[12]["name"]
    records[10]["id"] = "changed"
    records[11]["new"] = 1
    del records[12]["name"]
    assert made == records
    assert [list(record) for record in made] == [list(record) for record in records]
    assert made[0].keys() == made[1].keys() and next(iter(made[0])) is next(iter(made[1]))
    assert [sys.getsizeof(record) for record in made[:5]] == [
        sys.getsizeof(record) for record in _pickle.loads(_pickle.dumps(records[:5]))
    ]


def test_keys_that_come_twice_leave_the_last_value() -> None:
    keys = b"\x8c\x01a\x8c\x01b\x8c\x01a"
    stream = b"\x80\x04}(\x8c\x01aK\x01\x8c\x01bK\x02\x8c\x01a\x8c\x03newu."
    assert same(stream) == {"a": "new", "b": 2}
    assert len(keys) == 9
    stream = b"\x80\x04}(\x8c\x01a]\x8c\x01bK\x02\x8c\x01aK\x03u\x8c\x01bK\x04s."
    assert list(same(stream).items()) == [("a", 3), ("b", 4)]


def test_equal_strings_of_different_kinds_are_one_key() -> None:
    class Text(str):
        pass

    globals()["Text"] = Text
    Text.__qualname__ = "Text"
    try:
        model = [{Text("a"): 1, "b": 2}, {"a": 1, Text("b"): 2}]
        made = brinery.loads(_pickle.dumps(model))
        assert made == model and [[type(key) for key in each] for each in made] == [[Text, str], [str, Text]]
    finally:
        del globals()["Text"]


class Wild:
    """A key whose hash is its own, and which equals strings."""

    def __hash__(self) -> int:
        return hash("a")

    def __eq__(self, other: object) -> bool:
        return other == "a"


def test_keys_with_ways_of_their_own_are_asked() -> None:
    module = f"c{__name__}\n".encode()
    for stream in (
        b"\x80\x04}(\x8c\x01aK\x01" + module + b"Wild\n)\x81K\x02u.",
        b"\x80\x04}(" + module + b"Wild\n)\x81K\x02\x8c\x01aK\x01u.",
    ):
        made = brinery.loads(stream)
        assert len(made) == len(_pickle.loads(stream)) == 1


def test_cycles_through_loaded_containers_are_collected() -> None:
    gc.collect()
    model: dict = {"a": [], "b": ()}
    model["a"].append(model)
    made = [brinery.loads(_pickle.dumps(model)) for _ in range(50)]
    assert all(gc.is_tracked(each) for each in made)
    assert not gc.is_tracked(
        brinery.loads(_pickle.dumps({"a": 1, "b": "x"})) if sys.version_info < (3, 14) else 0
    )
    before = len(gc.get_objects())
    del made
    gc.collect()
    assert len(gc.get_objects()) < before - 90


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_only_what_is_never_fetched_is_left_out_of_the_memo(protocol: int) -> None:
    shared = [["shared"], "text shared", ("tuple", "shared"), {"k": "shared"}]
    model = [[f"unique {number}", shared[number % 4], (number, shared)] for number in range(300)]
    made = brinery.loads(_pickle.dumps(model, protocol))
    assert made == model
    assert all(made[number][1] is made[number % 4][1] for number in range(300))
    assert made[0][2][1] is made[299][2][1]


def test_the_memo_of_an_unpickler_is_whole() -> None:
    import io

    data = _pickle.dumps([{"a": number, "b": str(number)} for number in range(100)], 4)
    memos = []
    for module in (brinery, _pickle):
        unpickler = module.Unpickler(io.BytesIO(data))
        unpickler.load()
        memos.append(unpickler.memo.copy())
    assert memos[0] == memos[1]


def test_streams_that_store_out_of_order_are_loaded() -> None:
    body = b"".join(b"\x8c\x02a%dq%c0" % (number, number) for number in range(9, -1, -1))
    same(b"\x80\x04" + body + b"(" + b"".join(b"h%c" % number for number in range(10)) + b"l.")
    with pytest.raises(brinery.UnpicklingError, match="Memo value not found at index 40"):
        brinery.loads(b"\x80\x04" + body + b"h\x28.")


def test_a_missing_memo_entry_is_missed_where_it_is_fetched() -> None:
    items = b"".join(b"\x8c\x03abc\x94" for _ in range(40))
    with pytest.raises(brinery.UnpicklingError, match="Memo value not found at index 41") as failed:
        brinery.loads(b"\x80\x04](" + items + b"h\x29" + items + b"e.")
    assert failed.value.opcode == "BINGET"


class Watcher:
    """Looks at the collector while it is loaded."""

    seen: list = []

    def __init__(self, what: str = "") -> None:
        self.what = what

    def __reduce__(self) -> tuple:
        return Watcher, (self.what,), {"state": 1}

    def __setstate__(self, state: object) -> None:
        Watcher.seen.append(gc.isenabled())
        if self.what == "disable":
            gc.disable()


def test_code_inside_a_load_sees_the_collector_as_the_program_has_it() -> None:
    padding = [[number] for number in range(500)]
    data = _pickle.dumps([padding, Watcher(), padding[:], Watcher()])
    assert gc.isenabled()
    for enabled in (True, False):
        Watcher.seen = []
        (gc.enable if enabled else gc.disable)()
        try:
            brinery.loads(data)
            assert Watcher.seen == [enabled, enabled] and gc.isenabled() is enabled
            with pytest.raises(brinery.UnpicklingError):
                brinery.loads(data[:-5] + b"\xff")
            assert gc.isenabled() is enabled
        finally:
            gc.enable()


def test_a_collector_disabled_inside_a_load_stays_so() -> None:
    padding = [[number] for number in range(500)]
    data = _pickle.dumps([padding, Watcher("disable"), padding[:], Watcher()])
    Watcher.seen = []
    try:
        brinery.loads(data)
        assert Watcher.seen == [True, False] and not gc.isenabled()
    finally:
        gc.enable()


def test_frozen_objects_of_the_program_stay_frozen() -> None:
    gc.freeze()
    try:
        count = gc.get_freeze_count()
        assert count > 0
        kept = brinery.loads(_pickle.dumps([[number] for number in range(5000)]))
        assert count - 1000 < gc.get_freeze_count() <= count and len(kept) == 5000
    finally:
        gc.unfreeze()


def test_arenas_are_given_back() -> None:
    # Large loads ask for large pages; what they got is given back as any other.
    data = _pickle.dumps([[str(number), number * 7.5] for number in range(100_000)])
    for _ in range(3):
        made = brinery.loads(data)
        assert made[-1] == ["99999", 99999 * 7.5]
        del made


PROGRAM = """
import _pickle, brinery, collections, sys
class A: pass
def make(n):
    a = A(); a.x = n; a.name = str(n); a.parts = [1.5, n]
    return a
model = [make(n) for n in range(50)] + [{"k": n, "v": str(n)} for n in range(50)]
data = _pickle.dumps(model)
made = brinery.loads(data)
for ours, theirs in zip(made, model):
    assert (vars(ours) if isinstance(ours, A) else ours) == (vars(theirs) if isinstance(theirs, A) else theirs)
if sys.argv[1:] == ["tracemalloc"]:
    import tracemalloc
    tracemalloc.start()
    made = brinery.loads(data)
    assert tracemalloc.get_traced_memory()[0] > 1000
    tracemalloc.stop()
    del made
print("well")
"""


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"BRINERY_FAST_PATHS": "off"},
        {"PYTHONMALLOC": "debug"},
        {"PYTHONMALLOC": "malloc"},
        {"PYTHONTRACEMALLOC": "1"},
    ],
)
@pytest.mark.parametrize("argument", ["", "tracemalloc"])
def test_every_allocator_and_no_fast_path_give_the_same(environment: dict, argument: str) -> None:
    import os

    command = [sys.executable, "-c", PROGRAM, *filter(None, [argument])]
    if argument and "PYTHONTRACEMALLOC" in environment:
        command.pop()
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("well\n", 0), done.stderr


def keys_of(kind: str, source: random.Random) -> object:
    """Return a key."""
    number = source.choice(
        [source.randrange(-3, 3), source.randrange(300), source.randrange(-(2**70), 2**70)]
    )
    return {
        "int": number,
        "float": source.choice([float(number), float(number), 0.0, -0.0, float("inf"), float("nan")]),
        "bytes": b"%d" % number,
        "str": str(number),
        "pair": (number, str(number)),
        "nested": ((number, b"x"), (1.5, (number,))),
        "constant": source.choice([True, False, None, ...]),
        "frozenset": frozenset([number]),
    }[kind]


@pytest.mark.parametrize("first", ["int", "float", "bytes", "pair", "nested", "constant", "frozenset", "str"])
@pytest.mark.parametrize("size", [1, 2, 5, 6, 40, 1000, 1001, 2300])
def test_dicts_of_any_keys_are_as_the_interpreter_makes_them(first: str, size: int) -> None:
    source = random.Random(size)
    others = ["int", "float", "bytes", "str", "pair", "nested", "constant", "frozenset"]
    for kinds in ([first], [first, "int"], [first, *others]):
        made = {keys_of(source.choice(kinds), source): number for number in range(size)}
        for protocol in range(6):
            data = _pickle.dumps(made, protocol)
            ours, stock = brinery.loads(data), _pickle.loads(data)
            # By their text: what is not a number is not equal to itself.
            assert repr(ours) == repr(stock) and len(ours) == len(stock)
            for key, again in zip(list(ours), list(stock)):
                assert ours[key] == stock[again] and type(key) is type(again)
            for one in (ours, stock):
                for number in range(-3, 40):
                    one[number] = one.get(float(number), "none")
                    one[str(number)] = number
                for key in list(one)[::3]:
                    del one[key]
                one.update((number, None) for number in range(50))
            assert repr(ours) == repr(stock) and _pickle.dumps(ours) == _pickle.dumps(stock)


class Counted(dict):
    """A subclass that does not take part in setting."""


class Told(dict):
    """A subclass that is told of each item."""

    told: list[object] = []

    def __setitem__(self, key: object, value: object) -> None:
        self.told.append(key)
        super().__setitem__(key, value)


def test_equal_keys_leave_the_first_key_and_the_last_value() -> None:
    items = [b"K\x01", b"\x88", b"G?\xf0\0\0\0\0\0\0", b"K\x02", b"J\xff\xff\xff\xff", b"J\xfe\xff\xff\xff"]
    items += [b"G\x7f\xf8\0\0\0\0\0\0", b"K\x01K\x02\x86", b"\x88K\x02\x86", b"N", b"\x8c\x01a", b"C\x01a"]
    items += [b"]", b"(K\x01]t", b"(K\x01(\x91\x86", b"K\x01\x85]a"]
    source = random.Random(9)
    makers = [b"}", b"c%s\nCounted\n)\x81" % __name__.encode(), b"c%s\nTold\n)\x81" % __name__.encode()]
    makers.append(b"ccollections\nOrderedDict\n)R")
    for _ in range(6000):
        picked = [source.choice(items) for _ in range(source.randrange(1, 30))]
        # One batch, two batches, and items one by one.
        values = [b"K" + bytes([number]) for number in range(len(picked))]
        pairs = [key + value for key, value in zip(picked, values)]
        cut = source.randrange(len(pairs) + 1)
        tail = [b"(" + b"".join(pairs[cut:]) + b"u", b"".join(pair + b"s" for pair in pairs[cut:])]
        stream = b"\x80\x04" + source.choice(makers) + b"(" + b"".join(pairs[:cut]) + b"u"
        stream += source.choice(tail) + b"."
        results = []
        for load in (brinery.loads, _pickle.loads):
            Told.told.clear()
            try:
                made = load(stream)
            except Exception as error:
                results.append((type(error), str(error)))
            else:
                results.append((repr(made), [type(key) for key in made], repr(Told.told)))
        assert results[0] == results[1], stream


def apart(*objects: object) -> bytes:
    """A stream of a list in which equal texts are spelt anew each time, as different objects."""
    pickler = _pickle.Pickler(file := io.BytesIO(), 4)
    pickler.fast = True
    pickler.dump(list(objects))
    return file.getvalue()


def test_keys_of_one_load_are_as_distinct_as_they_were() -> None:
    data = apart({"first": 1, "second": 2}, {"first": 3, "second": 4}, {"first": {"first": 5}})
    for _ in range(4):
        one, two, three = brinery.loads(data)
        keys = [*one, *two, *three, *three["first"]]
        assert len({id(key) for key in keys}) == len(keys) == 6
        assert _pickle.dumps([one, two, three]) == _pickle.dumps(_pickle.loads(data))
    # Where it was one object it still is.
    key = "".join(["sha", "red"])
    for _ in range(4):
        one, two = brinery.loads(_pickle.dumps([{key: 1}, {key: 2}]))
        assert next(iter(one)) is next(iter(two))


def test_keys_of_many_loads_are_those_that_were_saved() -> None:
    rng = random.Random(3)
    letters = "abcde\0\x7fé甲"
    for _ in range(3000):
        keys = ["".join(rng.choices(letters, k=rng.randrange(0, 40))) for _ in range(rng.randrange(1, 9))]
        made = {key: [key, {key[:5]: key}] for key in keys}
        data = _pickle.dumps(made, rng.randrange(6))
        loaded = brinery.loads(data)
        assert loaded == made and list(loaded) == list(made)
        assert [hash(key) for key in loaded] == [hash(key) for key in made]


def test_what_is_put_together_from_several_loads_is_saved_as_ever() -> None:
    """Equal keys of two loads are two objects, so that saving both does not depend on what was loaded before."""
    data = _pickle.dumps({"first": 1, "second": {"third": 2}})
    for _ in range(3):
        assert _pickle.dumps([brinery.loads(data), brinery.loads(data)]) == _pickle.dumps(
            [_pickle.loads(data), _pickle.loads(data)]
        )


def test_keys_that_become_names_are_interned_as_ever() -> None:
    for _ in range(3):
        loaded = brinery.loads(apart({"some_name_of_this_test": 1}))[0]
        made = brinery.loads(_pickle.dumps(types.SimpleNamespace(some_name_of_this_test=2)))
        name = next(iter(vars(made)))
        assert name is sys.intern("some_name_of_" + "this_test") and next(iter(loaded)) == name


def test_decimals_of_all_lengths_are_as_their_texts_say() -> None:
    source = random.Random(6)
    texts = [
        "0",
        "-0",
        ".5",
        "5.",
        "-.0",
        "00",
        "9" * 19,
        "9" * 20,
        "9" * 38,
        "9" * 39,
        f"{2**64}",
        f"0.{'0' * 18}1",
    ]
    for _ in range(30_000):
        text = "".join(source.choices("0123456789", k=source.randrange(1, 45)))
        if source.random() < 0.6:
            point = source.randrange(len(text) + 1)
            text = f"{text[:point]}.{text[point:]}"
        texts.append(
            "-" * (source.random() < 0.3) + text + f"E{source.randrange(-30, 30)}" * (source.random() < 0.1)
        )
    for text in texts:
        stock = decimal.Decimal(text)
        made = brinery.loads(_pickle.dumps(stock))
        assert made.as_tuple() == stock.as_tuple() and hash(made) == hash(stock) and str(made) == str(stock)


@pytest.mark.parametrize(
    "text",
    [
        ".",
        "-",
        "",
        "-.",
        "1.2.3",
        "+1",
        " 1",
        "1_0",
        "١",
        "00012.50",
        "0" * 40 + "1",
        "E5",
        "1E",
        "5.E1",
        "9" * 20,
    ],
)
def test_texts_of_decimals_are_read_as_the_class_reads_them(text: str) -> None:
    given = text.encode()
    stream = b"\x80\x04cdecimal\nDecimal\n\x8c" + bytes([len(given)]) + given + b"\x85R."
    found = []
    for load in (brinery.loads, _pickle.loads):
        try:
            found.append(load(stream).as_tuple())
        except decimal.InvalidOperation as error:
            found.append(type(error))
    assert found[0] == found[1]

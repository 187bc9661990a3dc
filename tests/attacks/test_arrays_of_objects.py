"""Attacks with the items of arrays, and with random generators: what numpy would turn into something, and never comes to an end of."""

from __future__ import annotations

import pickle
import random

import pytest

import brinery

from .assembly import call, glob, text, tup

numpy = pytest.importorskip("numpy")

NONE, FALSE, TRUE = b"N", b"\x89", b"\x88"
ALL = "stdlib|numpy|pandas|sklearn|torch"


class Made:
    """What is saved as a call, with a state."""

    def __init__(self, *parts: object) -> None:
        self.parts = parts

    def __reduce__(self) -> object:
        return self.parts


def with_items(array: object, items: list[object], *mask: object) -> Made:
    """Return what is saved as an array is, with other items in it."""
    function, args, (version, _, kind, order, *_) = array.__reduce__()  # type: ignore[attr-defined]
    return Made(function, args, (version, (len(items),), kind, order, items, *mask))


def refused(value: object, policy: str = ALL) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        data = pickle.dumps(value, protocol)
        assert not brinery.Policy(policy).explain(data).clean
        with pytest.raises(brinery.PolicyError):
            brinery.loads(data, policy=policy)


def endless() -> object:
    """Return a list whose text is as long as two to the 40th."""
    value: list[object] = []
    for _ in range(40):
        value = [value, value]
    return value


def fields(kind: str) -> object:
    return numpy.zeros(1, [("a", kind), ("o", "O")])


WRONG = {
    "a list as a text": ("U3", endless()),
    "a dict as a text": ("U3", {1: endless()}),
    "an error as a text": ("U3", ValueError(endless())),
    "a dict as bytes": ("S3", {1: endless()}),
    "a text as a number": ("f8", "1"),
    "a list as a number": ("i8", [1]),
    "a path as a date": ("M8[s]", __import__("pathlib").PurePosixPath("a")),
    "an array of objects as one of texts": ("(2,)U3", numpy.array([{1: 2}, 3], dtype=object)),
}


@pytest.mark.parametrize("name", WRONG)
def test_numpy_turns_nothing_into_what_a_field_is_of(name: str) -> None:
    kind, value = WRONG[name]
    refused(with_items(fields(kind), [(value, None)]))


@pytest.mark.parametrize("item", [(), ("a",), ("a", None, None), ["a", None], "a", None])
def test_an_item_has_a_part_for_each_field(item: object) -> None:
    refused(with_items(fields("U3"), [item]))


@pytest.mark.skipif(not hasattr(numpy.dtypes, "StringDType"), reason="numpy 2 has it")
def test_arrays_of_texts_are_given_texts_only() -> None:
    honest = numpy.array(["a", "b"], dtype=numpy.dtypes.StringDType())
    assert brinery.loads(pickle.dumps(honest), policy="numpy").tolist() == ["a", "b"]
    for value in (endless(), {1: endless()}, 5, b"a", ValueError(endless())):
        refused(with_items(honest, [value]))
    missing = numpy.array(["a", numpy.nan], dtype=numpy.dtypes.StringDType(na_object=numpy.nan))
    assert brinery.loads(pickle.dumps(missing), policy="numpy")[0] == "a"


@pytest.mark.skipif(not hasattr(numpy.dtypes, "StringDType"), reason="numpy 2 has it")
def test_a_dtype_of_texts_is_no_part_of_another() -> None:
    texts = numpy.dtypes.StringDType()
    made = numpy.dtype("V8").__reduce__()
    state = (3, "|", (texts, (2,)), None, None, 0, 1, 63)
    refused(Made(made[0], ("V0", False, True), state))


def test_no_array_is_of_a_dtype_that_is_an_array() -> None:
    inner = numpy.dtype("i4")
    outer = Made(*numpy.dtype("V8").__reduce__()[:2], (3, "|", (inner, (2,)), None, None, 8, 1, 0))
    brinery.loads(pickle.dumps(outer), policy="numpy")
    function, args, _ = numpy.zeros(1).__reduce__()
    refused(Made(function, args, (1, (1,), outer, False, bytes(8))))


@pytest.mark.parametrize("policy", ["numpy", ALL])
def test_no_array_is_among_its_own_items(policy: str) -> None:
    """Numpy adds up such an array until the stack is full: a crash."""
    one = numpy.zeros(2, dtype=object)
    one[0] = one
    refused(one, policy)
    two, three = numpy.zeros(2, dtype=object), numpy.zeros(1, dtype=object)
    two[0], three[0] = three, two
    refused([two, three], policy)
    refused(with_items(numpy.zeros(1, dtype=object), [one]), policy)


def test_arrays_that_share_items_load() -> None:
    inner = numpy.array([1, "a", None], dtype=object)
    outer = numpy.zeros(3, dtype=object)
    outer[0] = outer[1] = inner
    outer[2] = [inner, {"again": inner}]
    made = brinery.loads(pickle.dumps(outer), policy="numpy")
    assert made[0] is made[1] is made[2][0] is made[2][1]["again"]


def twister(first: int, other: int) -> list[bytes]:
    """Return the states of a Mersenne twister of these words, as both libraries save them."""
    words = (first,) + (0,) * 622 + (other,)
    generator = numpy.random.MT19937(1)
    state = {**generator.state, "state": {"key": numpy.array(words, dtype="u4"), "pos": 624}}
    numpys = generator.__reduce__()
    given = (state, numpys[2][1]) if isinstance(numpys[2], tuple) else state
    return [
        pickle.dumps(Made(random.Random, (), (3, (*words, 624), None))),
        pickle.dumps(Made(numpys[0], numpys[1], given)),
    ]


@pytest.mark.parametrize("first", [0, 1, 0x7FFFFFFF])
def test_generators_that_give_zeros_for_ever_are_refused(first: int) -> None:
    """A program that asks for a normal number would ask again and again."""
    for data in twister(first, 0):
        with pytest.raises(brinery.PolicyError):
            brinery.loads(data, policy="numpy")


@pytest.mark.parametrize(("first", "other"), [(0x80000000, 0), (0, 1)])
def test_other_generators_load(first: int, other: int) -> None:
    for data in twister(first, other):
        made = brinery.loads(data, policy="numpy")
        assert type(made) is type(pickle.loads(data))


def test_an_increment_that_does_not_turn_is_refused() -> None:
    for kind in (numpy.random.PCG64, numpy.random.PCG64DXSM):
        generator = kind(1)
        state = generator.state
        assert state["state"]["inc"] % 2 == 1
        assert brinery.loads(pickle.dumps(generator), policy="numpy").state == state
        function, args, given = generator.__reduce__()
        still = {**state, "state": {"state": 0, "inc": 0}}
        refused(Made(function, args, (still, given[1]) if isinstance(given, tuple) else still))


def test_a_stream_by_hand_is_refused_as_well() -> None:
    """The array is fetched from the memo, before it has any items."""
    zero = numpy.zeros(1, dtype=object).__reduce__()
    made = call(glob(zero[0].__module__, "_reconstruct"), glob("numpy", "ndarray"), b"K\0\x85", b"C\1b")
    kind = call(glob("numpy", "dtype"), text("O8"), FALSE, TRUE) + tup(
        b"K\3", text("|"), NONE, NONE, NONE, b"J\xff\xff\xff\xff", b"J\xff\xff\xff\xff", b"K\x3f"
    )
    data = b"\x80\x03" + made + b"q\1" + tup(b"K\1", b"K\1\x85", kind + b"b", FALSE, b"]h\1a") + b"b."
    assert pickle.loads(data).shape == (1,)
    with pytest.raises(brinery.PolicyError):
        brinery.loads(data, policy="numpy")

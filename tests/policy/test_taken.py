"""Values that are made natively: what a policy grants counts, not what the maker takes."""

from __future__ import annotations

import datetime
import decimal
import fractions
import pickle
from typing import Any

import pytest

import brinery

#: Values that a narrow grant holds, the grant, and a value that it does not.
NARROW: list[tuple[list[Any], str, Any]] = [
    (
        [datetime.timedelta(1), datetime.timedelta(3, 4)],
        "tuple[int(0..5), int(0..86399), int(0..999999)]",
        datetime.timedelta(6),
    ),
    (
        [datetime.datetime(2020, 1, 2)],
        "tuple[bytes(10..10)]",
        datetime.datetime(1, 1, 1, tzinfo=datetime.timezone.utc),
    ),
    ([datetime.date(2020, 1, 2), datetime.date(2021, 3, 4)], "tuple[bytes(4..4)]", datetime.time(1)),
    ([1 + 2j, 3 + 4j], "tuple[float, float]", fractions.Fraction(1, 2)),
    ([range(2), range(9)], "tuple[int(0..10), int(0..10), int(1..1)]", range(11)),
    ([range(2), range(9)], "tuple[int(0..10), int(0..10), int(1..1)]", range(0, 9, 2)),
    ([decimal.Decimal("1.5"), decimal.Decimal("2")], "tuple['1.5' | '2']", decimal.Decimal("3")),
    (
        [fractions.Fraction(1, 2), fractions.Fraction(1, 3)],
        "tuple['1/2' | '1/3'] | tuple[int(1..1), int(2..3)]",
        fractions.Fraction(2, 3),
    ),
]


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(("values", "grant", "beyond"), NARROW)
def test_what_is_not_granted_is_refused_though_the_maker_takes_it(
    values: list[Any], grant: str, beyond: Any, protocol: int
) -> None:
    kind = type(values[0])
    policy = brinery.Policy("data") | brinery.Policy.allow(kind, value=True, call=grant)
    policy = policy | brinery.Policy.allow("_codecs.encode", call="tuple[str, 'latin1']")
    # The first two are judged by all that is known, those that follow by what these were.
    assert brinery.loads(pickle.dumps(values * 3, protocol), policy=policy) == values * 3
    for others in ([beyond], [*values, beyond], [*values, *values, beyond, *values]):
        with pytest.raises(brinery.PolicyError):
            brinery.loads(pickle.dumps(others, protocol), policy=policy)


@pytest.mark.parametrize(
    "values",
    [
        [
            decimal.Decimal("1" * 65),
            decimal.Decimal("1." + "0" * 80),
            decimal.Decimal(2),
            decimal.Decimal("-0"),
        ],
        [decimal.Decimal("NaN"), decimal.Decimal("1E+400"), decimal.Decimal(1)] * 2,
        [datetime.date(1, 1, 1), datetime.timedelta(-1), datetime.datetime.max] * 3,
        [range(10**30), range(3), range(0), slice(1, 2, 3)] * 2,
        [complex("nan"), complex(1, -0.0)] * 2,
        [fractions.Fraction(10**30, 3), fractions.Fraction(1, 2)] * 2,
    ],
)
def test_what_the_maker_leaves_to_the_class_is_loaded_as_well(values: list[Any]) -> None:
    assert repr(brinery.loads(pickle.dumps(values), policy="stdlib")) == repr(values)


def test_a_long_text_is_paid_for_however_often_it_is_given() -> None:
    text = b"\x80\x04cdecimal\nDecimal\nq\x00X" + (90_000).to_bytes(4, "little") + b"1" * 90_000 + b"q\x01("
    few, many = (text + b"h\x00h\x01\x85R" * count + b"l." for count in (3, 40_000))
    assert len(brinery.loads(few, policy="stdlib")) == 3
    with pytest.raises(brinery.PolicyError, match="budget"):
        brinery.loads(many, policy="stdlib")


class Call:
    """What is pickled as a call."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.made = function, args

    def __reduce__(self) -> Any:
        return self.made


def test_a_maker_of_numpy_is_judged_by_each_call() -> None:
    numpy = pytest.importorskip("numpy")
    scalar, (dtype, data) = numpy.float64(1.5).__reduce__()
    values = [
        kind(n) for n in range(20) for kind in (numpy.float64, numpy.int32, numpy.bool_, numpy.complex64)
    ]
    found = brinery.loads(pickle.dumps(values), policy="numpy")
    assert [type(value) for value in found] == [type(value) for value in values]
    assert found == values
    for call in (
        Call(scalar, dtype, data[:-1]),
        Call(scalar, dtype, data + b"0"),
        Call(scalar, dtype, b""),
        Call(scalar, dtype),
        Call(scalar, dtype, None),
        Call(scalar, dtype, [1.5]),
        Call(scalar, numpy.dtype(object), data),
        Call(scalar, "f8", data),
        Call(scalar, scalar, data),
    ):
        for others in ([call], [*values, call], [*values, call, *values]):
            with pytest.raises(brinery.PolicyError):
                brinery.loads(pickle.dumps(others), policy="numpy")


def test_arrays_that_are_made_alike_are_given_their_own_states() -> None:
    numpy = pytest.importorskip("numpy")
    arrays = [numpy.arange(n).astype(kind) for n in range(9) for kind in ("f8", "i2", "U3", "M8[s]")]
    found = brinery.loads(pickle.dumps(arrays), policy="numpy")
    for one, other in zip(found, arrays):
        assert one.dtype == other.dtype
        assert (one == other).all()
    empty, args, state = arrays[4].__reduce__()

    def build(*states: Any) -> bytes:
        # The array is made once, and given states one after the other.
        parts = [pickle.dumps(state, 2)[2:-1] for state in states]
        return pickle.dumps(Call(empty, *args), 2)[:-1] + b"".join(part + b"b" for part in parts) + b"."

    assert (brinery.loads(build(state), policy="numpy") == arrays[4]).all()
    for states in ([state, state], [(1, (2,), *state[2:])], [(1, (-1,), *state[2:])], [state[:3]], [None]):
        with pytest.raises(brinery.PolicyError):
            brinery.loads(build(*states), policy="numpy")

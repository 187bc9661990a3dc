"""Honest pickles load under the policies that are made for them, and equal what the stock engine makes of them."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import pytest

import brinery

from .honest import ITERATORS, VALUES


def same(one: Any, other: Any) -> bool:
    """Return whether two objects are alike, by what they are pickled to."""
    return type(one) is type(other) and pickle.dumps(one, 4) == pickle.dumps(other, 4)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", VALUES)
def test_values_of_the_standard_library(name: str, protocol: int) -> None:
    for value in VALUES[name]:
        try:
            data = pickle.dumps(value, protocol)
            expected = pickle.loads(data)
        except Exception:
            continue  # what this protocol cannot hold
        assert same(brinery.loads(data, policy="stdlib"), expected), value


def first(iterator: Any) -> list[Any]:
    """Return the first items, of groups their keys."""
    items = list(itertools.islice(iterator, 9))
    return [key for key, _ in items] if isinstance(iterator, itertools.groupby) else items


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.filterwarnings("ignore:.*itertools:DeprecationWarning")
def test_iterators(protocol: int) -> None:
    for make in ITERATORS:
        try:
            data = pickle.dumps(make(), protocol)
        except TypeError:
            continue  # what this version cannot save
        loaded, expected = brinery.loads(data, policy="stdlib"), pickle.loads(data)
        assert type(loaded) is type(expected)
        assert first(loaded) == first(expected)


def test_plain_data_needs_nothing() -> None:
    data = pickle.dumps(VALUES["plain"], 4)
    assert brinery.loads(data, policy="data") == VALUES["plain"]


def test_cycles_and_sharing_stay() -> None:
    value: list[Any] = [1]
    value += [value, {"self": value}]
    again = brinery.loads(pickle.dumps(value, 4), policy="data")
    assert again[1] is again
    assert again[2]["self"] is again


def test_numpy() -> None:
    np = pytest.importorskip("numpy")
    from numpy.ma import mrecords

    values = [
        np.arange(6).reshape(2, 3),
        np.asfortranarray(np.ones((2, 2))),
        np.array([None, 1], object),
        np.array(["ab"]),
        np.array(["2020-01-01"], "M8[D]"),
        np.zeros(1, [("a", "i4"), ("b", "O"), ("c", "f8", (2,))]),
        np.float64(1.5),
        np.str_("x"),
        np.ma.array([1, 2], mask=[0, 1]),
        np.ma.array([(1, 2.0)], [("a", "i4"), ("b", "f8")], mask=[(0, 1)])[0],
        mrecords.fromarrays([np.ma.array([1, 2], mask=[0, 1]), [1.0, 2.0]], names="a,b"),
        np.arange(2, dtype=">i4"),
        np.array([]),
        np.array(3),
        np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1),
        np.iinfo("i4"),
        np.linalg.LinAlgError("x"),
        np.dtype("f8"),
        np.float64,
        np.sin,
        np.random.default_rng(1),
        np.random.RandomState(1),
    ]
    for value in values:
        for protocol in range(2, 6):
            data = pickle.dumps(value, protocol)
            assert same(brinery.loads(data, policy="numpy"), pickle.loads(data)), value


def test_numpy_arrays_out_of_band() -> None:
    np = pytest.importorskip("numpy")
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(np.arange(1000), 5, buffer_callback=buffers.append)
    assert (brinery.loads(data, policy="numpy", buffers=buffers) == np.arange(1000)).all()


def test_pandas() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "a": [1, 2],
            "b": ["x", "y"],
            "c": pd.to_datetime(["2020", "2021"]),
            "d": pd.Categorical(["u", "v"]),
            "e": [1.0, None],
            "f": pd.array([1, None], dtype="Int64"),
            "g": pd.array([True, None], dtype="boolean"),
            "h": pd.array([0.5, None], dtype="Float64"),
            "i": pd.array(["a", None], dtype="string"),
            "j": pd.to_datetime(["2020", "2021"]).tz_localize("UTC"),
            "k": pd.to_timedelta([1, 2]),
            "l": pd.period_range("2020", periods=2, freq="D"),
            "m": pd.arrays.IntervalArray.from_breaks([0, 1, 2]),
            "n": pd.arrays.SparseArray([0, 1]),
        }
    )
    values = [
        frame,
        frame.a,
        frame.set_index(["a", "b"]),
        pd.Timestamp("2020"),
        pd.date_range("2020", periods=2),
        pd.NaT,
        pd.offsets.CustomBusinessDay(holidays=["2020-01-01"]),
        pd.offsets.BusinessHour(start="10:00"),
        pd.offsets.FY5253(weekday=1, startingMonth=2),
        pd.DateOffset(months=2),
        pd.array([1, 2], dtype=pd.Series([1]).dtype),
    ]
    for value in values:
        for protocol in range(2, 6):
            data = pickle.dumps(value, protocol)
            assert same(brinery.loads(data, policy="pandas"), pickle.loads(data)), value


def test_scikit_learn() -> None:
    pytest.importorskip("sklearn")
    from sklearn.datasets import load_iris
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    inputs, outputs = load_iris(return_X_y=True)
    for model in (
        make_pipeline(StandardScaler(), LogisticRegression()),
        RandomForestClassifier(n_estimators=3, random_state=0),
        KNeighborsClassifier(),
    ):
        data = pickle.dumps(model.fit(inputs, outputs), 5)
        again = brinery.loads(data, policy="sklearn")
        assert (again.predict(inputs) == model.predict(inputs)).all()


def out_of_band() -> dict[str, Any]:
    np, pd = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    return {
        "array": np.arange(1000),
        "fortran": np.asfortranarray(np.ones((30, 20))),
        "records": np.zeros(3, [("a", "i4"), ("b", "f8")]),
        "table": pd.DataFrame({"a": range(9), "b": list("abcdefghi"), "c": np.ones(9)}),
        "levels": pd.DataFrame(np.ones((4, 2)), index=pd.MultiIndex.from_product([["a", "b"], [1, 2]])),
        "categories": pd.DataFrame({"c": pd.Categorical(["x", "y", "x"])}),
        "dates": pd.DataFrame({"d": pd.date_range("2020", periods=5), "p": range(5)}),
        "nullable": pd.DataFrame({"i": pd.array([1, None, 3], dtype="Int64")}),
        "intervals": pd.Series(pd.interval_range(0, 3)),
        "index": pd.Index([1, 2, 3]),
    }


@pytest.mark.parametrize("name", out_of_band())
def test_buffers_out_of_band_are_judged_by_their_contents(name: str) -> None:
    buffers: list[pickle.PickleBuffer] = []
    thing = out_of_band()[name]
    data = pickle.dumps(thing, 5, buffer_callback=buffers.append)
    assert buffers
    plain = pickle.dumps(pickle.loads(pickle.dumps(thing, 5)), 4)
    for given in (buffers, iter(buffers), [bytes(buffer.raw()) for buffer in buffers]):
        loaded = brinery.loads(data, policy="pandas|numpy", buffers=given)
        assert pickle.dumps(pickle.loads(pickle.dumps(loaded, 5)), 4) == plain
    with pytest.raises(brinery.PolicyError, match=r"not enough|contradict|make up|does not fit"):
        brinery.loads(data, policy="pandas|numpy", buffers=buffers[:-1])
    short = [bytes(buffer.raw())[:-1] for buffer in buffers]
    with pytest.raises(brinery.PolicyError):
        brinery.loads(data, policy="pandas|numpy", buffers=short)


def test_no_more_buffers_are_taken_than_the_stream_asks_for() -> None:
    np = pytest.importorskip("numpy")
    taken: list[int] = []

    def buffers() -> Any:
        for number in range(5):
            taken.append(number)
            yield bytearray(np.arange(4).tobytes())

    data = pickle.dumps([np.arange(4), np.arange(4)], 5, buffer_callback=lambda _: None)
    given = buffers()
    assert len(brinery.loads(data, policy="numpy", buffers=given)) == 2
    assert taken == [0, 1]

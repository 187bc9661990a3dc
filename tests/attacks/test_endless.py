"""Values that load at once, and that a program waits for without end as soon as it uses them."""

from __future__ import annotations

import decimal
import graphlib
import pickle
import traceback

import pytest

import brinery

ALL = "stdlib|numpy|pandas|sklearn|torch"


def refused(value: object, policy: str = ALL) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(brinery.PolicyError):
            brinery.loads(pickle.dumps(value, protocol), policy=policy)


def loads(value: object, policy: str = "stdlib") -> object:
    return brinery.loads(pickle.dumps(value), policy=policy)


@pytest.mark.parametrize("digits", [decimal.MAX_PREC, 2**31 - 1, 1_000_001])
def test_no_context_asks_for_more_digits_than_memory_holds(digits: int) -> None:
    refused(decimal.Context(prec=digits))
    assert loads(decimal.Context(prec=1_000_000)).prec == 1_000_000  # type: ignore[attr-defined]


def test_no_sorter_waits_for_nodes_that_nobody_has() -> None:
    sorter = graphlib.TopologicalSorter({1: {2}, 2: {3}})
    assert list(loads(sorter).static_order()) == [3, 2, 1]  # type: ignore[attr-defined]
    for passed, finished in ((1, 0), (0, 1), (10**30, 0)):
        sorter = graphlib.TopologicalSorter({1: {2}})
        sorter._npassedout, sorter._nfinished = passed, finished  # type: ignore[attr-defined]
        refused(sorter)


@pytest.mark.parametrize(
    "parts",
    [(0, 2**63 - 1, 1), (0, 1 << 32, 1), (-(2**62), 2**62, 2), (1 << 40, 0, -1), (0, (1 << 27) + 1, 1)],
)
def test_no_index_is_longer_than_memory(parts: tuple[int, int, int]) -> None:
    pandas = pytest.importorskip("pandas")
    index = pandas.RangeIndex(*parts)
    for value in (index, pandas.DataFrame(index=index), pandas.DataFrame(columns=index[:0], index=index)):
        refused(value)


def test_long_indexes_load() -> None:
    pandas = pytest.importorskip("pandas")
    for index in (pandas.RangeIndex(10**8), pandas.RangeIndex(0, -(10**8), -1), pandas.RangeIndex(5, 5)):
        assert loads(index, "pandas").equals(index)  # type: ignore[attr-defined]


def test_no_sparse_array_stands_for_more_than_memory() -> None:
    pandas = pytest.importorskip("pandas")
    array = pandas.arrays.SparseArray([0, 0, 1])
    data = pickle.dumps(pandas.Series(array), 2)
    assert loads(pandas.Series(array), "pandas").tolist() == [0, 0, 1]  # type: ignore[attr-defined]
    index = type(array.sp_index)
    function, args = array.sp_index.__reduce__()[:2]
    assert function is index and args[0] == 3
    longer = index((1 << 27) + 1, *args[1:])
    assert data != pickle.dumps(longer)
    refused(longer)


@pytest.mark.parametrize("link", ["__cause__", "__context__"])
@pytest.mark.parametrize("length", [1, 2, 3])
def test_no_traceback_is_its_own_cause(link: str, length: int) -> None:
    def report() -> traceback.TracebackException:
        try:
            raise ValueError("a report")
        except ValueError as error:
            return traceback.TracebackException.from_exception(error)

    chain = [report() for _ in range(length)]
    for one, next_one in zip(chain, chain[1:]):
        setattr(one, link, next_one)
    assert "a report" in list(loads(chain[0]).format())[-1]  # type: ignore[attr-defined]
    setattr(chain[-1], link, chain[0])
    refused(chain[0])

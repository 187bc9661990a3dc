"""Identity over objects that hypothesis makes up. The seed is fixed: each run compares the same ones."""

from __future__ import annotations

import _pickle
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

import brinery
from tests.identity import ways
from tests.identity.strategies import TREES, graphs
from tests.identity.test_loads import unlike

EXAMPLES = settings(
    max_examples=600,
    phases=[Phase.generate],
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def check(obj: Any, compared: Counter) -> None:
    """Compare the dumps of an object in every way, and the loads of the results."""
    for protocol in range(6):
        for way in ways.WAYS:
            if way is ways.fast and protocol < 4:
                continue  # stock takes shared objects in fast mode for recursive ones below a depth
            stock = ways.outcome(lambda w=way, p=protocol: w(_pickle, obj, p))
            if ways.exhausted(stock):
                continue  # reductions that lead back to themselves: cases.py has some
            ours = ways.outcome(lambda w=way, p=protocol: w(brinery._brinery, obj, p))
            compared["generated dumps"] += 1
            assert stock == ours, (way.__name__, protocol)
        kind, data, *_ = ways.outcome(lambda p=protocol: _pickle.dumps(obj, p))
        if kind == "value":
            stock = ways.outcome(lambda d=data: _pickle.loads(d))
            ours = ways.outcome(lambda d=data: brinery.loads(d))
            compared["generated loads"] += 1
            assert unlike(stock, ours) is None, data


@EXAMPLES
@seed(20240229)
@given(obj=TREES)
def test_trees(compared: Counter, obj: Any) -> None:
    check(obj, compared)


@EXAMPLES
@seed(19700101)
@given(obj=graphs())
def test_graphs(compared: Counter, obj: Any) -> None:
    check(obj, compared)

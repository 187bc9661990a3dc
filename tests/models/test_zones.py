"""Time zones of pytz, which tables of pandas have: those load that there are, and none is added."""

from __future__ import annotations

import datetime
import pickle
from typing import Any

import pytest

import brinery

pytz: Any = pytest.importorskip("pytz")

SUMMER, WINTER = datetime.datetime(2024, 7, 1), datetime.datetime(2024, 1, 1)


@pytest.mark.parametrize("protocol", range(6))
def test_zones_load_with_all_their_offsets(protocol: int) -> None:
    for name in ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC", "Etc/GMT+3"):
        zone = pytz.timezone(name)
        assert brinery.loads(pickle.dumps(zone, protocol), policy="pandas") is zone
        times = [zone.localize(time) for time in (SUMMER, WINTER, datetime.datetime(1905, 1, 1))]
        made = brinery.loads(pickle.dumps(times, protocol), policy="pandas")
        assert made == times
        assert [time.tzinfo is one.tzinfo for time, one in zip(times, made)] == [True] * 3


@pytest.mark.parametrize("protocol", range(6))
def test_times_are_learnt_with_their_zones(protocol: int) -> None:
    rules = brinery.Policy.learn([pickle.dumps([pytz.timezone("Europe/Berlin").localize(SUMMER)], protocol)])
    times = [pytz.timezone("Europe/Rome").localize(WINTER)]
    assert brinery.loads(pickle.dumps(times, protocol), policy=rules) == times


def test_tables_load_with_their_zones() -> None:
    pandas: Any = pytest.importorskip("pandas")
    dates = pandas.date_range("2024-03-30", periods=4, tz=pytz.timezone("Europe/Berlin"))
    table = pandas.DataFrame({"date": dates, "value": range(4)}).set_index("date", drop=False)
    made = brinery.loads(pickle.dumps(table), policy="pandas")
    pandas.testing.assert_frame_equal(made, table)
    assert made.index.tz is table.index.tz


def test_offsets_that_a_zone_has_not_are_not_added() -> None:
    class Zone:
        def __init__(self, *given: object) -> None:
            self.given = given

        def __reduce__(self) -> tuple[Any, ...]:
            return pytz._p, self.given

    zone = pytz.timezone("Europe/Berlin")
    before = dict(zone._tzinfos)
    sample = [pickle.dumps([zone.localize(SUMMER)])]
    for given in [("Europe/Berlin", 3601, 0, "CET"), ("Asia/Kolkata", 1, 2, ""), ("UTC", 0, 0, "UTC")]:
        for value in (Zone(*given), [Zone(*given)]):
            for policy in ("pandas", brinery.Policy.learn(sample)):
                with pytest.raises(brinery.PolicyError):
                    brinery.loads(pickle.dumps(value), policy=policy)
    assert zone._tzinfos == before
    assert (
        brinery.loads(pickle.dumps(Zone("Europe/Berlin", 3600, 0, "old name")), policy="pandas")
        in before.values()
    )

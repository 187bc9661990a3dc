"""Loads under a policy or by type beside loads without one, brinery's own and the stock engine's.

``python -m benches.safe`` prints the table, with ``--publish`` it goes into the page.
"""

from __future__ import annotations

import _pickle
import argparse
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import brinery
from benches import measure, pages, report
from benches.sides import Side
from benches.workload import Workload
from benches.workloads import WORKLOADS
from benches.workloads.instances import Data, Frozen, Pair, Plain, Reduced, Slots, State
from benches.workloads.standard import Colour

__all__ = ["CASES", "Case", "main", "table"]

Load = Callable[[bytes], Any]


def loads(engine: Any, policy: Any = None, type: Any = None) -> Load:
    call = engine.loads
    if policy is not None:
        return lambda data: call(data, policy=policy)
    return (lambda data: call(data)) if type is None else lambda data: call(data, type=type)


def load(engine: Any, policy: Any = None) -> Load:
    call, file = engine.load, io.BytesIO
    return (lambda data: call(file(data))) if policy is None else lambda data: call(file(data), policy=policy)


def unpickler(engine: Any, policy: Any = None) -> Load:
    make, file = engine.Unpickler, io.BytesIO
    if policy is None:
        return lambda data: make(file(data)).load()
    return lambda data: make(file(data), policy=policy).load()


def granted() -> brinery.Policy:
    """Return what the instances among the workloads need."""
    policy = brinery.Policy("stdlib")
    for cls in (Plain, Data, Slots):
        policy |= brinery.Policy.allow(cls)
    policy |= brinery.Policy.allow(Frozen, construct="tuple[]", setstate="list", attributes=True)
    policy |= brinery.Policy.allow(Pair, construct="tuple")
    policy |= brinery.Policy.allow(State, construct="tuple[]", setstate="dict[str, int]")
    policy |= brinery.Policy.allow(Reduced, call="tuple[int]")
    return policy | brinery.Policy.allow(Colour, value=True, call=True, members=["*"])


@dataclass(frozen=True)
class Case:
    """A workload, and how it is loaded."""

    workload: str
    #: What is said of the rules in the table.
    rules: str
    #: The rules as arguments.
    given: Callable[[], dict[str, Any]]
    way: Callable[..., Load] = loads
    protocol: int = 4

    @property
    def title(self) -> str:
        """The row's name."""
        how = "" if self.way is loads else f", {self.way.__name__}"
        return f"{self.workload}{how}" + (f", protocol {self.protocol}" if self.protocol != 4 else "")


def by(**rules: Any) -> Callable[[], dict[str, Any]]:
    return lambda: rules


def allowed() -> dict[str, Any]:
    return {"policy": granted()}


DATA, STDLIB = ("data", by(policy="data")), ("stdlib", by(policy="stdlib"))
ALLOWED = ("stdlib and classes", allowed)

CASES = [
    Case("calls.message", *DATA),
    Case("calls.message", *DATA, load),
    Case("calls.message", *DATA, unpickler),
    Case("calls.event", *STDLIB),
    Case("calls.one_plain", *ALLOWED),
    Case("calls.one_dataclass", *ALLOWED),
    Case("calls.one_dataclass", "type=Data", by(type=Data)),
    Case("calls.exception", *STDLIB),
    Case("scalars.small_ints", *DATA),
    Case("scalars.unique_strings", *DATA),
    Case("scalars.repeated_strings", *DATA),
    Case("containers.records", *DATA),
    Case("containers.parsed_json", *DATA),
    Case("containers.nested_lists", *DATA),
    Case("containers.tuple_keys", *DATA),
    Case("containers.sets", *DATA),
    Case("containers.sets", *STDLIB, protocol=2),
    Case("standard.datetimes", *STDLIB),
    Case("standard.datetimes", *STDLIB, protocol=2),
    Case("standard.aware_datetimes", *STDLIB),
    Case("standard.decimals", *STDLIB),
    Case("standard.uuids", *STDLIB),
    Case("standard.enums", *ALLOWED),
    Case("standard.ordered_dicts", *STDLIB),
    Case("standard.defaultdicts", *STDLIB),
    Case("standard.counters", *STDLIB),
    Case("standard.deques", *STDLIB),
    Case("instances.plain", *ALLOWED),
    Case("instances.plain", *ALLOWED, protocol=2),
    Case("instances.dataclasses", *ALLOWED),
    Case("instances.dataclasses", "type=list[Data]", by(type=list[Data])),
    Case("instances.slots", *ALLOWED),
    Case("instances.namedtuples", *ALLOWED),
    Case("instances.getstate", *ALLOWED),
    Case("instances.reduce", *ALLOWED),
    Case("science.numpy_scalars", "numpy", by(policy="numpy")),
    Case("science.small_arrays", "numpy", by(policy="numpy")),
    Case("science.data_frame", "pandas", by(policy="pandas")),
]


def measured(case: Case, budget: float, least: int = 5) -> tuple[dict[str, list[float]], int]:
    """Return the seconds of each side in each round, and the size of the pickle."""
    workload: Workload = WORKLOADS[case.workload]
    data, rules = _pickle.dumps(workload.make(), case.protocol), case.given()
    sides = [
        Side("safe", brinery.dumps, case.way(brinery, **rules)),
        Side("own", brinery.dumps, case.way(brinery)),
        Side("pickle", _pickle.dumps, case.way(_pickle)),
    ]
    made = {brinery.dumps(side.loads(data), case.protocol) for side in sides}
    if len(made) != 1:
        raise AssertionError(f"{case.title}: what is loaded differs")
    turn = measure.loading(workload, data)
    repeats = dict.fromkeys((side.name for side in sides), measure.calibrated(turn, sides[0]))
    for side in sides:
        turn(side, repeats[side.name])
    return measure.rounds(sides, turn, repeats, budget, least), len(data)


def table(found: dict[int, tuple[dict[str, list[float]], int]]) -> str:
    """Return the table of cases by their number."""
    head = ["workload", "rules", "size", "safe", "beside brinery's own", "beside the stock engine's"]
    rows, ratios = [], ([], [])
    for number, (times, size) in found.items():
        case = CASES[number]
        row = [case.title, case.rules, report.size(size), report.duration(min(times["safe"]))]
        for other, kept in zip(("own", "pickle"), ratios):
            ratio = measure.median_ratio(times[other], times["safe"])
            kept.append(ratio)
            row.append(f"{ratio:.2f}×")
        rows.append(row)
    means = [f"**{report.geometric(kept):.2f}×**" for kept in ratios]
    rows.append([f"**geometric mean of {len(found)}**", "", "", "", *means])
    return report.table(head, rows, left=(0, 1))


def main() -> int:
    """Measure, print the table, and publish it if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benches.safe", description=__doc__)
    parser.add_argument("--publish", action="store_true", help="rewrite the table of the page")
    parser.add_argument("--quick", action="store_true", help="few rounds: a first look")
    given = parser.parse_args()
    found = {}
    for number, case in enumerate(CASES):
        print(f"safe loads: {case.title}", file=sys.stderr, flush=True)
        found[number] = measured(case, 0.1 if given.quick else 1.0, 3 if given.quick else 15)
    told = table(found)
    print(told)
    if given.publish:
        pages.rewrite("safe", told)
    return 0


if __name__ == "__main__":
    sys.exit(main())

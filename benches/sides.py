"""The engines that are compared, and their peers."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benches.workload import Workload, plainly


@dataclass(frozen=True)
class Side:
    """An engine under the name that the report gives it."""

    name: str
    dumps: Callable[[Any, int], Any]
    loads: Callable[[Any], Any]


#: What people use beside or instead of pickle, by the library that has it.
PEERS = {
    "marshal": "marshal",
    "msgspec": "msgspec.msgpack",
    "ormsgpack": "ormsgpack",
    "cloudpickle": "cloudpickle",
    "dill": "dill",
}


def engines(workload: Workload) -> list[Side]:
    """Return brinery, the stock engine, and the stock engine once more: what the noise alone does."""
    return [engine(workload, "brinery"), engine(workload, "pickle"), engine(workload, "again")]


def engine(workload: Workload, name: str) -> Side:
    """Return one of the engines, used as the workload says."""
    module = importlib.import_module("brinery" if name == "brinery" else "_pickle")
    return Side(name, *workload.way(module))


def peers(workload: Workload) -> list[Side]:
    """Return the peers that are installed, if the workload uses pickle in the ordinary way."""
    if workload.way is not plainly:
        return []
    found = []
    for name, library in PEERS.items():
        try:
            module = importlib.import_module(library)
        except ImportError:
            continue
        found.append(_peer(name, module))
    return found


def _peer(name: str, module: Any) -> Side:
    if name == "marshal":
        return Side(name, lambda obj, protocol: module.dumps(obj), module.loads)
    if name == "msgspec":
        return Side(name, lambda obj, protocol: module.encode(obj), module.decode)
    if name == "ormsgpack":
        option = module.OPT_NON_STR_KEYS
        return Side(
            name,
            lambda obj, protocol: module.packb(obj, None, option),
            lambda data: module.unpackb(data, option=option),
        )
    return Side(name, module.dumps, module.loads)

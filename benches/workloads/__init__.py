"""What is pickled. A workload is a function that makes a fresh object; its docstring says what it is."""

from __future__ import annotations

from collections.abc import Callable

from benches.workloads import containers, graphs, instances, messages, scalars, standard

FAMILIES = (scalars, containers, instances, standard, graphs, messages)

#: Every workload by name, such as ``containers.records``.
WORKLOADS: dict[str, Callable[[], object]] = {
    f"{family.__name__.rpartition('.')[2]}.{name}": function
    for family in FAMILIES
    for name, function in vars(family).items()
    if callable(function) and getattr(function, "__module__", "") == family.__name__ and name[0].islower()
}

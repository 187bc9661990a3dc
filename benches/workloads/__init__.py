"""What is pickled. A workload is a function that makes a fresh object; its docstring says what it is."""

from __future__ import annotations

from benches.workload import Workload, collect
from benches.workloads import (
    buffers,
    calls,
    containers,
    documents,
    files,
    graphs,
    hooks,
    instances,
    scalars,
    science,
    standard,
)

FAMILIES = (
    scalars,
    containers,
    instances,
    graphs,
    standard,
    calls,
    hooks,
    files,
    buffers,
    science,
    documents,
)

#: Every workload by name, such as ``containers.records``.
WORKLOADS: dict[str, Workload] = collect(FAMILIES)

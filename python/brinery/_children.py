"""Carrying the engine into the Python processes that this one starts."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # without importing typing
if TYPE_CHECKING:
    from typing import Any

__all__ = ["disable", "enable", "environment"]

# Holds the `sitecustomize` that a child imports as it starts.
SITE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_site")


def environment(environ: dict[str, str]) -> dict[str, str]:
    """Return a copy of `environ` in which a Python process starts on the engine."""
    entries = environ.get("PYTHONPATH", "").split(os.pathsep)
    if SITE in entries:
        return dict(environ)
    path = os.pathsep.join([SITE, *filter(None, [environ.get("PYTHONPATH")])])
    return {**environ, "PYTHONPATH": path}


def enable() -> None:
    """Start children on the engine from now on."""
    os.environ["PYTHONPATH"] = environment(dict(os.environ))["PYTHONPATH"]
    if sys.flags.ignore_environment:
        _send_along()


def disable() -> None:
    """Start children on their stock engine again."""
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    rest = os.pathsep.join(entry for entry in entries if entry != SITE)
    if rest:
        os.environ["PYTHONPATH"] = rest
    else:
        os.environ.pop("PYTHONPATH", None)
    if sys.flags.ignore_environment:
        _send_no_more()


class _Arrival:
    """Something to send to a multiprocessing child: receiving it installs the engine there."""

    def __reduce__(self) -> tuple[Any, ...]:
        from runpy import run_path

        return run_path, (os.path.join(SITE, "sitecustomize.py"), None, "brinery_child")


def _send_along() -> None:
    """Let multiprocessing send an `_Arrival` ahead of the work.

    Its spawned children inherit ``-E`` and ``-I`` from this process: the environment tells them nothing.
    """
    from multiprocessing import spawn

    stock = spawn.get_preparation_data

    def get_preparation_data(name: str) -> dict[str, Any]:
        return {"brinery": _Arrival(), **stock(name)}

    get_preparation_data.brinery_stock = stock  # type: ignore[attr-defined]
    spawn.get_preparation_data = get_preparation_data


def _send_no_more() -> None:
    from multiprocessing import spawn

    stock = getattr(spawn.get_preparation_data, "brinery_stock", None)
    if stock is not None:
        spawn.get_preparation_data = stock

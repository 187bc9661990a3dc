"""Watches each Python process of a program: notes whether it is on the engine, and bars the stock one if not.

The file that ``ENGINE_RECORD`` names gets a line for each start of an interpreter and each fork. Where the
engine is not behind pickle, the functions of the stock `_pickle` raise.
"""

import _pickle
import os
import sys

record = os.environ["ENGINE_RECORD"]


def note() -> None:
    """Write down which engine this process has."""
    brinery = sys.modules.get("brinery")
    engine = brinery is not None and _pickle.dumps is brinery.dumps and _pickle.Pickler is brinery.Pickler
    with open(record, "a") as file:
        file.write(f"{os.getpid()} {'brinery' if engine else 'stock'}\n")


def bar(name: str) -> None:
    """Make a name of `_pickle` unusable."""

    def barred(*args: object, **options: object) -> None:
        raise AssertionError(f"the stock _pickle.{name} was called")

    setattr(_pickle, name, barred)


note()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=note)
if "brinery" not in sys.modules:
    for name in ("Pickler", "Unpickler", "dump", "dumps", "load", "loads"):
        bar(name)

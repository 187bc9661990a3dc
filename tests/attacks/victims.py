"""What honest programs have: the targets of attacks that use nothing but what is granted."""

from __future__ import annotations

import os


class Plain:
    """A class without hooks."""

    kind = "plain"


class Stateful:
    """A class whose state goes through its own hook."""

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)


class Buffer(bytearray):
    """A class that takes a size."""


class Runner:
    """What an attack would like to reach: its `run` writes the file."""

    def run(self, command: str = "") -> None:
        """Leave the mark."""
        touch()

    def __setstate__(self, state: object) -> None:
        touch()


class Bag(list):  # type: ignore[type-arg]
    """A list whose items go through code."""


class Launched:
    """A class whose construction is the effect."""

    def __new__(cls, command: str) -> Launched:
        """Leave the mark."""
        touch()
        return super().__new__(cls)


shell = os.system
SHARED = {"admin": False}
SINGLETON = Plain()


def touch(*_: object) -> object:
    """Leave the mark."""
    with open("effect", "w", encoding="utf-8"):
        pass
    return None


def make() -> Plain:
    """Return an object that is not the stream's own."""
    return SINGLETON


def changed() -> bool:
    """Return whether something that belongs to the program was changed."""
    return (
        SHARED != {"admin": False}
        or vars(SINGLETON) != {}
        or Plain.kind != "plain"
        or "evil" in vars(touch)
        or "BRINERY_EVIL" in os.environ
    )

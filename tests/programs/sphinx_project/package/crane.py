"""Cranes of the harbour."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

#: How many cranes there are.
CRANES: int = 2


class State(enum.Enum):
    """What a crane does."""

    IDLE = 0  #: nothing
    BUSY = 1  #: something


@dataclass(order=True)
class Crane(Generic[T]):
    """A crane.

    Attributes
    ----------
    name : str
        How it is called.
    load : list
        What hangs on it.
    """

    name: str
    load: list[T] = field(default_factory=list)

    def lift(self, thing: T, *, slowly: bool = False) -> Crane[T]:
        """Lift a thing.

        Parameters
        ----------
        thing
            What to lift.
        slowly : bool, optional
            Whether to take time.

        Returns
        -------
        Crane
            The crane itself.

        Examples
        --------
        >>> Crane("north").lift("crate").load
        ['crate']
        """
        self.load.append(thing)
        return self

    @property
    def state(self) -> State:
        """The :class:`State` that follows from the load."""
        return State.BUSY if self.load else State.IDLE


def heaviest(*cranes: Crane[T], default: Crane[T] | None = None) -> Crane[T] | None:
    """Return the crane with the longest load, or `default`."""
    return max(cranes, key=lambda crane: len(crane.load), default=default)

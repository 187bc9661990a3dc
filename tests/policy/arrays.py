"""Classes of arrays that programs have."""

from __future__ import annotations

from typing import Any

import numpy


class Signal(numpy.ndarray):  # type: ignore[type-arg]
    """Arrays without more."""


class Tagged(numpy.ndarray):  # type: ignore[type-arg]
    """Arrays with a name and notes, which are saved after the parts of their memory."""

    def __new__(cls, values: Any, name: str, *notes: Any) -> Tagged:
        """Make one of values."""
        made = numpy.asarray(values).view(cls)
        made.tags = (name, *notes)
        return made

    def __reduce__(self) -> tuple[Any, ...]:  # type: ignore[override]
        function, arguments, state = super().__reduce__()
        return function, arguments, (*state, self.tags)  # type: ignore[misc]

    def __setstate__(self, state: tuple[Any, ...]) -> None:  # type: ignore[override]
        *memory, self.tags = state
        super().__setstate__(tuple(memory))


class Labelled(numpy.ndarray):  # type: ignore[type-arg]
    """Arrays with a name, which is saved before the parts of their memory."""

    def __new__(cls, values: Any, name: str, *notes: Any) -> Labelled:
        """Make one of values."""
        made = numpy.asarray(values).view(cls)
        made.tags = (name, *notes)
        return made

    def __reduce__(self) -> tuple[Any, ...]:  # type: ignore[override]
        function, arguments, state = super().__reduce__()
        return function, arguments, (self.tags, *state)  # type: ignore[misc]

    def __setstate__(self, state: tuple[Any, ...]) -> None:  # type: ignore[override]
        self.tags = state[0]
        super().__setstate__(state[1:])


class Measured(numpy.ndarray):  # type: ignore[type-arg]
    """Arrays with a unit, which is saved beside their memory."""

    def __new__(cls, values: Any, unit: str) -> Measured:
        """Make one of values."""
        made = numpy.asarray(values).view(cls)
        made.unit = unit
        return made

    def __array_finalize__(self, other: Any) -> None:
        self.unit = getattr(other, "unit", "")

    def __reduce__(self) -> tuple[Any, ...]:  # type: ignore[override]
        function, arguments, state = super().__reduce__()
        return function, arguments, (state, {"unit": self.unit})

    def __setstate__(self, state: tuple[Any, dict[str, Any]]) -> None:  # type: ignore[override]
        memory, attributes = state
        super().__setstate__(memory)
        self.__dict__.update(attributes)

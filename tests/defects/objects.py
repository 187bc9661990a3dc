"""Classes of the round trips that stock gets wrong."""

from __future__ import annotations


class Keyed(Exception):
    """An exception with a required keyword-only argument."""

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code


class Several(Exception):
    """An exception that passes on fewer arguments than it takes."""

    def __init__(self, name: str, place: str) -> None:
        super().__init__(f"{name} at {place}")
        self.name, self.place = name, place


class SeveralKeyed(Several):
    """Both at once, and one more attribute."""

    def __init__(self, name: str, place: str, *, hint: str) -> None:
        super().__init__(name, place)
        self.hint = hint


class Owner:
    """Holds a name-mangled class and methods."""

    class __Private:
        """A private class."""

        def __init__(self) -> None:
            self.value = 1

        def __hidden(self) -> int:
            return 7

        def bound(self) -> object:
            return self.__hidden

    @classmethod
    def private(cls) -> type:
        return cls.__Private

    def __secret(self) -> str:
        return "secret"

    @classmethod
    def __quiet(cls) -> str:
        return "quiet"

    def methods(self) -> list:
        return [self.__secret, self.__quiet]


class Named:
    """Equal and hashed by name: of no use in a set before its state is there."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.peers: set = set()
        self.index: dict = {}

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Named) and self.name == other.name

"""Classes of the round trips that stock gets wrong."""

from __future__ import annotations

from collections.abc import Iterable


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


class Linked(Named):
    """Its hash looks at the frozenset that it holds."""

    links: frozenset = frozenset()

    def __hash__(self) -> int:
        return hash((self.name, self.links))


class Watching(Named):
    """Looks into what it gets as soon as it gets it."""

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        try:
            self.seen = len(self.peers)
        except TypeError:
            self.seen = "unfinished"


class Mapping(dict):
    """A dict with attributes."""


class Copied:
    """Is made by a call that copies what it is given."""

    def __init__(self, group: Iterable) -> None:
        self.group = group

    def __reduce__(self) -> tuple:
        return _copied, (self.group,)


def _copied(group: Iterable) -> Copied:
    return Copied(list(group))


class Club(frozenset):
    """A frozenset with attributes."""


class Party(set):
    """A set with attributes."""


class Never:
    """Has no hash any more once it is loaded."""

    def __init__(self) -> None:
        self.key = 1
        self.group: object = None

    def __hash__(self) -> int:
        return hash(self.key)

    def __setstate__(self, state: dict) -> None:
        self.group = state["group"]


class Interrupted(Named):
    """Gets a signal while it is hashed for the second time."""

    hashed = -1000

    def __hash__(self) -> int:
        Interrupted.hashed += 1
        if Interrupted.hashed == 2:
            raise KeyboardInterrupt
        return super().__hash__()

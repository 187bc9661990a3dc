"""The objects of the tour: an index of modules, classes, functions, signatures and docstrings.

They are ordinary Python: dataclasses, a plain class, a class with slots, an enumeration, standard containers.
Every definition knows its parent and every parent its definitions (cycles), and the two inverted indexes
refer to the definitions that the modules hold (shared references).
"""

from __future__ import annotations

import collections
import datetime
import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath


class Kind(enum.Enum):
    """How an argument may be passed to a parameter."""

    POSITIONAL_ONLY = "/"
    ORDINARY = ""
    VARIADIC = "*"
    KEYWORD_ONLY = "kw"
    KEYWORDS = "**"


@dataclass
class Parameter:
    """One parameter of a signature."""

    name: str
    kind: Kind
    annotation: str | None = None
    default: str | None = None

    def __str__(self) -> str:
        stars = self.kind.value if self.kind in (Kind.VARIADIC, Kind.KEYWORDS) else ""
        annotation = f": {self.annotation}" if self.annotation else ""
        default = "" if self.default is None else f"={self.default}"
        return f"{stars}{self.name}{annotation}{default}"


@dataclass
class Signature:
    """The parameters of a function and the annotation of its result."""

    parameters: list[Parameter]
    returns: str | None = None

    def __str__(self) -> str:
        returns = f" -> {self.returns}" if self.returns else ""
        return f"({', '.join(map(str, self.parameters))}){returns}"


class Call:
    """A call written in a function body: who calls, what, and where."""

    __slots__ = ("caller", "callee", "line")

    def __init__(self, caller: Function, callee: str, line: int) -> None:
        self.caller = caller
        self.callee = callee
        self.line = line


class Docstring:
    """A docstring, its first line and the words in it."""

    def __init__(self, text: str, words: tuple[str, ...]) -> None:
        self.text = text
        self.summary = text.strip().partition("\n")[0]
        self.words = words


@dataclass(eq=False)
class Definition:
    """Something with a name in a module: the module itself, a class or a function."""

    name: str
    line: int
    doc: Docstring | None = None
    parent: Definition | None = None
    members: dict[str, Definition] = field(default_factory=dict)

    @property
    def qualified_name(self) -> str:
        """The dotted name, from the module down."""
        return self.name if self.parent is None else f"{self.parent.qualified_name}.{self.name}"

    def walk(self) -> Iterator[Definition]:
        """Yield this definition and everything defined inside it."""
        waiting = [self]
        while waiting:
            definition = waiting.pop()
            yield definition
            waiting.extend(reversed(definition.members.values()))


@dataclass(eq=False)
class Module(Definition):
    """A module of the standard library."""

    path: PurePosixPath = PurePosixPath()
    lines: int = 0
    imports: set[str] = field(default_factory=set)


@dataclass(eq=False)
class Class(Definition):
    """A class statement."""

    bases: tuple[str, ...] = ()


@dataclass(eq=False)
class Function(Definition):
    """A function or method, with its signature and the calls in its body."""

    signature: Signature | None = None
    decorators: tuple[str, ...] = ()
    is_async: bool = False
    calls: list[Call] = field(default_factory=list)


class Step:
    """A link of a chain: a definition and the step before it."""

    def __init__(self, definition: Definition, before: Step | None) -> None:
        self.definition = definition.qualified_name
        self.before = before


class Index:
    """All modules by name, and what leads back to them: names, words of docstrings, callers."""

    def __init__(self, python: str) -> None:
        self.python = python
        self.built = datetime.datetime.now(datetime.timezone.utc)
        self.modules: dict[str, Module] = {}
        self.by_name: collections.defaultdict[str, list[Definition]] = collections.defaultdict(list)
        self.by_word: collections.defaultdict[str, list[Definition]] = collections.defaultdict(list)
        self.callers: collections.defaultdict[str, list[Call]] = collections.defaultdict(list)
        self.notes: collections.Counter[str] = collections.Counter()

    def add(self, module: Module) -> None:
        """Take a module in, with everything defined inside it."""
        self.modules[module.name] = module
        for definition in module.walk():
            self.by_name[definition.name].append(definition)
            if definition.doc is not None:
                for word in definition.doc.words:
                    self.by_word[word].append(definition)
            if isinstance(definition, Function):
                for call in definition.calls:
                    self.callers[call.callee].append(call)

    def count(self, kind: type[Definition]) -> int:
        """Return how many definitions of that kind there are."""
        return sum(isinstance(found, kind) for module in self.modules.values() for found in module.walk())

    def about(self, *words: str) -> list[Definition]:
        """Return the definitions whose docstrings have all of the words."""
        first, *others = [self.by_word.get(word, []) for word in words]
        kept = [{id(definition) for definition in found} for found in others]
        return [definition for definition in first if all(id(definition) in ids for ids in kept)]

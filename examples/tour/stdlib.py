"""Builds the index: every module of the running interpreter's standard library, parsed with `ast`."""

from __future__ import annotations

import ast
import platform
import re
import sys
import sysconfig
import tokenize
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Callable

from tour.model import Call, Class, Definition, Docstring, Function, Index, Kind, Module, Parameter, Signature

#: Not modules of the library: installed packages, the interpreter's own test suite, build leftovers.
LEFT_OUT = {"site-packages", "dist-packages", "test", "__pycache__", "lib-dynload"}
#: What ``--quick`` reads.
FEW = {"asyncio", "collections", "concurrent", "email", "json", "logging"}

WORD = re.compile(r"[a-z][a-z_]{2,}")


def sources(quick: bool) -> list[tuple[str, Path]]:
    """Return the name and the file of each module, in the order of the names."""
    root = Path(sysconfig.get_path("stdlib"))
    found = []
    for file in root.rglob("*.py"):
        parts = file.relative_to(root).with_suffix("").parts
        if LEFT_OUT.intersection(parts) or not all(part.isidentifier() for part in parts):
            continue
        if quick and parts[0] not in FEW:
            continue
        found.append((".".join(parts[:-1] if parts[-1] == "__init__" else parts), file))
    return sorted(found)


def build(quick: bool, progress: Callable[[list], Iterator]) -> Index:
    """Parse the library and return its index; files that are not valid Python on purpose are passed over."""
    index = Index(f"{platform.python_implementation()} {platform.python_version()}")
    root = Path(sysconfig.get_path("stdlib"))
    for name, file in progress(sources(quick)):
        try:
            index.add(parse(name, file, root))
        except (SyntaxError, UnicodeDecodeError):
            index.notes["files that do not parse"] += 1
    return index


def parse(name: str, file: Path, root: Path) -> Module:
    """Parse one file into a module, its path taken from `root`."""
    with tokenize.open(file) as stream:
        text = stream.read()
    tree = ast.parse(text)
    path = PurePosixPath(file.relative_to(root).as_posix())
    module = Module(name, 1, docstring(tree), path=path, lines=text.count("\n"))
    Reader(module).read(tree.body, module)
    return module


class Reader:
    """Reads the statements of one module into definitions."""

    def __init__(self, module: Module) -> None:
        self.module = module

    def read(self, body: list[ast.stmt], parent: Definition) -> None:
        """Read the statements that stand in the body of `parent`."""
        for node in body:
            self.visit(node, parent)

    def visit(self, node: ast.AST, parent: Definition) -> None:
        """Read one node and what is inside it."""
        if isinstance(node, ast.ClassDef):
            bases = tuple(map(source, node.bases))
            self.enter(node, Class(node.name, node.lineno, docstring(node), parent, bases=bases))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            function = Function(
                node.name,
                node.lineno,
                docstring(node),
                parent,
                signature=signature(node),
                decorators=tuple(map(source, node.decorator_list)),
                is_async=isinstance(node, ast.AsyncFunctionDef),
            )
            self.enter(node, function)
        else:
            self.take_note(node, parent)
            for child in ast.iter_child_nodes(node):
                self.visit(child, parent)

    def enter(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, made: Definition) -> None:
        """Put a definition into its parent and read its body."""
        made.parent.members[made.name] = made
        self.read(node.body, made)

    def take_note(self, node: ast.AST, parent: Definition) -> None:
        """Remember imports and calls."""
        if isinstance(node, ast.Import):
            self.module.imports.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            self.module.imports.add(node.module)
        elif isinstance(node, ast.Call) and isinstance(parent, Function):
            callee = dotted(node.func)
            if callee is not None:
                parent.calls.append(Call(parent, callee, node.lineno))


def dotted(node: ast.expr) -> str | None:
    """Return ``a.b.c`` for such an expression, None for any other."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    names.append(node.id)
    return sys.intern(".".join(reversed(names)))


def source(node: ast.expr) -> str:
    """Return the expression as source text."""
    name = dotted(node)
    return sys.intern(ast.unparse(node)) if name is None else name


def docstring(node: ast.AST) -> Docstring | None:
    """Return the docstring of a module, class or function."""
    text = ast.get_docstring(node)
    if text is None:
        return None
    words = sorted(set(WORD.findall(text.lower())))
    return Docstring(text, tuple(map(sys.intern, words)))


def signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Signature:
    """Return the signature as written."""
    given = node.args
    positional = [(arg, Kind.POSITIONAL_ONLY) for arg in given.posonlyargs]
    positional += [(arg, Kind.ORDINARY) for arg in given.args]
    defaults = [None] * (len(positional) - len(given.defaults)) + given.defaults
    rows = [(arg, kind, default) for (arg, kind), default in zip(positional, defaults)]
    if given.vararg is not None:
        rows.append((given.vararg, Kind.VARIADIC, None))
    rows += [(arg, Kind.KEYWORD_ONLY, default) for arg, default in zip(given.kwonlyargs, given.kw_defaults)]
    if given.kwarg is not None:
        rows.append((given.kwarg, Kind.KEYWORDS, None))
    parameters = [
        Parameter(arg.arg, kind, arg.annotation and source(arg.annotation), default and source(default))
        for arg, kind, default in rows
    ]
    return Signature(parameters, node.returns and source(node.returns))

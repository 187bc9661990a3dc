"""Prints what the caches of a Sphinx build hold: the doctrees, and the environment without its times."""

from __future__ import annotations

import pickle
import re
import sys
from pathlib import Path


def plain(value: object, depth: int = 0) -> object:
    """Return the value with sets in order and objects as their attributes."""
    if isinstance(value, dict):
        return {
            str(key): sorted(item) if key == "all_docs" else plain(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, (set, frozenset)):
        return sorted(repr(plain(item, depth + 1)) for item in value)
    if type(value) in (str, int, float, bool, bytes, type(None)):
        return value
    if hasattr(value, "pformat"):
        return text(value)
    if depth > 8:
        return type(value).__name__
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    return {type(value).__name__: plain(getattr(value, "__dict__", str(type(value))), depth + 1)}


def text(document: object) -> str:
    """Return the text of a doctree; older Sphinx leaves objects in it that print their address."""
    return re.sub(r" at 0x[0-9a-f]+", "", document.pformat())


def main() -> None:
    cache = Path(sys.argv[1])
    for path in sorted(cache.rglob("*.doctree")):
        print(path.relative_to(cache))
        print(text(pickle.loads(path.read_bytes())))
    environment = pickle.loads((cache / "environment.pickle").read_bytes())
    for name, value in sorted(plain(vars(environment)).items()):
        print(name, value)


if __name__ == "__main__":
    main()

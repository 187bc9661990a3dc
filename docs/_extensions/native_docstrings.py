"""Gives the reference the docstrings of the extension module, whose stub file has none."""

from __future__ import annotations

import functools
import importlib
import inspect
from typing import Any

import griffe

PACKAGE = "brinery."


class NativeDocstrings(griffe.Extension):
    """Take the docstring of the running object where the source has none."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Look at a function, class or attribute that was just read."""
        module, _, name = obj.path.removeprefix(PACKAGE).partition(".")
        if obj.docstring is not None or not obj.path.startswith(PACKAGE) or not name or name.endswith("__"):
            return
        native = importlib.import_module(PACKAGE + module)
        found = functools.reduce(lambda parent, part: getattr(parent, part, None), name.split("."), native)
        text = inspect.getdoc(found) if callable(found) or inspect.isdatadescriptor(found) else None
        if text:
            obj.docstring = griffe.Docstring(text, parent=obj, parser="numpy")

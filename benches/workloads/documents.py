"""What Sphinx keeps of a page."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any

from benches.workload import needs


@needs("sphinx", "docutils")
def sphinx_doctree() -> Any:
    """The doctree that Sphinx keeps of a page of 30 sections: lists, tables, code, references."""
    app, kept = _application()
    app.builder.read_doc("index")
    return kept.pop()


@functools.cache
def _application() -> tuple[Any, list[Any]]:
    """Return an application whose builder hands over what it would pickle, and the list that it hands it to."""
    from sphinx.application import Sphinx

    folder = Path(tempfile.mkdtemp(prefix="brinery-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "conf.py").write_text("project = 'bench'\n", encoding="utf-8")
    (folder / "index.rst").write_text(_page(), encoding="utf-8")
    built = folder / "build"
    app = Sphinx(folder, folder, built, built / "doctrees", "dummy", status=None, warning=None)
    app.env.find_files(app.config, app.builder)
    kept: list[Any] = []

    def keep(docname: str, doctree: Any, **_: Any) -> None:
        # What write_doctree does before it pickles.
        doctree.reporter = None
        doctree.transformer = None
        doctree.settings = doctree.settings.copy()
        doctree.settings.warning_stream = None
        doctree.settings.env = None
        doctree.settings.record_dependencies = None
        kept.append(doctree)

    app.builder.write_doctree = keep
    return app, kept


def _page() -> str:
    parts = ["Page", "====", "", ".. contents::", ""]
    for number in range(30):
        parts += [
            f".. _part-{number}:",
            "",
            f"Part {number}",
            "-" * 10,
            "",
            f"Some *emphasised* text with ``literals`` and a reference to :ref:`part-{(number + 7) % 30}`,",
            "and a `link <https://example.org/>`_ in the middle of a sentence that goes on for a while.",
            "",
            "- one item",
            "- another item, with **strong** words",
            "",
            "  - a nested item",
            "",
            f".. py:function:: function_{number}(first, second=None)",
            "",
            "   What the function does.",
            "",
            "   :param int first: the first number",
            "   :returns: nothing",
            "",
            ".. code-block:: python",
            "",
            f"   print({number})",
            "",
            "=====  =====",
            "left   right",
            "=====  =====",
            "1      2",
            "3      4",
            "=====  =====",
            "",
        ]
    return "\n".join(parts)

"""Configuration of a project that uses much of what Sphinx can do."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "Harbour"
copyright = "the harbour"
author = "The harbour master"
version = release = "1.2"
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosectionlabel",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.extlinks",
    "sphinx.ext.ifconfig",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.todo",
    "sphinx.ext.viewcode",
]
autosectionlabel_prefix_document = True
autosummary_generate = False
extlinks = {"ship": ("https://ships.example/%s", "ship %s")}
html_last_updated_fmt = "%Y-%m-%d"
html_theme = "alabaster"
nitpicky = False
numfig = True
rst_epilog = ".. |harbour| replace:: **the harbour**"
todo_include_todos = True
toc_object_entries = True

"""Puts a Python process on brinery's engine as it starts; its parent put this folder on ``PYTHONPATH``.

Afterwards nothing is left of it: the folder leaves ``sys.path``, and the interpreter gets the
``sitecustomize`` that it would have found otherwise, or none. A multiprocessing child that ignores
``PYTHONPATH`` runs this file under the name ``brinery_child`` instead.
"""

from __future__ import annotations

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def install() -> None:
    """Install brinery from around this file, which need not be on ``sys.path``."""
    from importlib.machinery import ModuleSpec, PathFinder

    package = os.path.dirname(HERE)
    if PathFinder.find_spec("brinery._brinery", [package]) is None:
        return  # another Python than the one that brinery is built for: it has its stock engine only

    class Finder:
        """Finds brinery and nothing else."""

        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
            return PathFinder.find_spec(name, [os.path.dirname(package)]) if name == "brinery" else None

    sys.meta_path.insert(0, Finder)
    try:
        import brinery
    finally:
        sys.meta_path.remove(Finder)
    brinery.install(children=True)
    if "BRINERY_POLICY" in os.environ:
        from brinery.guard import install_from_environment

        install_from_environment()


if __name__ == "brinery_child":
    install()
elif __name__ == "sitecustomize":
    sys.path[:] = [entry for entry in sys.path if entry != HERE]
    install()
    del sys.modules["sitecustomize"]
    # The next one on the path; `site` expects the error if there is none.
    import sitecustomize  # type: ignore[import-not-found]  # noqa: F401

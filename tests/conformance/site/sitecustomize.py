"""Replaces ``_pickle`` in every process of a conformance run, before any code of the process is imported."""

import importlib.util
import os
import sys
from pathlib import Path

if "BRINERY_CONFORMANCE_ENGINE" in os.environ:
    # Loaded by path: the processes that tests start need not have the project on their path.
    name = "tests.conformance.replacement"
    spec = importlib.util.spec_from_file_location(
        name, Path(__file__).resolve().parent.parent / "replacement.py"
    )
    replacement = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(replacement)
        replacement.install(os.environ["BRINERY_CONFORMANCE_ENGINE"])
    except BaseException as error:
        # The interpreter would go on with the stock engine, and every test would mean nothing.
        sys.stderr.write(f"cannot replace _pickle: {error!r}\n")
        sys.stderr.flush()
        os._exit(70)

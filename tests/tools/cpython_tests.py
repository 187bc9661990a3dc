"""See that the interpreter has CPython's own test package; install it where a distribution split it off."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import subprocess
import sys


def has_test_suite() -> bool:
    """Say whether CPython's own pickle tests are installed with this interpreter."""
    importlib.invalidate_caches()
    try:
        return importlib.util.find_spec("test.pickletester") is not None
    except ModuleNotFoundError:
        return False


def main() -> None:
    """Install the package if it is missing and that is possible; say what to do if it is not."""
    if has_test_suite():
        return
    package = "libpython{}.{}-testsuite".format(*sys.version_info)
    if os.geteuid() == 0 and shutil.which("apt-get"):
        install = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-q", package]
        if subprocess.run(install, check=False).returncode:
            subprocess.run(["apt-get", "update", "-q"], check=False)
            subprocess.run(install, check=False)
    sys.modules.pop("test", None)
    if not has_test_suite():
        sys.exit(
            f"{sys.executable} comes without CPython's test package, which tests/conformance runs: "
            f"install it (Debian and Ubuntu: {package}) or choose another interpreter with PYTHON="
        )


if __name__ == "__main__":
    main()

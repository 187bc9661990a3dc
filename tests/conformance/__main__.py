"""``python -m tests.conformance [MODULE...]``: run CPython's pickle tests on brinery, report the numbers."""

from __future__ import annotations

import sys

from tests.conformance.report import MODULES, report


def main() -> int:
    """Run, print failures and numbers, and return the exit code."""
    result = report(sys.argv[1:] or MODULES)
    for test, details in sorted(result.failed.items()):
        print(f"FAILED {test}\n{details}\n")
    print(result.summary())
    return 1 if result.failed or not result.reaching else 0


if __name__ == "__main__":
    sys.exit(main())

"""The tour of brinery: what it does, shown on real objects of this very machine.

Run it with ``make demo``, or with ``python examples/tour.py`` where brinery is installed.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from tour.program import main  # the package beside this file

    sys.exit(main())

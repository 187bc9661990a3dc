"""The command line of the gate.

Exit code 0: no path takes more instructions than recorded; 1: one does; 77: it could not be found out.
"""

from __future__ import annotations

import argparse
import os
import sys

from tests.instructions import counting, gate, valgrind

UNKNOWN = 77


def main() -> int:
    """Count, and compare or record."""
    parser = argparse.ArgumentParser(prog="python -m tests.instructions")
    parser.add_argument(
        "--record", action="store_true", help="replace the recorded counts of this interpreter"
    )
    given = parser.parse_args()

    interpreter, records = counting.interpreter(), gate.recorded()
    choice = gate.chosen(interpreter, records)
    if choice is None and not given.record:
        print(f"CPython {interpreter}: counts are recorded for {'; '.join(sorted(records))} only")
        return UNKNOWN
    try:
        counts = counting.count_all()
    except valgrind.Unavailable as reason:
        print(f"instructions cannot be counted: {reason}")
        return 1 if os.environ.get("CI") else UNKNOWN
    except counting.Failed as failure:
        print(failure)
        return 1
    if given.record:
        gate.record(interpreter, counts, records)
        print(f"recorded {len(counts)} counts for CPython {interpreter}")
        return 0
    name, what = choice
    if what == "own":
        print(f"CPython {interpreter} was not recorded: the extension's own instructions, as with {name}")
    lines, passed = gate.compare(counts, records[name], what)
    print(*lines, sep="\n")
    print(
        f"  instruction counts within {gate.TOLERANCE:.0%}: {len(lines)}"
        if passed
        else "a path has become slower"
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())

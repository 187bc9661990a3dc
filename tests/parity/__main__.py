"""``python -m tests.parity --inputs N --seed S``: compare N streams of a seed on both engines."""

from __future__ import annotations

import argparse
import faulthandler
import resource
import sys
from collections import Counter

from tests.parity.run import run

#: So that a stream that asks for too much is refused instead of swamping the machine.
MOST_MEMORY = 6 << 30


def listed(counts: Counter) -> str:
    """Return counts as text."""
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))


def main() -> int:
    """Run, print failures and counts, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--no-limit", action="store_true", help="do not limit the memory (sanitizers need a lot)"
    )
    arguments = parser.parse_args()
    faulthandler.enable()
    if not arguments.no_limit:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    result = run(arguments.seed, arguments.inputs)
    for failure in result.failures:
        print(failure)
    total = sum(result.kinds.values())
    print(f"  fuzz inputs of seed {arguments.seed}: {total:,} ({listed(result.kinds)})")
    print(f"  of them where stock is defective: {sum(result.better.values()):,} ({listed(result.better)})")
    print(f"{total - len(result.failures)} passed, {len(result.failures)} failed")
    return bool(result.failures)


if __name__ == "__main__":
    sys.exit(main())

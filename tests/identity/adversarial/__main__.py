"""``python -m tests.identity.adversarial --cases N --seed S``: cases by number, or by the clock with ``--seconds``."""

from __future__ import annotations

import argparse
import faulthandler
import os
import sys

from tests.identity.adversarial.campaign import Campaign


def main() -> int:
    """Run, print failures and counts, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, help="go on for so long")
    parser.add_argument("--seed", type=int, default=1, help="the number of the first case")
    parser.add_argument("--progress", help="a file that always names the case that is running")
    arguments = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of sets is a part of the cases.
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", __spec__.parent, *sys.argv[1:]])
    faulthandler.enable()
    progress = os.open(arguments.progress, os.O_WRONLY | os.O_CREAT, 0o600) if arguments.progress else None
    campaign = Campaign(progress)
    campaign.run(arguments.seed, arguments.cases, arguments.seconds)
    for failure in campaign.failures:
        print(failure)
    print(f"  adversarial cases from seed {arguments.seed}: {campaign.summary()}")
    return bool(campaign.failures)


if __name__ == "__main__":
    sys.exit(main())

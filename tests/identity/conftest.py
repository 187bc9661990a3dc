"""Counts the comparisons and says how many there were."""

from __future__ import annotations

from collections import Counter

import pytest

COMPARED = Counter()


@pytest.fixture
def compared(request: pytest.FixtureRequest) -> Counter:
    """Return the counter of comparisons, by kind."""
    return COMPARED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if COMPARED:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(COMPARED.items()))
        terminalreporter.write_line(f"  identity cases: {sum(COMPARED.values()):,} ({kinds})")

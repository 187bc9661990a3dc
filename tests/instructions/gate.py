"""Compares counts with the recorded ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RECORDS = Path(__file__).with_name("counts.json")
#: How much a count may differ from the recorded one.
TOLERANCE = 0.05

Counts = dict[str, dict[str, int]]


def recorded() -> dict[str, Any]:
    """Return the records: counts by interpreter."""
    return json.loads(RECORDS.read_text(encoding="utf-8")) if RECORDS.exists() else {}


def record(interpreter: str, counts: Counts, records: dict[str, Any]) -> None:
    """Replace the counts of an interpreter."""
    text = json.dumps({**records, interpreter: counts}, indent=1, sort_keys=True)
    RECORDS.write_text(text + "\n", encoding="utf-8")


def chosen(interpreter: str, records: dict[str, Any]) -> tuple[str, str] | None:
    """Return which record an interpreter is compared with, and which count of it.

    All instructions are compared if just this interpreter was recorded. With another build of the same Python they
    differ; those of the extension itself do not.
    """
    if interpreter in records:
        return interpreter, "all"
    same = interpreter.split(".")[:2]
    others = [name for name in sorted(records) if name.split(".")[:2] == same]
    return (others[0], "own") if others else None


def compare(counts: Counts, record: Counts, what: str) -> tuple[list[str], bool]:
    """Return a line for each path, and whether none takes more instructions than it may."""
    lines, passed = [], True
    for name in sorted(counts.keys() | record.keys()):
        if name not in record or name not in counts:
            lines.append(
                f"{name}: {'not recorded' if name in counts else 'recorded, but there is no such path'}"
            )
            passed = False
            continue
        now, then = counts[name][what], record[name][what]
        change = now / then - 1
        verdict = ""
        if change > TOLERANCE:
            verdict, passed = "   TOO MANY", False
        elif change < -TOLERANCE:
            verdict = "   fewer: record anew (make instructions-record)"
        lines.append(f"{name:<20} {then:>12,} → {now:>12,} {change:>+7.1%}{verdict}")
    return lines, passed

"""Writes the results into the pages of the repository, between markers, and draws its pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benches import native, plot, report
from benches.svg import THEMES

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
PAGE, README = ROOT / "docs" / "benchmarks.md", ROOT / "README.md"


def publish(found: Sequence[dict[str, Any]], rust: Sequence[dict[str, Any]] | None = None) -> None:
    """Rewrite what stands between the markers, and the pictures: those show the first interpreter."""
    for name, written in pages(found, rust).items():
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_text(written, encoding="utf-8")


def pages(found: Sequence[dict[str, Any]], rust: Sequence[dict[str, Any]] | None = None) -> dict[Path, str]:
    """Return the contents of the files that show the results."""
    texts = {PAGE: PAGE.read_text(encoding="utf-8"), README: README.read_text(encoding="utf-8")}
    texts[PAGE] = between(texts[PAGE], "results", "\n".join(map(section, found)))
    texts[README] = between(texts[README], "benchmarks", brief(found))
    if rust:
        texts[PAGE] = between(texts[PAGE], "rust", native.table(rust))
    for name, theme in THEMES.items():
        texts[PICTURES / f"benchmarks-{name}.svg"] = str(plot.families(found[0], theme))
        texts[PICTURES / f"workloads-{name}.svg"] = str(plot.workloads(found[0], theme))
    return texts


def section(found: dict[str, Any]) -> str:
    """Return the part of the page about one interpreter."""
    about, results = found["about"], found["results"]
    parts = [f"## {report.title(about)}\n", f"{about['machine']}, {about['compiler']}; {counted(results)}.\n"]
    parts += [report.summary(results), report.losses(results)]
    parts += ["### Speed\n", report.speed(results), "### Memory\n", report.memory(results)]
    if others := report.peers(results):
        parts += ["### Peers\n", others]
    return "\n".join(parts)


def brief(found: Sequence[dict[str, Any]]) -> str:
    """Return the short table of the README."""
    parts = []
    for one in found:
        parts += [
            f"{report.title(one['about'])}, {counted(one['results'])}:\n",
            report.summary(one["results"]),
        ]
    return "\n".join(parts)


def counted(results: Sequence[dict[str, Any]]) -> str:
    """Say how much was measured."""
    rows = report.compared(results)
    rounds = sorted(row["dumps"]["on"]["rounds"] for row in rows)
    many = f"{rounds[0]}" if rounds[0] == rounds[-1] else f"{rounds[0]} to {rounds[-1]}"
    return f"{len(rows)} workloads, {many} rounds of each"


def rewrite(marker: str, content: str) -> None:
    """Replace what stands between two markers of the page of benchmarks."""
    PAGE.write_text(between(PAGE.read_text(encoding="utf-8"), marker, content), encoding="utf-8")


def between(text: str, marker: str, content: str) -> str:
    """Return the text with what stands between two markers replaced."""
    begin, end = f"<!-- begin {marker}: written by make bench -->", f"<!-- end {marker} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.S)
    if not pattern.search(text):
        raise LookupError(f"no {begin}")
    return pattern.sub(lambda _: f"{begin}\n\n{content.strip()}\n\n{end}", text)

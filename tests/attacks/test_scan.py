"""The scanner finds every attack of this folder."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

import brinery

MODULES = sorted(
    path.stem for path in Path(__file__).parent.glob("test_*.py") if path.stem != Path(__file__).stem
)
#: What uses nothing but classes and functions of the program under attack, as its honest files do: all that can be said
#: is what has to be granted.
OWN = {
    "test_delayed": {"the function itself"},
    "test_forged_hooks": {"a class with a hook"},
    "test_ownership": {"BUILD on what a call returns"},
    "test_traversal": {"a re-export"},
    "test_within": {"a size for what takes bytes"},
}


def attacks(module: str) -> dict[str, bytes]:
    return getattr(importlib.import_module(f"tests.attacks.{module}"), "ATTACKS", {})


def own(module: str) -> set[str]:
    return getattr(importlib.import_module(f"tests.attacks.{module}"), "OWN", set()) | OWN.get(module, set())


@pytest.mark.parametrize("module", MODULES)
def test_no_attack_is_passed_over(module: str) -> None:
    verdicts = {name: brinery.scan(data) for name, data in attacks(module).items()}
    silent = {name: found.verdict for name, found in verdicts.items() if not found.flagged}
    assert set(silent) == own(module) & set(verdicts), silent
    assert set(silent.values()) <= {"needs"}, silent


def test_there_are_attacks_to_find() -> None:
    assert sum(len(attacks(module)) for module in MODULES) > 300

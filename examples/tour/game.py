"""The saved games of the tour: an honest class, and what a stranger sends instead."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class SaveGame:
    """Where a player is, and what she carries."""

    player: str
    level: int
    saved: datetime.datetime
    position: tuple[float, float]
    inventory: dict[str, int] = field(default_factory=dict)


class Trap:
    """Looks like an item of the inventory; loading it runs a line of Python, which makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return exec, (f"open({str(self.mark)!r}, 'w').close()",)


def honest() -> SaveGame:
    """Return a game as the program saves it."""
    saved = datetime.datetime(2024, 5, 17, 20, 30, tzinfo=datetime.timezone.utc)
    return SaveGame("Ada", 9, saved, (12.5, -3.0), {"lamp": 1, "rope": 2})


def hostile(mark: Path) -> SaveGame:
    """Return a game that makes the file `mark` when it is loaded."""
    game = honest()
    game.inventory["sword"] = Trap(mark)  # type: ignore[assignment]
    return game

"""Scans two saved games, one of them hostile; refuses that one and opens the other by its type."""

from __future__ import annotations

import subprocess
from pathlib import Path

import brinery
from tour import game
from tour.measure import fresh
from tour.program import Tour, display
from tour.stops.look import command, environment

TITLE = "Two saved games from strangers: scanned, one refused, one opened by its type"


def run(tour: Tour) -> None:
    """Scan both games and load them under policies; let the stock module show what the hostile one does."""
    terminal = tour.terminal
    mark = tour.folder / "trap.sprung"
    mark.unlink(missing_ok=True)
    honest, hostile = tour.folder / "honest.save", tour.folder / "hostile.save"
    honest.write_bytes(brinery.dumps(game.honest(), 4))
    hostile.write_bytes(brinery.dumps(game.hostile(mark), 4))

    verdicts = scan(tour, [honest, hostile])
    tour.check(
        verdicts == {"honest.save": "needs", "hostile.save": "dangerous"},
        "the hostile game is dangerous; the honest one needs the game's own class, and nothing else",
    )
    terminal.say()

    terminal.say(f"   {terminal.paint('bold', 'brinery.load(file, type=SaveGame)')}")
    try:
        with open(hostile, "rb") as file:
            brinery.load(file, type=game.SaveGame)
        refused = False
    except brinery.PolicyError as error:
        terminal.fact("  hostile.save", f"PolicyError: {error}")
        refused = True
    tour.check(refused and not mark.exists(), "the hostile game is refused, and nothing of it has run")
    with open(honest, "rb") as file:
        loaded = brinery.load(file, type=game.SaveGame)
    terminal.fact("  honest.save", f"{loaded.player}, level {loaded.level}, carries {loaded.inventory}")
    tour.check(loaded == game.honest(), "the honest game is opened by its type, and is what was saved")
    terminal.say()

    fresh("spring", hostile)
    terminal.say(f"   {terminal.paint('bold', 'pickle.load(file)')}")
    tour.check(mark.exists(), "the stock module runs what the hostile game names: its file is there")
    mark.unlink(missing_ok=True)
    tour.row("a hostile saved game", "refused, nothing run", "runs it")


def scan(tour: Tour, files: list[Path]) -> dict[str, str]:
    """Run ``brinery scan``, show what it says, and return the verdicts by the names of the files."""
    arguments = ["scan", "--all", *map(str, files)]
    name = "brinery" if tour.program else "python -m brinery"
    shown = " ".join(["scan", "--all", *map(display, files)])
    tour.terminal.say(f"   {tour.terminal.paint('cyan', '$')} {name} {shown}")
    done = subprocess.run(
        [*command(tour), *arguments], capture_output=True, text=True, encoding="utf-8", env=environment()
    )
    tour.terminal.quote(done.stdout)
    report = brinery.scan(files)
    tour.check(done.returncode == 1, "the exit code is 1: something was found")
    return {Path(file.path).name: file.verdict for file in report.files}

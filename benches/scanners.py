"""brinery's scanner beside others: what they find in the attacks of the tests, what they say to honest pickles, how fast.

``python -m benches.scanners`` prints the table, with ``--publish`` it goes into the page. Each file is scanned in a process
of its own that may be ended: some of the attacks are such on scanners as well.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import io
import json
import os
import pickle
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

from benches import pages

__all__ = ["main"]

#: How long a scan of one file may take, as long as a load under a policy, and how much memory. Those that are timed may take longer.
SECONDS, TIMED, MEMORY = 5, 20, 4 << 30
#: What is said of a file: something was found, it needs to be granted something, nothing was found, or it cannot be read.
FOUND, NEEDS, NOTHING, UNREAD = "found", "needs", "nothing", "unread"
Scan = Callable[[Path], str]


def brinery() -> Scan:
    import brinery as engine

    verdicts = {"clean": NOTHING, "needs": NEEDS, "malformed": UNREAD, "unreadable": UNREAD}
    return lambda path: verdicts.get(engine.scan(path).verdict, FOUND)


def picklescan() -> Scan:
    from picklescan.scanner import scan_bytes  # type: ignore[import-not-found]

    def scan(path: Path) -> str:
        found = scan_bytes(io.BytesIO(path.read_bytes()), path.name)
        return FOUND if found.issues_count else UNREAD if found.scan_err else NOTHING

    return scan


def fickling() -> Scan:
    from fickling.analysis import Severity, check_safety  # type: ignore[import-not-found]
    from fickling.fickle import StackedPickle  # type: ignore[import-not-found]

    def scan(path: Path) -> str:
        stacked = StackedPickle.load(io.BytesIO(path.read_bytes()))
        safe = all(check_safety(one).severity <= Severity.LIKELY_SAFE for one in stacked)
        return NOTHING if safe else FOUND

    return scan


def modelscan() -> Scan:
    from modelscan.modelscan import ModelScan  # type: ignore[import-not-found]

    def scan(path: Path) -> str:
        found = ModelScan().scan(path)
        return FOUND if found["summary"]["total_issues"] else UNREAD if found["errors"] else NOTHING

    return scan


SCANNERS: dict[str, Callable[[], Scan]] = {
    "brinery": brinery,
    "picklescan": picklescan,
    "fickling": fickling,
    "modelscan": modelscan,
}


def attacks() -> Iterator[bytes]:
    """Yield the attacks of the tests, each of which is proven there on the stock engine."""
    folder = Path(__file__).parents[1] / "tests" / "attacks"
    for path in sorted(folder.glob("test_*.py")):
        module = importlib.import_module(f"tests.attacks.{path.stem}")
        yield from getattr(module, "ATTACKS", {}).values()


def honest() -> Iterator[bytes]:
    """Yield honest pickles: values of the standard library, and of a program's own classes."""
    from tests.policy.honest import VALUES
    from tests.scan.test_scan import HONEST

    for value in [*VALUES.values(), *HONEST]:
        for protocol in (0, 2, 4, 5):
            with contextlib.suppress(TypeError, pickle.PicklingError):
                yield pickle.dumps(value, protocol)


def records() -> bytes:
    """Return a list of dicts of some megabytes."""
    dice = random.Random(1)
    rows = [
        {"id": row, "name": f"user-{row}", "score": dice.random(), "active": row % 2 == 0, "note": None}
        for row in range(100_000)
    ]
    return pickle.dumps(rows, 4)


def isolated(scan: Scan, path: Path, times: int = 1, seconds: int = SECONDS) -> tuple[str, float]:
    """Scan in a fork, more than once if that is quick; say what came of it, and the least processor time of a scan."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        signal.alarm(seconds)
        least, began = float(seconds), time.process_time()
        try:
            while times and time.process_time() - began < seconds / 4:
                start = time.process_time()
                said = scan(path)
                least = min(least, time.process_time() - start)
                times -= 1
        except Exception:
            said = UNREAD
        os.write(writer, json.dumps([said, least]).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    if not answer:  # it was ended
        return UNREAD, float(seconds)
    said, took = json.loads(answer)
    return said, took


def measure(scan: Scan, folder: Path) -> dict[str, object]:
    """Scan all files of a folder, by kind; time the large ones."""
    said = {
        kind: [isolated(scan, path)[0] for path in sorted((folder / kind).iterdir())]
        for kind in ("attacks", "honest")
    }
    speed = {}
    for kind in ("records", "bytes"):
        path = folder / f"{kind}.pkl"
        _, took = isolated(scan, path, times=5, seconds=TIMED)
        speed[kind] = path.stat().st_size / took / 1e6
    return {"said": said, "speed": speed}


def rate(speed: float) -> str:
    """Return a speed for people. What is faster than memory was passed over."""
    return "unread" if speed > 20_000 else f"{speed:,.{0 if speed >= 10 else 1}f} MB/s"


def table(results: dict[str, dict[str, object]]) -> str:
    """Return the table of the page."""
    some: dict[str, list[str]] = next(iter(results.values()))["said"]  # type: ignore[assignment]
    lines = [
        f"Over the {len(some['attacks'])} attacks of the tests, proven there on the stock engine, and {len(some['honest'])} honest "
        "pickles. *To be granted*",
        "are files whose verdict is `needs`: they use nothing but classes and functions of the program's own. *Silent* are attacks to",
        f"which nothing is said, *not readable* also those that take over {SECONDS} seconds. Speed is by CPU time, of 100,000 records and of",
        "64 MiB in one string, which brinery passes over without reading it. The attacks are brinery's own: take yours.",
        "",
        "| | attacks found | to be granted | not readable | silent | honest files flagged | records | one string |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, result in results.items():
        said: dict[str, list[str]] = result["said"]  # type: ignore[assignment]
        speed: dict[str, float] = result["speed"]  # type: ignore[assignment]
        counts = [said["attacks"].count(what) for what in (FOUND, NEEDS, UNREAD, NOTHING)]
        cells = [*map(str, counts), str(said["honest"].count(FOUND))]
        cells += [rate(speed[kind]) for kind in ("records", "bytes")]
        version = importlib.metadata.version(name)
        lines.append(f"| {name} {version} | {' | '.join(cells)} |")
    missing = [name for name in SCANNERS if name not in results]
    if missing:
        lines += ["", f"Not installed here: {', '.join(missing)}."]
    return "\n".join(lines)


def main() -> int:
    """Measure, print the table, and publish it if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benches.scanners", description=__doc__)
    parser.add_argument("--publish", action="store_true", help="rewrite the table of the page")
    given = parser.parse_args()
    results: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, files in (("attacks", attacks()), ("honest", honest())):
            (folder / kind).mkdir()
            for number, data in enumerate(files):
                (folder / kind / f"{number:04}.pkl").write_bytes(data)
        (folder / "records.pkl").write_bytes(records())
        (folder / "bytes.pkl").write_bytes(pickle.dumps(bytes(64 << 20), 4))
        for scanner, make in SCANNERS.items():
            try:
                scan = make()
            except ImportError as error:
                print(f"scanners: {scanner} is not installed ({error})", file=sys.stderr)
                continue
            print(f"scanners: {scanner}", file=sys.stderr, flush=True)
            results[scanner] = measure(scan, folder)
    found = table(results)
    print(found)
    if given.publish:
        pages.rewrite("scanners", found)
    return 0


if __name__ == "__main__":
    sys.exit(main())

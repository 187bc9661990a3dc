"""A shelf of objects: written, changed in place, read again, in two protocols."""

from __future__ import annotations

import datetime
import shelve
import subprocess
import sys


class Entry:
    def __init__(self, title: str, tags: set[str]) -> None:
        self.title = title
        self.tags = tags
        self.when = datetime.date(2024, 1, 2)


def show(name: str) -> None:
    with shelve.open(name, flag="r") as shelf:
        for key in sorted(shelf):
            value = shelf[key]
            print(key, value if key != "entry" else (value.title, sorted(value.tags), value.when))


def main() -> None:
    for protocol in (0, 4):
        name = f"shelf-{protocol}"
        with shelve.open(name, protocol=protocol, writeback=True) as shelf:
            shelf["entry"] = Entry("first", {"a", "b"})
            shelf["numbers"] = list(range(1500))
            shelf["numbers"].append("changed in place")
            shelf["entry"].tags.add("c")
            del shelf["numbers"][:1498]
        show(name)
        with shelve.open(name) as shelf:
            print({key: shelf.dict[key.encode()] for key in sorted(shelf)})
        subprocess.run([sys.executable, __file__, name], check=True)
    print("done", flush=True)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    show(sys.argv[1]) if len(sys.argv) > 1 else main()

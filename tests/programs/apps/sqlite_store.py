"""SQLite as a store of pickles: an adapter and a converter, an index, and what another process reads."""

from __future__ import annotations

import hashlib
import pickle
import sqlite3
import subprocess
import sys
from dataclasses import dataclass


@dataclass
class Experiment:
    name: str
    parameters: dict[str, float]
    curve: list[tuple[int, float]]


sqlite3.register_adapter(Experiment, pickle.dumps)
sqlite3.register_converter("pickle", pickle.loads)


def connect() -> sqlite3.Connection:
    return sqlite3.connect("experiments.sqlite", detect_types=sqlite3.PARSE_DECLTYPES)


def write() -> None:
    with connect() as connection:
        connection.execute("create table experiments (name text primary key, body pickle)")
        for number in range(50):
            experiment = Experiment(
                f"run {number:02}", {"rate": number / 7, "depth": number}, [(i, i / 3) for i in range(number)]
            )
            connection.execute("insert into experiments values (?, ?)", (experiment.name, experiment))


def read() -> None:
    connection = connect()
    for name, body in connection.execute(
        "select name, body from experiments order by name limit 5 offset 10"
    ):
        print(name, body)
    digest = hashlib.sha256()
    for (raw,) in connection.execute("select cast(body as blob) from experiments order by name"):
        digest.update(raw)
    print(digest.hexdigest())


if __name__ == "__main__":
    if sys.argv[1:] == ["read"]:
        read()
    else:
        write()
        read()
        print(subprocess.check_output([sys.executable, __file__, "read"], text=True), end="")
        print("done")

"""Scan trace = load trace: whatever C `_pickle` resolves in a damaged stream is in the report of the scan.

``python -m tests.scan.parity --inputs 1000000 --seed 3``
"""

from __future__ import annotations

import _pickle
import argparse
import collections
import datetime
import decimal
import io
import multiprocessing
import pickle
import random
import resource
import sys
import uuid
from multiprocessing.connection import Connection

import brinery

from .streams import attacks

MEMORY = 2 << 30
SECONDS = 0.5
LONGEST = 4000


class Stub:
    """Stands for every class and function, and does nothing."""

    def __new__(cls, *_args: object, **_kwargs: object) -> Stub:
        return object.__new__(cls)

    def __init__(self, *_args: object, **_kwargs: object) -> None: ...

    def __call__(self, *_args: object, **_kwargs: object) -> Stub:
        return self

    def __setstate__(self, _state: object) -> None: ...

    def append(self, _item: object) -> None: ...

    def extend(self, _items: object) -> None: ...

    def add(self, _item: object) -> None: ...

    def __setitem__(self, _key: object, _value: object) -> None: ...


class Recorder(_pickle.Unpickler):
    """The stock engine, with a note of what it resolves."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.resolved: list[str] = []

    def find_class(self, module: str, name: str) -> type[Stub]:
        self.resolved.append(f"{module}.{name}")
        return Stub

    def persistent_load(self, _pid: object) -> Stub:
        return Stub()


def seeds() -> list[bytes]:
    values: list[object] = [
        [1, 2.5, "x", b"y", (1, 2), {"a": {3}}, None],
        [datetime.datetime.now(), decimal.Decimal("1.5"), uuid.uuid4(), collections.OrderedDict(a=1)],
        [ValueError("x"), collections.Counter("abc"), range(3), len, complex(1, 2)],
    ]
    found = [pickle.dumps(value, protocol) for value in values for protocol in range(6)]
    found += [data for all_of in attacks().values() for data in all_of if len(data) < LONGEST]
    return found


def mutated(data: bytes, rng: random.Random, all_seeds: list[bytes]) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        place = rng.randrange(len(changed) + 1)
        kind = rng.randrange(6)
        if kind == 0 and place < len(changed):
            changed[place] = rng.randrange(256)
        elif kind == 1:
            changed[place:place] = bytes(
                [rng.choice(b"(.012NRbcdeghijopqrstu}])\x81\x85\x86\x87\x8c\x8f\x90\x91\x92\x93\x94")]
            )
        elif kind == 2:
            del changed[place : place + rng.randrange(1, 8)]
        elif kind == 3:
            other = rng.choice(all_seeds)
            start = rng.randrange(len(other))
            changed[place:place] = other[start : start + rng.randrange(1, 40)]
        elif kind == 4:
            changed[place : place + 1] = changed[place : place + 1] * 2
        else:
            del changed[place:]
    return bytes(changed)


def resolved(data: bytes) -> list[str]:
    """What the stock engine resolves, whatever becomes of the load."""
    recorder = Recorder(data)
    try:
        recorder.load()
    except Exception:
        pass
    return recorder.resolved


def serve(connection: Connection) -> None:
    """Answer streams with what the stock engine resolves in them, in a process that can be ended."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    while True:
        try:
            connection.send(resolved(connection.recv_bytes()))
        except MemoryError:
            connection.send([])
        except EOFError:
            return


class Stock:
    """The stock engine in a process of its own: some streams crash it, and some it never ends."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.connection, other = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(target=serve, args=(other,), daemon=True)
        self.process.start()
        other.close()

    def resolved(self, data: bytes) -> list[str] | None:
        """Return what a stream resolves, or None if the engine comes to no end of it."""
        self.connection.send_bytes(data)
        try:
            if self.connection.poll(SECONDS):
                names: list[str] = self.connection.recv()
                return names
        except (EOFError, ConnectionResetError):
            pass
        self.process.kill()
        self.process.join()
        self.start()
        return None


def plain(name: str) -> str:
    return name.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    all_seeds = seeds()
    stock = Stock()
    compared = missed = endless = 0
    for number in range(options.inputs):
        data = mutated(rng.choice(all_seeds), rng, all_seeds)
        names = stock.resolved(data)
        if names is None:
            endless += 1
            continue
        if not names:
            continue
        report = brinery.scan(data)
        seen = {plain(name) for file in report.files for stream in file.streams for name in stream.globals}
        compared += len(names)
        lost = [name for name in names if plain(name) not in seen]
        # A load that resolves what is not in the report must at least not be called harmless.
        if lost and report.verdict in ("clean", "needs"):
            missed += 1
            print(f"input {number}: {lost[:3]} is not in the scan of {data[:200]!r}: {report.verdict}")
    print(
        f"{options.inputs} inputs ({endless} of them too much for the stock engine), {compared} names resolved, "
        f"{missed} inputs with names that the scan has not seen"
    )
    return 1 if missed or not compared else 0


if __name__ == "__main__":
    sys.exit(main())

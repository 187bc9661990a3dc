"""Redis as a store and a queue of pickles; the argument is the port of the server."""

from __future__ import annotations

import hashlib
import multiprocessing
import pickle
import sys
from dataclasses import dataclass, field

import redis


@dataclass
class Session:
    user: str
    cart: list[tuple[str, int]] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)


def worker(port: int) -> None:
    client = redis.Redis(port=port)
    while (job := pickle.loads(client.blpop("jobs")[1])) is not None:
        number, session = job
        session.cart.append(("bought", number))
        client.set(f"session:{session.user}", pickle.dumps(session))
        client.rpush("done", pickle.dumps((number, session.user)))


def main() -> None:
    port = int(sys.argv[1])
    client = redis.Redis(port=port)
    client.flushall()
    workers = [multiprocessing.get_context("spawn").Process(target=worker, args=(port,)) for _ in range(2)]
    for process in workers:
        process.start()
    sessions = [Session(f"user {number}", [("apple", number)], {"new"}) for number in range(30)]
    for number, session in enumerate(sessions):
        client.rpush("jobs", pickle.dumps((number, session), protocol=5))
    finished = [pickle.loads(client.blpop("done")[1]) for _ in sessions]
    for _ in workers:
        client.rpush("jobs", pickle.dumps(None))
    for process in workers:
        process.join()
    print(sorted(finished))
    digest = hashlib.sha256()
    for session in sessions:
        raw = client.get(f"session:{session.user}")
        digest.update(raw)
        print(pickle.loads(raw))
    print(digest.hexdigest())
    client.flushall()
    print("done")


if __name__ == "__main__":
    main()

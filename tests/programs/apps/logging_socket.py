"""Log records over a socket: processes send with a SocketHandler, a receiver unpickles them."""

from __future__ import annotations

import logging
import logging.handlers
import multiprocessing
import pickle
import socketserver
import struct
import threading

received: list[logging.LogRecord] = []


class Receiver(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while header := self.rfile.read(4):
            (length,) = struct.unpack(">L", header)
            received.append(logging.makeLogRecord(pickle.loads(self.rfile.read(length))))


def talk(port: int, who: str) -> None:
    logger = logging.getLogger(who)
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    handler = logging.handlers.SocketHandler("127.0.0.1", port)
    logger.addHandler(handler)
    logger.info("started %s with %r", who, {"options": [1, 2]})
    logger.warning("careful", extra={"shelf": {"a": (1, 2.5)}})
    try:
        {}["missing"]
    except KeyError:
        logger.exception("it went wrong")
    handler.close()


def main() -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Receiver) as server:
        server.daemon_threads = False
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        context = multiprocessing.get_context("spawn")
        workers = [
            context.Process(target=talk, args=(server.server_address[1], f"worker {n}")) for n in range(3)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        server.shutdown()
        thread.join()
    for record in sorted(received, key=lambda record: (record.name, record.lineno)):
        print(
            record.name,
            record.levelname,
            record.getMessage(),
            record.funcName,
            getattr(record, "shelf", None),
        )
        print("KeyError: 'missing'" in (record.exc_text or ""), record.args)
    print("done")


if __name__ == "__main__":
    main()

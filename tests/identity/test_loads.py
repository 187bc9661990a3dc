"""What brinery loads is what C ``_pickle`` loads: values, types, sharing, interning, and how far a file is read."""

from __future__ import annotations

import _pickle
import functools
from collections import Counter
from typing import Any

import pytest

import brinery
from tests.equivalence import difference
from tests.identity import ways
from tests.identity.cases import CASES, LARGE


def streams(name: str) -> dict[int, bytes]:
    """Return what stock makes of a case, by protocol; nothing where it refuses."""
    made = {}
    for protocol in range(6):
        kind, data, *_ = ways.outcome(lambda p=protocol: _pickle.dumps(CASES[name](), p))
        if kind == "value":
            made[protocol] = data
    return made


def unlike(stock: ways.Outcome, ours: ways.Outcome) -> str | None:
    """Say how two outcomes of a load differ, or return None."""
    if stock[0] != ours[0] or stock[0] == "error":
        return None if stock == ours else f"stock {stock!r:.300}, brinery {ours!r:.300}"
    found = difference(stock[1], ours[1])
    if found is None and redump(stock[1]) != redump(ours[1]):
        found = "dumped again, they differ"
    return found


def redump(obj: Any) -> ways.Outcome:
    """Return what stock makes of a loaded object: its bytes tell which of its parts are shared."""
    return ways.outcome(lambda: _pickle.dumps(obj, 4))


@pytest.mark.parametrize("name", CASES)
def test_loads(name: str, compared: Counter) -> None:
    for protocol, data in streams(name).items():
        if name in LARGE and protocol not in (1, 4):
            continue
        for way in ways.LOADS[:1] if name in LARGE else ways.LOADS:
            stock = ways.outcome(functools.partial(way, _pickle, data))
            ours = ways.outcome(functools.partial(way, brinery._brinery, data))
            compared["loads"] += 1
            found = unlike(stock, ours)
            assert found is None, f"{name}, {way.__name__}, protocol {protocol}: {found}\n{data!r:.400}"


@pytest.mark.parametrize("name", [name for name in CASES if "buffer" in name])
def test_out_of_band(name: str, compared: Counter) -> None:
    """Buffers given back as they were taken out, as bytes and as views."""
    taken: list = []
    kind, data, *_ = ways.outcome(lambda: _pickle.dumps(CASES[name](), 5, buffer_callback=taken.append))
    if kind == "error":
        assert (
            ways.outcome(lambda: brinery.dumps(CASES[name](), 5, buffer_callback=taken.append))[0] == "error"
        )
        return
    for give in (
        list,
        lambda views: map(bytes, views),
        lambda views: [bytearray(v) for v in views],
        lambda views: [],
    ):
        stock = ways.outcome(lambda: _pickle.loads(data, buffers=give(taken)))
        ours = ways.outcome(lambda: brinery.loads(data, buffers=give(taken)))
        compared["loads of buffers"] += 1
        assert unlike(stock, ours) is None


@pytest.mark.parametrize("encoding", ["ASCII", "latin1", "bytes", "utf-8", "no such encoding"])
@pytest.mark.parametrize("errors", ["strict", "replace", "ignore", "surrogateescape", "no such handler"])
def test_python_2_strings(encoding: str, errors: str, compared: Counter) -> None:
    """STRING, BINSTRING and SHORT_BINSTRING are decoded as asked."""
    texts = [b"plain", b"caf\xc3\xa9", b"\xe9\xff", b"", b"tab\\t\\x41\\'"]
    for text in texts:
        quoted = b"S'" + text.replace(b"'", b"\\'") + b"'\n."
        for data in (
            quoted,
            b"U" + bytes([len(text)]) + text + b".",
            b"T" + len(text).to_bytes(4, "little") + text + b".",
        ):
            stock = ways.outcome(lambda d=data: _pickle.loads(d, encoding=encoding, errors=errors))
            ours = ways.outcome(lambda d=data: brinery.loads(d, encoding=encoding, errors=errors))
            compared["loads of Python 2 strings"] += 1
            assert unlike(stock, ours) is None, data


@pytest.mark.parametrize("fix_imports", [True, False])
@pytest.mark.parametrize("protocol", range(6))
def test_python_2_names(fix_imports: bool, protocol: int, compared: Counter) -> None:
    """Every name that Python 2 had elsewhere, both ways."""
    from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING

    names = [*NAME_MAPPING, *((module, "name") for module in IMPORT_MAPPING)]
    for module, name in names:
        data = f"c{module}\n{name}\n.".encode()
        stock = ways.outcome(lambda d=data: _pickle.loads(d, fix_imports=fix_imports))
        ours = ways.outcome(lambda d=data: brinery.loads(d, fix_imports=fix_imports))
        compared["loads of Python 2 names"] += 1
        assert unlike(stock, ours) is None, data
        if stock[0] == "value":
            written = [
                ways.outcome(lambda e=engine: e.dumps(stock[1], protocol, fix_imports=fix_imports))
                for engine in (_pickle, brinery._brinery)
            ]
            compared["dumps of Python 2 names"] += 1
            assert written[0] == written[1]

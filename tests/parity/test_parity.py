"""A short run of the fuzzer, streams that once differed, and the fuzzer's own parts."""

from __future__ import annotations

import pytest

from tests.parity import comparison
from tests.parity.dice import Dice
from tests.parity.hazards import hazard, without_split_frames
from tests.parity.minimise import minimise
from tests.parity.run import inputs, run

#: Streams on which the engines once differed.
ONCE_DIFFERENT = [
    b"(C\x01aC\x01al.",
    b"F1e400\x90\n.",
    b"F1e400\n.",
    b"\x95\x05\x00\x00\x00\x00\x00\x00\x00cbuiltins\nlist\n.",
    b"]\x94(h\x00h\x00e.",
]


@pytest.mark.parametrize("seed", range(100, 104))
def test_a_few_thousand(seed: int) -> None:
    result = run(seed, 2500)
    assert not result.failures, "\n".join(result.failures)
    assert result.loaded > 300


@pytest.mark.parametrize("data", ONCE_DIFFERENT)
@pytest.mark.parametrize("source", ["loads", "BytesIO", "WithoutPeek", "WithReadinto"])
def test_streams_that_once_differed(data: bytes, source: str) -> None:
    assert comparison.compare(comparison.Way(source), data) is None


def test_a_seed_gives_the_same_inputs() -> None:
    assert list(inputs(7, 200)) == list(inputs(7, 200))
    assert list(inputs(7, 200)) != list(inputs(8, 200))


def test_ways_are_of_every_kind() -> None:
    dice = Dice(1)
    ways = [comparison.Way.choose(dice) for _ in range(500)]
    assert {way.source for way in ways} == {"loads", "BytesIO", "WithoutPeek", "WithReadinto"}
    hooks = {"none", "method", *(["attribute"] if comparison.STOCK_TAKES_HOOKS else [])}
    assert {way.hook for way in ways} == hooks
    assert {way.options.get("encoding") for way in ways} == {None, "ASCII", "latin1", "bytes"}


def test_a_difference_is_found_and_made_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an engine that takes NONE for TRUE, the fuzzer fails, and says so in few bytes."""

    class Wrong:
        @staticmethod
        def loads(data: bytes, **options: object) -> object:
            value = comparison._pickle.loads(data, **options)
            return True if value is None else value

    way = comparison.Way()
    monkeypatch.setattr(comparison.brinery, "_brinery", Wrong)
    data = b"\x80\x04]\x940K\x01K\x02\x86\x940N."
    assert comparison.compare(way, data) is not None
    short = minimise(data, lambda d: comparison.compare(way, d) is not None)
    assert len(short) < len(data) and comparison.compare(way, short) is not None


def test_hazards_are_recognised() -> None:
    assert hazard(b"Nr\xff\xff\xff\x7f.") == "huge memo indexes"
    assert hazard(b"Np2000000\n.") == "huge memo indexes"
    assert hazard(b"\x8e\x00\x00\x00\x00\x00\x01\x00\x00.") == "false lengths"
    assert hazard(b"B\xff\xff\xff\xff.") == "false lengths"
    assert hazard(b"Nr\xff\x00\x00\x00.") is None
    assert hazard(b"N.r\xff\xff\xff\x7f") is None
    assert without_split_frames(b"\x95\x01\x00\x00\x00\x00\x00\x00\x00N.") is None
    assert without_split_frames(b"\x95\x02\x00\x00\x00\x00\x00\x00\x00X\x01\x00\x00\x00a.") is not None


def test_where_brinery_is_better() -> None:
    """An element that is hashed before its state has come: stock fails at once, brinery finds the end of the input."""
    data = bytes.fromhex(
        "5d712863757569640a555549440a710129717d58030000006971046801298171047d710668048a107856341278563412785634007856341273"
    )
    for source in ("loads", "BytesIO", "WithoutPeek", "WithReadinto"):
        way = comparison.Way(source)
        assert comparison.judge(way, data) == (None, "an element was hashed before its state came")
    refused = (MemoryError, "", frozenset()), (EOFError, "", frozenset())
    assert comparison.better(*refused) == "asked for more memory than there is, refused"
    assert comparison.better(*reversed(refused)) is None
    assert comparison.better((TypeError, "", frozenset({"load"})), (None, 1, 1)) is None

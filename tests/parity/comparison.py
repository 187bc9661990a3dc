"""Load one stream with both engines, in one of the ways a program may, and say how the outcomes differ."""

from __future__ import annotations

import _pickle
import io
import warnings
from dataclasses import dataclass, field
from typing import Any

import brinery
from tests.equivalence import difference
from tests.parity.dice import Dice
from tests.parity.hazards import frame_ends, without_split_frames
from tests.parity.walk import end_of_pickle


class WithoutPeek:
    """A file with ``read`` and ``readline`` alone."""

    def __init__(self, data: bytes) -> None:
        stream = io.BytesIO(data)
        self.read, self.readline, self.tell = stream.read, stream.readline, stream.tell


class WithReadinto(WithoutPeek):
    """A file that can also be read into."""

    def __init__(self, data: bytes) -> None:
        stream = io.BytesIO(data)
        self.read, self.readline, self.readinto, self.tell = (
            stream.read,
            stream.readline,
            stream.readinto,
            stream.tell,
        )


def _persistent_load(pid: Any) -> tuple:
    return ("persistent", pid)


class Persistent(_pickle.Unpickler):
    """The stock Unpickler with a hook."""

    def persistent_load(self, pid: Any) -> tuple:
        return _persistent_load(pid)


class PersistentBrinery(brinery.Unpickler):
    """brinery's Unpickler with the same hook."""

    def persistent_load(self, pid: Any) -> tuple:
        return _persistent_load(pid)


PERSISTENT = {_pickle: Persistent, brinery._brinery: PersistentBrinery}


def _takes_hooks(engine: Any) -> bool:
    """Whether `persistent_load` can be set on an Unpickler, as it is documented: stock of 3.13.0 refuses."""
    try:
        engine.Unpickler(io.BytesIO()).persistent_load = _persistent_load
    except AttributeError:
        return False
    return True


STOCK_TAKES_HOOKS = _takes_hooks(_pickle)


@dataclass(frozen=True)
class Way:
    """How a stream is loaded."""

    source: str = "loads"
    hook: str = "none"
    options: dict = field(default_factory=dict)
    buffers: int | None = None

    @classmethod
    def choose(cls, dice: Dice) -> Way:
        """Return any way."""
        options: dict[str, Any] = {}
        draw = dice.random()
        if draw < 0.5:
            options["encoding"] = dice.choice(["ASCII", "latin1", "bytes", "bytes"])
        if draw < 0.1:
            options["errors"] = dice.choice(["strict", "ignore", "replace"])
        if 0.4 < draw < 0.6:
            options["fix_imports"] = False
        hook = dice.choice(["none", "none", "method", "attribute"])
        if hook == "attribute" and not STOCK_TAKES_HOOKS:
            hook = "method"
        source = dice.choice(["loads", "loads", "BytesIO", "WithoutPeek", "WithReadinto"])
        return cls(source, hook, options, dice.choice([None, None, 0, 3]))

    @property
    def in_memory(self) -> bool:
        """Whether there is no file."""
        return self.source == "loads" and self.hook == "none"

    def run(self, engine: Any, data: bytes) -> tuple[Any, int]:
        """Return what an engine loads, and how far it reads."""
        options = dict(self.options)
        if self.buffers is not None:
            options["buffers"] = [
                (b"read-only", bytearray(b"writable"), memoryview(b"view"))[n] for n in range(self.buffers)
            ]
        if self.in_memory:
            return engine.loads(data, **options), len(data)
        stream = {"WithoutPeek": WithoutPeek, "WithReadinto": WithReadinto}.get(self.source, io.BytesIO)(data)
        if self.hook == "none":
            return engine.load(stream, **options), stream.tell()
        if self.hook == "method":
            return PERSISTENT[engine](stream, **options).load(), stream.tell()
        unpickler = engine.Unpickler(stream, **options)
        unpickler.persistent_load = _persistent_load
        return unpickler.load(), stream.tell()


def outcome(way: Way, engine: Any, data: bytes) -> tuple[Any, Any, Any]:
    """Return None, the value and how far was read; or the class of an exception, its text and what it has come through."""
    try:
        value, position = way.run(engine, data)
    except Exception as error:
        return type(error), str(error), _called(error)
    return None, value, position


def _called(error: Exception) -> frozenset[str]:
    """Return the names of the functions that an exception has come through."""
    names = set()
    traceback = error.__traceback__
    while traceback:
        names.add(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    return frozenset(names)


def better(stock: tuple[Any, Any, Any], ours: tuple[Any, Any, Any]) -> str | None:
    """Return what stock is defective in, where it has failed for a reason that is no reason to fail."""
    if stock[0] is MemoryError:
        return f"asked for more memory than there is, {'refused' if ours[0] else 'managed'}"
    if stock[0] and "__hash__" in stock[2] and not (ours[0] and "__hash__" in ours[2]):
        # brinery puts the element off, and the stream goes on.
        return "an element was hashed before its state came"
    return None


def compare(way: Way, data: bytes) -> str | None:
    """Return how the engines differ on a stream where neither is better, or None."""
    return judge(way, data)[0]


def judge(way: Way, data: bytes) -> tuple[str | None, str | None]:
    """Return how the engines differ on a stream, if at all, and else what stock is defective in, if in anything."""
    mended = None if way.in_memory else without_split_frames(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stock = outcome(way, _pickle, data if mended is None else mended)
        ours = outcome(way, brinery._brinery, data)
    if stock[0] or ours[0]:
        if _name(stock[0]) == _name(ours[0]):
            return None, None
        if kind := better(stock, ours):
            return None, kind
        return f"stock {_shown(stock)}, brinery {_shown(ours)}", None
    if found := difference(stock[1], ours[1]):
        return found, None
    # A frame may go on after STOP: stock has read it whole, brinery up to STOP.
    read_whole = frame_ends(data) if mended is not None else set()
    if ours[2] not in {stock[2], end_of_pickle(data), *read_whole}:
        return f"stock stops at {stock[2]}, brinery at {ours[2]}", None
    return None, None


def _name(cls: type | None) -> str | None:
    return cls and f"{cls.__module__}.{cls.__qualname__}"


def _shown(result: tuple[Any, Any, Any]) -> str:
    return f"raises {result[0].__name__}: {result[1]:.150}" if result[0] else f"gives {result[1]!r:.150}"

"""A pickler or unpickler used while it is already at work raises RuntimeError; stock crashes or mixes the streams up."""

from __future__ import annotations

import io
import threading

import pytest

import brinery


class Hostile:
    """An object whose state is set through whatever `hook` is now."""

    hook = staticmethod(lambda: None)


class Namespace(dict):
    """An instance dict that runs code when it is filled."""

    def __setitem__(self, key: str, value: object) -> None:
        Hostile.hook()
        super().__setitem__(key, value)


def make_hostile() -> Hostile:
    """Return an instance with such a dict, as a stream can name it."""
    made = Hostile()
    made.__dict__ = Namespace()
    return made


def test_load_from_setitem_in_build() -> None:
    stream = b"c%s\nmake_hostile\n)R}X\x01\x00\x00\x00aK\x01sb." % __name__.encode()
    unpickler = brinery.Unpickler(io.BytesIO(stream * 3))
    errors = []

    def hook() -> None:
        try:
            unpickler.load()
        except RuntimeError as error:
            errors.append(str(error))
            raise

    Hostile.hook = staticmethod(hook)
    try:
        with pytest.raises(RuntimeError):
            unpickler.load()
    finally:
        Hostile.hook = staticmethod(lambda: None)
    assert errors


def test_load_from_find_class() -> None:
    class Again(brinery.Unpickler):
        def find_class(self, module: str, name: str) -> object:
            return self.load()

    with pytest.raises(RuntimeError):
        Again(io.BytesIO(b"cbuiltins\nlist\n.N.")).load()


def test_load_from_persistent_load() -> None:
    class Again(brinery.Unpickler):
        def persistent_load(self, pid: object) -> object:
            return self.load()

    with pytest.raises(RuntimeError):
        Again(io.BytesIO(b"Ppid\n.N.")).load()


def test_dump_from_persistent_id() -> None:
    class Again(brinery.Pickler):
        def persistent_id(self, obj: object) -> object:
            if obj == "again":
                self.dump([1, 2])
            return None

    with pytest.raises(RuntimeError):
        Again(io.BytesIO()).dump(["x", "again", "y"])


def test_dump_from_reducer_override() -> None:
    class Again(brinery.Pickler):
        def reducer_override(self, obj: object) -> object:
            self.dump(1)
            return NotImplemented

    with pytest.raises(RuntimeError):
        Again(io.BytesIO()).dump(Hostile())


def test_dump_from_write() -> None:
    class File:
        def write(self, data: bytes) -> int:
            pickler.dump(1)
            return len(data)

    pickler = brinery.Pickler(File())
    with pytest.raises(RuntimeError):
        pickler.dump(2)


def test_init_from_persistent_id() -> None:
    class Again(brinery.Pickler):
        def persistent_id(self, obj: object) -> object:
            self.__init__(io.BytesIO())
            return None

    with pytest.raises(RuntimeError):
        Again(io.BytesIO()).dump([1])


def test_clear_memo_from_persistent_id() -> None:
    class Clearing(brinery.Pickler):
        def persistent_id(self, obj: object) -> object:
            if obj == "clear":
                self.clear_memo()
            return None

    stream = io.BytesIO()
    shared = [1]
    try:
        Clearing(stream).dump([shared, "clear", shared])
    except RuntimeError:
        return
    assert brinery.loads(stream.getvalue()) == [[1], "clear", [1]]


def test_one_pickler_in_two_threads() -> None:
    entered, leave = threading.Event(), threading.Event()

    class Waiting(brinery.Pickler):
        def persistent_id(self, obj: object) -> object:
            if obj == "wait":
                entered.set()
                assert leave.wait(30)
            return None

    stream = io.BytesIO()
    pickler = Waiting(stream)
    thread = threading.Thread(target=pickler.dump, args=(["wait"],))
    thread.start()
    try:
        assert entered.wait(30)
        with pytest.raises(RuntimeError):
            pickler.dump([1])
    finally:
        leave.set()
        thread.join()
    assert brinery.loads(stream.getvalue()) == ["wait"]
    pickler.dump([2])


def test_one_unpickler_in_two_threads() -> None:
    entered, leave = threading.Event(), threading.Event()

    class Waiting(brinery.Unpickler):
        def persistent_load(self, pid: object) -> object:
            entered.set()
            assert leave.wait(30)
            return pid

    unpickler = Waiting(io.BytesIO(b"Pone\n." * 2))
    loaded = []
    thread = threading.Thread(target=lambda: loaded.append(unpickler.load()))
    thread.start()
    try:
        assert entered.wait(30)
        with pytest.raises(RuntimeError):
            unpickler.load()
    finally:
        leave.set()
        thread.join()
    assert loaded == ["one"]

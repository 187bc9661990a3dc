"""Errors say where: the path into the object that is dumped or built, the offset and the opcode that is loaded."""

from __future__ import annotations

import _thread
import collections
import io
import pickle
import re
import sys
from typing import Any, Callable

import pytest

import brinery
from brinery import Pickler, Unpickler, UnpicklingError, dump, dumps, load, loads

LOCK = _thread.allocate_lock()
NOTES = sys.version_info >= (3, 11)


class Plain:
    """Attributes only."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class Slots:
    """One slot."""

    __slots__ = ("held",)


class Reduced:
    """Reduces to what it is given."""

    def __init__(self, reduction: Any) -> None:
        self.reduction = reduction

    def __reduce__(self) -> Any:
        return self.reduction


class Failing:
    """Raises what it is given."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __reduce__(self) -> Any:
        raise self.error


class BadState:
    """Cannot be given its state."""

    def __getstate__(self) -> dict:
        return {"a": 1}

    def __setstate__(self, state: Any) -> None:
        raise LookupError("no state")


def failure(call: Callable[[], Any]) -> BaseException:
    """Return the exception that a call raises."""
    with pytest.raises(BaseException) as caught:
        call()
    return caught.value


def slotted(value: Any) -> Slots:
    obj = Slots()
    obj.held = value
    return obj


def attributed(obj: Any, **attributes: Any) -> Any:
    vars(obj).update(attributes)
    return obj


class List(list):
    """A list with attributes."""


PATHS = {
    "obj": lambda x: x,
    "obj[0]": lambda x: [x],
    "obj[1][2]": lambda x: ["a", (1, 2, x)],
    "obj[999]": lambda x: [0] * 999 + [x],
    "obj[1000]": lambda x: [0] * 1000 + [x],
    "obj[2500]": lambda x: [0] * 2500 + [x],
    "obj[4]": lambda x: (1, 2, 3, 4, x),
    'obj["key"]': lambda x: {"a": 1, "key": x},
    "obj[5]": lambda x: {5: x},
    "obj[2.5]": lambda x: {2.5: x},
    "obj[None]": lambda x: {None: x},
    'obj["a"]["b"][0]': lambda x: {"a": {"b": [x]}},
    "obj.name": lambda x: Plain(other=1, name=x),
    "obj.one.two": lambda x: Plain(one=Plain(two=x)),
    'obj["run"].callbacks[3]': lambda x: {"run": Plain(callbacks=[1, 2, 3, x])},
    "obj.held": slotted,
    "obj[0].held": lambda x: [slotted(x)],
    "obj.label": lambda x: attributed(List([1]), label=x),
    "obj[1]": lambda x: List([1, x]),
    'obj["ordered"]': lambda x: collections.OrderedDict(a=1, ordered=x),
    "obj[2]": lambda x: collections.deque([1, 2, x]),
}


#: Below protocol 2, slots cannot be saved, and subclasses of builtins are saved as arguments.
FROM_2 = ("obj.held", "obj[0].held", "obj[1]")


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("path", PATHS)
def test_path_of_a_dump(path: str, protocol: int) -> None:
    error = failure(lambda: dumps(PATHS[path](Failing(LookupError("own"))), protocol))
    if protocol < 2 and path in FROM_2:
        assert error.path.startswith(path.partition(".")[0].partition("[")[0])
    else:
        assert type(error) is LookupError
        assert error.path == path
    if NOTES:
        assert [note for note in error.__notes__ if error.path in note]


@pytest.mark.parametrize(
    ("obj", "pieces"),
    [
        (Reduced((Plain, (1, LOCK))), ["__reduce", "[1]"]),
        ({LOCK}, ["obj{"]),
        ({LOCK: 1}, ["obj", "keys"]),
        ([{frozenset({LOCK})}], ["obj[0]{"]),
        ({(1, LOCK): 2}, ["obj", "[1]"]),
        (Reduced((Plain, (), {"state": LOCK})), ["state"]),
        (Reduced((list, (), None, iter([1, 2, LOCK]))), ["obj", "[2]"]),
        (Reduced((dict, (), None, None, iter([("k", LOCK)]))), ["obj", '["k"]']),
    ],
)
def test_path_through_other_things(obj: Any, pieces: list[str]) -> None:
    error = failure(lambda: dumps(obj))
    for piece in pieces:
        assert piece in error.path


@pytest.mark.parametrize(
    "error", [ValueError("own"), KeyError("k"), pickle.PicklingError("own"), OSError(2, "x")]
)
def test_errors_of_hooks_keep_their_class_and_text(error: Exception) -> None:
    text = str(error)
    raised = failure(lambda: dumps({"deep": [1, Failing(error)]}))
    assert raised is error
    assert str(raised) == text
    assert raised.path == 'obj["deep"][1]'


def test_names_that_cannot_be_found() -> None:
    obj = [Plain(handler=lambda: 1)]
    error = failure(lambda: dumps(obj))
    assert error.path == "obj[0].handler"
    assert str(error) == str(failure(lambda: pickle.dumps(obj)))


@pytest.mark.parametrize("how", ["dumps", "dump", "Pickler", "subclass"])
def test_every_way_to_dump(how: str) -> None:
    class Sub(Pickler):
        def persistent_id(self, obj: Any) -> None:
            return None

    ways: dict[str, Callable[[Any], Any]] = {
        "dumps": dumps,
        "dump": lambda obj: dump(obj, io.BytesIO()),
        "Pickler": lambda obj: Pickler(io.BytesIO()).dump(obj),
        "subclass": lambda obj: Sub(io.BytesIO()).dump(obj),
    }
    error = failure(lambda: ways[how]({"a": [LOCK]}))
    assert error.path == 'obj["a"][0]'


def test_a_deep_path_is_cut_short_in_the_note() -> None:
    obj: Any = LOCK
    for _ in range(10_000):
        obj = [obj]
    error = failure(lambda: dumps(obj))
    assert error.path.startswith("obj[0][0]") and error.path.endswith("[0]")
    if NOTES:
        assert all(len(note) < 2000 for note in error.__notes__)


def test_odd_keys_and_names_in_paths() -> None:
    for key in ('quo"te', "line\nend", "é", "x" * 5000, b"bytes", (1, "t"), Plain):
        error = failure(lambda k=key: dumps({k: LOCK}))
        assert error.path.startswith("obj[") and error.path.endswith("]")
        assert "\n" not in error.path
        assert len(error.path) < 1000
    for name in ("two words", "", "é", "class"):
        assert failure(lambda n=name: dumps(Plain(**{n: LOCK}))).path.startswith("obj")


def test_keys_with_a_repr_that_fails() -> None:
    class Key:
        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    globals()["Key"], Key.__qualname__ = Key, "Key"
    error = failure(lambda: dumps({Key(): LOCK}))
    assert type(error) is TypeError and error.path.startswith("obj[")


STREAMS = {
    "no such module": (
        b"\x80\x04]\x94(K\x01cno_module\nname\ne.",
        ModuleNotFoundError,
        "obj[1]",
        7,
        "GLOBAL",
    ),
    "no such name": (b"}X\x01\x00\x00\x00kcbuiltins\nno_name\ns.", AttributeError, 'obj["k"]', 7, "GLOBAL"),
    "memo": (b"]h\x05a.", UnpicklingError, "obj[0]", 1, "BINGET"),
    "truncated": (b"]X\x05\x00\x00\x00ab", UnpicklingError, None, 1, "BINUNICODE"),
    "end": (b"", EOFError, "obj", 0, None),
    "end after a value": (b"]N", EOFError, None, 2, None),
    "unknown opcode": (b"]\xffa.", UnpicklingError, None, 1, None),
    "protocol": (b"\x80\x09N.", ValueError, None, 0, "PROTO"),
    "a call": (b"cbuiltins\nint\n(X\x01\x00\x00\x00xtR.", ValueError, "obj", 22, "REDUCE"),
    "stack": (b"0.", UnpicklingError, None, 0, "POP"),
    "mark": (b"Nt.", UnpicklingError, None, 1, "TUPLE"),
    "number": (b"]Iabc\na.", ValueError, None, 1, "INT"),
    "text": (b"X\x01\x00\x00\x00\xff.", UnicodeDecodeError, "obj", 0, "BINUNICODE"),
    "persistent id": (b"](Ppid\ne.", UnpicklingError, "obj[0]", 2, "PERSID"),
    "unhashable": (b"}]Ns.", TypeError, None, 3, "SETITEM"),
}


@pytest.mark.parametrize("source", ["loads", "BytesIO", "raw file"])
@pytest.mark.parametrize("name", STREAMS)
def test_place_of_a_load(name: str, source: str, tmp_path: Any) -> None:
    data, cls, path, offset, opcode = STREAMS[name]
    if source == "loads":
        error = failure(lambda: loads(data))
    elif source == "BytesIO":
        error = failure(lambda: load(io.BytesIO(data)))
    else:
        (tmp_path / "stream").write_bytes(data)
        with open(tmp_path / "stream", "rb", buffering=0) as file:
            error = failure(lambda: load(file))
    assert type(error) is cls
    assert type(failure(lambda: pickle.loads(data))) is cls
    assert (error.offset, error.opcode) == (offset, opcode)
    if path is not None and source == "raw file":
        # Where a value belongs is told by what follows, and this file must not be read ahead.
        assert path.startswith(error.path)
    elif path is not None:
        assert error.path == path
    if NOTES:
        (note,) = (note for note in error.__notes__ if "offset" in note)
        assert f"offset {offset}" in note
        assert opcode is None or opcode in note


def test_path_of_what_is_built() -> None:
    data = pickle.dumps({"run": Plain(steps=[1, {"state": BadState()}])})
    error = failure(lambda: loads(data))
    assert type(error) is LookupError
    assert error.path == 'obj["run"].steps[1]["state"]'
    assert error.opcode == "BUILD"


def test_offset_counts_from_the_start_of_each_pickle() -> None:
    """Several pickles in one stream: the offset is that in the failing one."""
    unpickler = Unpickler(io.BytesIO(b"N." + b"]N." + b"]0h\x07."))
    unpickler.load()
    unpickler.load()
    error = failure(unpickler.load)
    assert error.opcode == "BINGET"
    assert error.offset in (2, 7)  # in the pickle, or in the stream
    assert re.search(r"offset \d", str(getattr(error, "__notes__", "offset 0")))


def test_attributes_are_there_without_notes_too() -> None:
    error = failure(lambda: loads(b"h\x00."))
    assert {"path", "offset", "opcode"} <= set(dir(error))
    assert error.args == failure(lambda: pickle.loads(b"h\x00.")).args


def test_exceptions_that_take_no_attributes() -> None:
    """An exception of slots alone, raised by a hook, comes through as it is."""

    class Tight(Exception):
        __slots__ = ()

        def __setattr__(self, name: str, value: Any) -> None:
            raise AttributeError(name)

    error = Tight("own")
    assert failure(lambda: dumps([Failing(error)])) is error


def test_what_an_inner_dump_told_stays() -> None:
    """A hook that dumps something itself fails there: that place is nearer to the cause."""

    class Inner:
        def __reduce__(self) -> Any:
            dumps({"inner": Failing(ValueError("own"))})
            return list, ()

    error = failure(lambda: dumps([Inner()]))
    assert error.path == 'obj["inner"]'


def test_keyboard_interrupt_comes_through() -> None:
    assert type(failure(lambda: dumps([Failing(KeyboardInterrupt())]))) is KeyboardInterrupt
    assert brinery.loads(brinery.dumps(1)) == 1

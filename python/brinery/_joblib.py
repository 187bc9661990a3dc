"""Files of joblib as ordinary pickles.

Joblib puts the memory of arrays between the opcodes of a pickle, after the description of each. Here the
stream is written anew with each array as numpy pickles it, so that it can be judged and loaded as any other.
Nothing that the stream names is imported or made, and whoever loads the result need not trust this module: a
policy judges what it has written, whatever that was made of.
"""

from __future__ import annotations

import io
import pickletools
import struct
from typing import Any, NamedTuple

WRAPPER = ("joblib.numpy_pickle", "NumpyArrayWrapper")
_MARK: Any = object()
_MOST_NESTED = 20


class _Global(NamedTuple):
    module: str
    name: str


class _Call:
    """What a stream makes by a call, with its state."""

    def __init__(self, function: Any, args: Any) -> None:
        self.function, self.args, self.state = function, args, None


class Malformed(ValueError):
    """A stream that no joblib has written."""


def flatten(data: bytes, core: str = "numpy._core", subclasses: bool = False) -> tuple[bytes, int]:
    """Return a stream of joblib as an ordinary pickle.

    Parameters
    ----------
    data : bytes
        The stream, and perhaps more after it.
    core : str
        The package that numpy's functions are in.
    subclasses : bool
        Whether arrays keep a class of their own, as they do with numpy 1.

    Returns
    -------
    bytes
        The pickle.
    int
        Where the stream ends.
    """
    writer = _Writer(core, subclasses)
    file = io.BytesIO(data)
    writer.stream(file, inner=False)
    return writer.out.getvalue(), file.tell()


class _Writer:
    def __init__(self, core: str, subclasses: bool) -> None:
        self.out = io.BytesIO()
        self.core, self.subclasses = core, subclasses
        self.stored = 0
        self.protocol = 0

    def stream(self, file: io.BytesIO, inner: bool) -> None:
        """Write one pickle anew; an inner one as a part of the one around it."""
        places: list[int] = []
        reader = _Reader()
        content = file.getbuffer()
        for opcode, found, place in pickletools.genops(file):
            argument: Any = found
            name, at = opcode.name, place or 0
            if name == "PROTO":
                if inner:
                    self.raise_protocol(argument)
                    continue
                self.protocol = argument
            elif name == "FRAME" or (name == "STOP" and inner):
                continue
            elif name in ("GET", "BINGET", "LONG_BINGET"):
                reader.fetch(argument)
                self.memo_opcode(b"h", b"j", self._place(places, argument))
                continue
            elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
                index = len(places) if name == "MEMOIZE" else argument
                if index > len(places):
                    raise Malformed("the memo is not filled in order")
                places[index : index + 1] = [self.stored]
                reader.store(index)
                self.memo_opcode(b"q", b"r", self.stored)
                self.stored += 1
                continue
            else:
                reader.take(name, argument)
            self.out.write(content[at : file.tell()])
            top = reader.stack[-1] if name == "BUILD" and reader.stack else None
            if isinstance(top, _Call) and top.function == WRAPPER and not inner:
                reader.stack[-1] = None
                self.array(top.state, file, reader, places)

    def raise_protocol(self, protocol: int) -> None:
        """Declare what an inner pickle needs, unless names would have another meaning then."""
        if 3 <= self.protocol < protocol <= 5:
            self.protocol = protocol
            self.out.getbuffer()[1] = protocol

    def _place(self, places: list[int], index: int) -> int:
        if not 0 <= index < len(places):
            raise Malformed("a fetch of what was not stored")
        return places[index]

    def memo_opcode(self, short: bytes, long: bytes, index: int) -> None:
        self.out.write(short + bytes([index]) if index < 256 else long + struct.pack("<I", index))

    def array(self, state: Any, file: io.BytesIO, reader: _Reader, places: list[int]) -> None:
        """Write the array whose description was just read in the place of that."""
        if not isinstance(state, dict):
            raise Malformed("an array without a description")
        shape, dtype = state.get("shape"), state.get("dtype")
        self.out.write(b"0")  # the description
        if _holds_objects(dtype):
            self.stream(file, inner=True)
            return
        if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
            raise Malformed("an array without a shape")
        if state.get("numpy_array_alignment_bytes") is not None:
            padding = file.read(1)
            file.seek(padding[0] if padding else 0, io.SEEK_CUR)
        length = _item_size(dtype)
        for size in shape:
            length *= size
        if length > len(file.getbuffer()) - file.tell():
            raise Malformed("an array whose memory is not there")
        memory = file.read(length)
        subclass = state.get("subclass")
        plain = _Global("numpy", "ndarray")
        keeps = self.subclasses and isinstance(subclass, _Global) and subclass.name != "memmap"
        self.spell(_Global(f"{self.core}.multiarray", "_reconstruct"))
        self.spell((subclass if keeps else plain, (0,), b"b"))
        self.out.write(b"R(")
        stored = next((index for index, value in reader.memo.items() if value is dtype), None)
        for part in (1, shape, dtype, state.get("order") == "F", memory):
            if part is dtype and stored is not None:
                self.memo_opcode(b"h", b"j", self._place(places, stored))
            else:
                self.spell(part)
        self.out.write(b"tb")

    def spell(self, value: Any, depth: int = 0) -> None:
        """Write a value without the help of the memo."""
        write = self.out.write
        if depth > _MOST_NESTED:
            raise Malformed("a dtype that is nested too deeply")
        if value is None or value is True or value is False:
            write({None: b"N", True: b"\x88", False: b"\x89"}[value])
        elif type(value) is int:
            digits = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            if len(digits) > 255:
                raise Malformed("a number that is too long for a description")
            write(b"\x8a" + bytes([len(digits)]) + digits)
        elif type(value) is str:
            text = value.encode("utf-8", "surrogatepass")
            write(b"X" + struct.pack("<I", len(text)) + text)
        elif type(value) is bytes and self.protocol >= 3:
            long = len(value) >= 1 << 32
            write(b"\x8e" + struct.pack("<Q", len(value)) if long else b"B" + struct.pack("<I", len(value)))
            write(value)
        elif type(value) is bytes:
            write(b"c_codecs\nencode\n")
            self.spell((value.decode("latin-1"), "latin1"), depth + 1)
            write(b"R")
        elif isinstance(value, _Global):
            if "\n" in value.module + value.name:
                raise Malformed("a name of two lines")
            write(f"c{value.module}\n{value.name}\n".encode())
        elif type(value) is tuple:
            write(b"(")
            for item in value:
                self.spell(item, depth + 1)
            write(b"t")
        elif type(value) is dict:
            write(b"}(")
            for pair in value.items():
                for part in pair:
                    self.spell(part, depth + 1)
            write(b"u")
        elif isinstance(value, _Call):
            self.spell(value.function, depth + 1)
            self.spell(value.args, depth + 1)
            write(b"R")
            if value.state is not None:
                self.spell(value.state, depth + 1)
                write(b"b")
        else:
            raise Malformed("a description of an array that cannot be read")


class _Reader:
    """The stack and the memo, as far as descriptions of arrays need them: everything else is None."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def fetch(self, index: int) -> None:
        self.stack.append(self.memo.get(index))

    def store(self, index: int) -> None:
        self.memo[index] = self.stack[-1] if self.stack else None

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise Malformed("the stack is empty")
        return self.stack.pop()

    def marked(self) -> list[Any]:
        items = []
        while self.stack and self.stack[-1] is not _MARK:
            items.append(self.stack.pop())
        if not self.stack:
            raise Malformed("no mark")
        self.stack.pop()
        return items[::-1]

    def take(self, name: str, argument: Any) -> None:
        """Do what an opcode does."""
        if name in _VALUES:
            self.stack.append(argument if type(argument) in (int, str, bytes) else None)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        else:
            getattr(self, f"_{name.lower()}", self._other)(name, argument)

    def _mark(self, *_: Any) -> None:
        self.stack.append(_MARK)

    def _empty_dict(self, *_: Any) -> None:
        self.stack.append({})

    def _global(self, _: str, argument: str) -> None:
        self.stack.append(_Global(*argument.split(" ", 1)))

    def _stack_global(self, *_: Any) -> None:
        name, module = self.pop(), self.pop()
        both = isinstance(module, str) and isinstance(name, str)
        self.stack.append(_Global(module, name) if both else None)

    def _tuple(self, *_: Any) -> None:
        self.stack.append(tuple(self.marked()))

    def _tuple1(self, *_: Any) -> None:
        self.stack.append((self.pop(),))

    def _tuple2(self, *_: Any) -> None:
        two, one = self.pop(), self.pop()
        self.stack.append((one, two))

    def _tuple3(self, *_: Any) -> None:
        three, two, one = self.pop(), self.pop(), self.pop()
        self.stack.append((one, two, three))

    def _reduce(self, *_: Any) -> None:
        args, function = self.pop(), self.pop()
        if function == ("copyreg", "_reconstructor") or function == ("copy_reg", "_reconstructor"):
            function, args = (args[0] if isinstance(args, tuple) and args else None), ()
        self.stack.append(_Call(function, args))

    _newobj = _reduce

    def _build(self, *_: Any) -> None:
        state, made = self.pop(), (self.stack or [None])[-1]
        if isinstance(made, _Call):
            made.state = state

    def _setitem(self, *_: Any) -> None:
        value, key = self.pop(), self.pop()
        self._set([key, value])

    def _setitems(self, *_: Any) -> None:
        self._set(self.marked())

    def _set(self, items: list[Any]) -> None:
        into = self.stack[-1] if self.stack else None
        if isinstance(into, dict):
            for key, value in zip(items[::2], items[1::2]):
                if isinstance(key, (str, int)):
                    into[key] = value

    def _other(self, name: str, _: Any) -> None:
        opcode = _OPCODES[name]
        before, after = opcode.stack_before, opcode.stack_after
        if pickletools.markobject in before:
            self.marked()
            before = before[: before.index(pickletools.markobject)]
        for _kind in before:
            self.pop()
        self.stack.extend([None] * len(after))


_OPCODES = {opcode.name: opcode for opcode in pickletools.opcodes}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
    *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
    *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8"),
}


def _code(dtype: Any) -> str:
    code = (
        dtype.args[0] if isinstance(dtype, _Call) and isinstance(dtype.args, tuple) and dtype.args else None
    )
    if dtype is None or not isinstance(code, (str, _Global)):
        raise Malformed("an array without a dtype")
    return "V" if isinstance(code, _Global) else code


def _holds_objects(dtype: Any) -> bool:
    """Say whether the items are objects, which come as a pickle of their own."""
    if not isinstance(dtype, _Call) or dtype.function != ("numpy", "dtype"):
        return True
    state = dtype.state
    return _code(dtype)[:1] == "O" or (isinstance(state, tuple) and len(state) > 7 and state[7] & 1 == 1)


def _item_size(dtype: Any) -> int:
    code, state = _code(dtype), dtype.state
    if code[:1] in "SUVa" and isinstance(state, tuple) and len(state) > 5 and type(state[5]) is int:
        return max(int(state[5]), 0)
    if not code[1:].isdecimal():
        raise Malformed("a dtype of no size")
    return int(code[1:]) * (4 if code[0] == "U" else 1)

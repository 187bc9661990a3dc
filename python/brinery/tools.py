r"""Tools that look into a pickle without loading it: those of `pickletools`, on the engine.

>>> import brinery
>>> brinery.tools.dis(brinery.dumps({"a"}, protocol=4))
    0: \x80 PROTO      4
    2: \x95 FRAME      9
   11: \x8f EMPTY_SET
   12: \x94 MEMOIZE    (as 0)
   13: (    MARK
   14: \x8c     SHORT_BINUNICODE 'a'
   17: \x94     MEMOIZE    (as 1)
   18: \x90     ADDITEMS   (MARK at 13)
   19: .    STOP
highest protocol among opcodes = 4
"""

from __future__ import annotations

import pickletools
import sys
from typing import TYPE_CHECKING, Any

from ._brinery import _dis, _genops, _missing, _optimize

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping
    from typing import Protocol, Union

    class _Readable(Protocol):
        """A binary file to read from; its method ``tell()`` is used if there is one."""

        def read(self, size: int, /) -> bytes: ...
        def readline(self) -> bytes: ...

    class _Writable(Protocol):
        """A text file to write to."""

        def write(self, text: str, /) -> object: ...

    _Source = Union[bytes, bytearray, memoryview, _Readable]

__all__ = ["dis", "genops", "optimize"]

_BYTES = (bytes, bytearray, memoryview)

# The kinds of objects on the stack, as pickletools has them in a memo.
_STACK_ITEMS = {
    item.name: item for opcode in pickletools.opcodes for item in (*opcode.stack_before, *opcode.stack_after)
}


def genops(pickle: _Source) -> Iterator[tuple[pickletools.OpcodeInfo, Any, int | None]]:
    """Yield the opcodes of a pickle, up to and with its STOP.

    Parameters
    ----------
    pickle : bytes-like or binary file
        The pickle. A file is read from where it stands, and no further than to the end of the pickle.

    Yields
    ------
    opcode : pickletools.OpcodeInfo
        What there is to know about the opcode.
    arg : object
        The argument that the pickle holds for it, decoded; None if it takes none.
    pos : int or None
        Where in the pickle, or the file, the opcode is; None for a file without ``tell``.

    Raises
    ------
    ValueError
        At an opcode that does not exist, an argument that is malformed, or the end of the data.

    Examples
    --------
    >>> import brinery
    >>> for opcode, arg, pos in brinery.tools.genops(brinery.dumps(300, protocol=2)):
    ...     print(pos, opcode.name, arg)
    0 PROTO 2
    2 BININT2 300
    5 STOP None
    """
    opcodes = {opcode.code: opcode for opcode in pickletools.opcodes}
    if isinstance(pickle, _BYTES):
        for code, arg, pos in _genops(pickle, 0):
            yield opcodes[code], arg, pos
        return
    code = ""
    while code != ".":
        pos = _position(pickle)
        code, arg, pos = next(_genops(_read_instruction(pickle), pos))
        yield opcodes[code], arg, pos


def dis(
    pickle: _Source,
    out: _Writable | None = None,
    memo: MutableMapping[int, Any] | None = None,
    indentlevel: int = 4,
    annotate: int = 0,
) -> None:
    r"""Print the opcodes of a pickle, one a line, and check that they fit together.

    Parameters
    ----------
    pickle : bytes-like or binary file
        The pickle. A file is read from where it stands, and no further than to the end of the pickle.
    out : text file, optional
        Where to print; `sys.stdout` if None.
    memo : dict, optional
        What is known of the memo. Give the same dict for each of several pickles that one `Pickler` wrote.
    indentlevel : int, default 4
        By how many blanks each open mark indents.
    annotate : int, default 0
        The column for a description of each opcode; none if 0.

    Raises
    ------
    ValueError
        If the pickle is malformed, after everything up to there has been printed.

    Examples
    --------
    >>> import brinery
    >>> brinery.tools.dis(b"(K\x01l.")
        0: (    MARK
        1: K        BININT1    1
        3: l        LIST       (MARK at 0)
        4: .    STOP
    highest protocol among opcodes = 1
    """
    base: int | None = 0
    if not isinstance(pickle, _BYTES):
        base = _position(pickle)
        pickle = _read_pickle(pickle)
    out = sys.stdout if out is None else out
    docs = {}
    if annotate:
        docs = {opcode.code: opcode.doc.split("\n", 1)[0] for opcode in pickletools.opcodes}
    write = _discard if out is None else out.write  # a process may have no sys.stdout
    if memo is None:
        _dis(pickle, write, {}, indentlevel, annotate, base, docs)
        return
    names = {index: item.name for index, item in memo.items()}
    try:
        _dis(pickle, write, names, indentlevel, annotate, base, docs)
    finally:
        for index, name in names.items():
            if index not in memo:
                memo[index] = _STACK_ITEMS[name]


def optimize(p: bytes | bytearray | memoryview) -> bytes:
    """Return an equal but shorter pickle, without the PUT opcodes that nothing refers to.

    Parameters
    ----------
    p : bytes-like
        The pickle.

    Returns
    -------
    bytes
        A pickle that loads as the same object.

    Raises
    ------
    ValueError
        If the pickle is malformed.

    Examples
    --------
    >>> import brinery
    >>> data = brinery.dumps(["a", "b"], protocol=2)
    >>> len(data), len(brinery.tools.optimize(data))
    (24, 18)
    >>> brinery.loads(brinery.tools.optimize(data))
    ['a', 'b']
    """
    return _optimize(p)


def _discard(text: str) -> None:
    pass


def _position(file: Any) -> int | None:
    return file.tell() if hasattr(file, "tell") else None


def _read_instruction(file: Any) -> bytearray:
    """Read one opcode and its argument, or what there is of them."""
    instruction = bytearray()
    while missing := _missing(instruction):
        # A length in a pickle is only a claim: ask for no more than twice of what has come.
        piece = file.readline() if missing < 0 else file.read(min(missing, len(instruction) + 65536))
        if not piece:
            break
        instruction += piece
    return instruction


def _read_pickle(file: Any) -> bytearray:
    """Read up to the first STOP, or to the first instruction that is not whole."""
    data = bytearray()
    while True:
        instruction = _read_instruction(file)
        data += instruction
        if instruction == b"." or _missing(instruction):
            return data

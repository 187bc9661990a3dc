# The native extension. Its functions and types carry their documentation themselves.
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pickle import PickleBuffer as PickleBuffer
from pickle import PickleError as PickleError
from pickle import PicklingError as PicklingError
from pickle import UnpicklingError as UnpicklingError
from typing import Any, Final, Literal, Protocol, final, type_check_only

from typing_extensions import Buffer, TypeAlias, disjoint_base

__version__: Final[str]
DEFAULT_PROTOCOL: Final[int]
HIGHEST_PROTOCOL: Final = 5
opcodes: Final[dict[str, bytes]]

@type_check_only
class _Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...

@type_check_only
class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def readline(self) -> bytes: ...

# A file by its name.
_StrPath: TypeAlias = str | os.PathLike[str]

_BufferCallback: TypeAlias = Callable[[PickleBuffer], Any] | None

# What takes an object apart: a global's name, or how to build the object again.
_Reduced: TypeAlias = (
    str
    | tuple[Callable[..., Any], tuple[Any, ...]]
    | tuple[Callable[..., Any], tuple[Any, ...], Any]
    | tuple[Callable[..., Any], tuple[Any, ...], Any, Iterator[Any] | None]
    | tuple[Callable[..., Any], tuple[Any, ...], Any, Iterator[Any] | None, Iterator[Any] | None]
    | tuple[
        Callable[..., Any],
        tuple[Any, ...],
        Any,
        Iterator[Any] | None,
        Iterator[Any] | None,
        Callable[[Any, Any], object] | None,
    ]
)

def dump(
    obj: Any,
    file: _Writable | _StrPath,
    protocol: int | None = None,
    *,
    fix_imports: bool = True,
    buffer_callback: _BufferCallback = None,
) -> None: ...
def dumps(
    obj: Any,
    protocol: int | None = None,
    *,
    fix_imports: bool = True,
    buffer_callback: _BufferCallback = None,
) -> bytes: ...
def load(
    file: _Readable | _StrPath,
    *,
    fix_imports: bool = True,
    encoding: str = "ASCII",
    errors: str = "strict",
    buffers: Iterable[Any] | None = (),
) -> Any: ...
def loads(
    data: Buffer,
    /,
    *,
    fix_imports: bool = True,
    encoding: str = "ASCII",
    errors: str = "strict",
    buffers: Iterable[Any] | None = (),
) -> Any: ...

@final
@type_check_only
class _PicklerMemo:
    def clear(self, /) -> None: ...
    def copy(self, /) -> dict[int, tuple[int, Any]]: ...

@final
@type_check_only
class _UnpicklerMemo:
    def clear(self, /) -> None: ...
    def copy(self, /) -> dict[int, Any]: ...

@disjoint_base
class Pickler:
    fast: bool
    dispatch_table: Mapping[type, Callable[[Any], _Reduced]]
    @property
    def bin(self) -> bool: ...
    @bin.setter
    def bin(self, value: bool, /) -> None: ...
    @property
    def memo(self) -> _PicklerMemo: ...
    @memo.setter
    def memo(self, value: _PicklerMemo | dict[int, tuple[int, Any]], /) -> None: ...
    def __init__(
        self,
        file: _Writable,
        protocol: int | None = None,
        fix_imports: bool = True,
        buffer_callback: _BufferCallback = None,
    ) -> None: ...
    def dump(self, obj: Any, /) -> None: ...
    def clear_memo(self, /) -> None: ...
    # Hooks of subclasses; the first two are called only if they are there.
    def persistent_id(self, obj: Any, /) -> Any: ...
    def reducer_override(self, obj: Any, /) -> _Reduced: ...

@disjoint_base
class Unpickler:
    @property
    def memo(self) -> _UnpicklerMemo: ...
    @memo.setter
    def memo(self, value: _UnpicklerMemo | dict[int, Any], /) -> None: ...
    def __init__(
        self,
        file: _Readable,
        *,
        fix_imports: bool = True,
        encoding: str = "ASCII",
        errors: str = "strict",
        buffers: Iterable[Any] | None = (),
    ) -> None: ...
    def load(self, /) -> Any: ...
    def find_class(self, module_name: str, global_name: str, /) -> Any: ...
    # A hook of subclasses.
    def persistent_load(self, pid: Any, /) -> Any: ...

# What the package calls.
def _load_mapped(
    data: Buffer,
    /,
    *,
    fix_imports: bool = True,
    encoding: str = "ASCII",
    errors: str = "strict",
    buffers: Iterable[Any] | None = (),
) -> Any: ...
def cli_main(args: list[str], /) -> int: ...
def _set_public_module(name: Literal["brinery", "_pickle"], /) -> None: ...
def _genops(data: Buffer, base: int | None, /) -> Iterator[tuple[str, Any, int | None]]: ...
def _missing(instruction: Buffer, /) -> int: ...
def _dis(
    data: Buffer,
    write: Callable[[str], object],
    memo: dict[int, str],
    indentlevel: int,
    annotate: int,
    base: int | None,
    docs: dict[str, str],
    /,
) -> None: ...
def _optimize(data: Buffer, /) -> bytes: ...
def _scan(sources: bytes | list[bytes], policies: list[str], threads: int, max_unpacked: int, /) -> str: ...

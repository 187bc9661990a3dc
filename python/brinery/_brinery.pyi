# The native extension. Its functions and types carry their documentation themselves.
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pickle import PickleBuffer as PickleBuffer
from pickle import PickleError as PickleError
from pickle import PicklingError as PicklingError
from pickle import UnpicklingError as UnpicklingError
from typing import Any, Final, Literal, Protocol, final, overload, type_check_only

from typing_extensions import Buffer, TypeAlias, disjoint_base

from .policy import Policy

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

# `Key` and `KeyRing` of the package.
@type_check_only
class _Keyed(Protocol):
    @property
    def _keys(self) -> _Keys: ...

_Time: TypeAlias = float | datetime | timedelta

def dump(
    obj: Any,
    file: _Writable | _StrPath,
    protocol: int | None = None,
    *,
    fix_imports: bool = True,
    buffer_callback: _BufferCallback = None,
    key: _Keyed | Sequence[_Keyed] | None = None,
    purpose: str | None = None,
    expires: _Time | None = None,
) -> None: ...
def dumps(
    obj: Any,
    protocol: int | None = None,
    *,
    fix_imports: bool = True,
    buffer_callback: _BufferCallback = None,
    key: _Keyed | Sequence[_Keyed] | None = None,
    purpose: str | None = None,
    expires: _Time | None = None,
) -> bytes: ...
def load(
    file: _Readable | _StrPath,
    *,
    fix_imports: bool = True,
    encoding: str = "ASCII",
    errors: str = "strict",
    buffers: Iterable[Any] | None = (),
    key: _Keyed | None = None,
    purpose: str | None = None,
    policy: str | Policy | None = None,
    type: Any = None,
) -> Any: ...
def loads(
    data: Buffer,
    /,
    *,
    fix_imports: bool = True,
    encoding: str = "ASCII",
    errors: str = "strict",
    buffers: Iterable[Any] | None = (),
    key: _Keyed | None = None,
    purpose: str | None = None,
    policy: str | Policy | None = None,
    type: Any = None,
) -> Any: ...

class SealError(ValueError):
    reason: str
    hint: str | None

def seal(
    data: Buffer,
    key: _Keyed | Sequence[_Keyed],
    *,
    purpose: str,
    expires: _Time | None = None,
    policy_digest: Buffer | None = None,
    now: _Time | None = None,
) -> bytes: ...
def unseal(
    data: Buffer,
    key: _Keyed,
    *,
    purpose: str,
    policy_digest: Buffer | None = None,
    signatures: int | None = None,
    now: _Time | None = None,
) -> bytes: ...

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
        policy: str | Policy | None = None,
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

@final
@type_check_only
class _Keys: ...

_Fact: TypeAlias = tuple[
    str,
    str,
    tuple[str, ...],
    Literal["active", "accept-until", "revoked"],
    int | None,
    int | None,
    bytes | None,
    bool,
]

def _keys_make(
    kind: str,
    id: str | None,
    purposes: Iterable[str],
    material: Buffer | None,
    cost: tuple[int, int, int] | None,
    /,
) -> _Keys: ...
def _keys_join(keys: Iterable[_Keyed], signatures: int, /) -> _Keys: ...
def _keys_change(keys: _Keys, change: str, id: str | None, argument: object, /) -> _Keys: ...
@overload
def _keys_facts(keys: _Keys, secret: Literal[False], /) -> tuple[tuple[_Fact, ...], int]: ...
@overload
def _keys_facts(keys: _Keys, secret: Literal[True], /) -> bytes: ...
def _keys_load(path: _StrPath, /) -> _Keys: ...
def _keys_save(keys: _Keys, path: _StrPath, replace: bool, /) -> None: ...
def _policy(text: str, /) -> Any: ...
def _policy_shipped(name: str, /) -> Any: ...
def _policy_union(one: Any, other: Any, /) -> Any: ...
def _policy_text(policy: Any, /) -> str: ...
def _policy_learn(samples: Iterable[bytes], base: Any, /) -> tuple[Any, list[str]]: ...
def _type_compile(nodes: Sequence[tuple[Any, ...]], /) -> Any: ...
def _type_fits(type: Any, value: object, /) -> bool: ...
def _policy_examine(policy: Any, data: bytes, fix_imports: bool, collect: bool, /) -> tuple[Any, ...]: ...
def _policy_load(
    policy: Any,
    data: bytes,
    fix_imports: bool,
    encoding: str,
    errors: str,
    buffers: Any,
    resolve: Callable[[str, str, int], Any] | None,
    persistent: Callable[[Any], Any] | None,
    trailing: bool,
    /,
) -> tuple[Any, int]: ...
def _scan(sources: bytes | list[bytes], policies: list[str], threads: int, max_unpacked: int, /) -> str: ...

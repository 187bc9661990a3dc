# `brinery` re-exports the engine; the opcode constants are made from its table at run time.
from pickle import _Pickler as _Pickler
from pickle import _Unpickler as _Unpickler
from pickle import bytes_types as bytes_types
from pickle import decode_long as decode_long
from pickle import encode_long as encode_long
from typing import Any, Final

from . import guard as guard
from . import policy as policy
from . import tools as tools
from ._brinery import (
    DEFAULT_PROTOCOL as DEFAULT_PROTOCOL,
)
from ._brinery import (
    HIGHEST_PROTOCOL as HIGHEST_PROTOCOL,
)
from ._brinery import (
    PickleBuffer as PickleBuffer,
)
from ._brinery import (
    PickleError as PickleError,
)
from ._brinery import (
    Pickler as Pickler,
)
from ._brinery import (
    PicklingError as PicklingError,
)
from ._brinery import (
    SealError as SealError,
)
from ._brinery import (
    Unpickler as Unpickler,
)
from ._brinery import (
    UnpicklingError as UnpicklingError,
)
from ._brinery import (
    __version__ as __version__,
)
from ._brinery import (
    dump as dump,
)
from ._brinery import (
    dumps as dumps,
)
from ._brinery import (
    load as load,
)
from ._brinery import (
    loads as loads,
)
from ._brinery import (
    seal as seal,
)
from ._brinery import (
    unseal as unseal,
)
from ._install import install as install
from ._install import installed as installed
from ._install import uninstall as uninstall
from ._seal import Key as Key
from ._seal import KeyRing as KeyRing
from .policy import Policy as Policy
from .policy import PolicyError as PolicyError
from .policy import inspect as inspect

__all__ = [
    "ADDITEMS",
    "APPEND",
    "APPENDS",
    "BINBYTES",
    "BINBYTES8",
    "BINFLOAT",
    "BINGET",
    "BININT",
    "BININT1",
    "BININT2",
    "BINPERSID",
    "BINPUT",
    "BINSTRING",
    "BINUNICODE",
    "BINUNICODE8",
    "BUILD",
    "BYTEARRAY8",
    "DEFAULT_PROTOCOL",
    "DICT",
    "DUP",
    "EMPTY_DICT",
    "EMPTY_LIST",
    "EMPTY_SET",
    "EMPTY_TUPLE",
    "EXT1",
    "EXT2",
    "EXT4",
    "FALSE",
    "FLOAT",
    "FRAME",
    "FROZENSET",
    "GET",
    "GLOBAL",
    "HIGHEST_PROTOCOL",
    "INST",
    "INT",
    "LIST",
    "LONG",
    "LONG1",
    "LONG4",
    "LONG_BINGET",
    "LONG_BINPUT",
    "MARK",
    "MEMOIZE",
    "NEWFALSE",
    "NEWOBJ",
    "NEWOBJ_EX",
    "NEWTRUE",
    "NEXT_BUFFER",
    "NONE",
    "OBJ",
    "PERSID",
    "POP",
    "POP_MARK",
    "PROTO",
    "PUT",
    "READONLY_BUFFER",
    "REDUCE",
    "SETITEM",
    "SETITEMS",
    "SHORT_BINBYTES",
    "SHORT_BINSTRING",
    "SHORT_BINUNICODE",
    "STACK_GLOBAL",
    "STOP",
    "STRING",
    "TRUE",
    "TUPLE",
    "TUPLE1",
    "TUPLE2",
    "TUPLE3",
    "UNICODE",
    "Key",
    "KeyRing",
    "PickleBuffer",
    "PickleError",
    "Pickler",
    "PicklingError",
    "Policy",
    "PolicyError",
    "SealError",
    "Unpickler",
    "UnpicklingError",
    "__version__",
    "dump",
    "dumps",
    "guard",
    "inspect",
    "install",
    "installed",
    "load",
    "loads",
    "seal",
    "tools",
    "uninstall",
    "unseal",
]

# Names that `pickle` has beyond its documented ones, fetched from it.
compatible_formats: Final[list[str]]
format_version: Final[str]

def whichmodule(obj: Any, name: str) -> str: ...

INT: Final[bytes]
BININT: Final[bytes]
BININT1: Final[bytes]
BININT2: Final[bytes]
LONG: Final[bytes]
LONG1: Final[bytes]
LONG4: Final[bytes]
STRING: Final[bytes]
BINSTRING: Final[bytes]
SHORT_BINSTRING: Final[bytes]
BINBYTES: Final[bytes]
SHORT_BINBYTES: Final[bytes]
BINBYTES8: Final[bytes]
BYTEARRAY8: Final[bytes]
NEXT_BUFFER: Final[bytes]
READONLY_BUFFER: Final[bytes]
NONE: Final[bytes]
NEWTRUE: Final[bytes]
NEWFALSE: Final[bytes]
UNICODE: Final[bytes]
SHORT_BINUNICODE: Final[bytes]
BINUNICODE: Final[bytes]
BINUNICODE8: Final[bytes]
FLOAT: Final[bytes]
BINFLOAT: Final[bytes]
EMPTY_LIST: Final[bytes]
APPEND: Final[bytes]
APPENDS: Final[bytes]
LIST: Final[bytes]
EMPTY_TUPLE: Final[bytes]
TUPLE: Final[bytes]
TUPLE1: Final[bytes]
TUPLE2: Final[bytes]
TUPLE3: Final[bytes]
EMPTY_DICT: Final[bytes]
DICT: Final[bytes]
SETITEM: Final[bytes]
SETITEMS: Final[bytes]
EMPTY_SET: Final[bytes]
ADDITEMS: Final[bytes]
FROZENSET: Final[bytes]
POP: Final[bytes]
DUP: Final[bytes]
MARK: Final[bytes]
POP_MARK: Final[bytes]
GET: Final[bytes]
BINGET: Final[bytes]
LONG_BINGET: Final[bytes]
PUT: Final[bytes]
BINPUT: Final[bytes]
LONG_BINPUT: Final[bytes]
MEMOIZE: Final[bytes]
EXT1: Final[bytes]
EXT2: Final[bytes]
EXT4: Final[bytes]
GLOBAL: Final[bytes]
STACK_GLOBAL: Final[bytes]
REDUCE: Final[bytes]
BUILD: Final[bytes]
INST: Final[bytes]
OBJ: Final[bytes]
NEWOBJ: Final[bytes]
NEWOBJ_EX: Final[bytes]
PROTO: Final[bytes]
STOP: Final[bytes]
FRAME: Final[bytes]
PERSID: Final[bytes]
BINPERSID: Final[bytes]
TRUE: Final[bytes]
FALSE: Final[bytes]

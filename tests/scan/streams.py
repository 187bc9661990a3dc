"""Attacks, as the bytes that stock pickle would execute. All are inert here: they are scanned and never loaded."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import struct
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path


class Raw(bytes):
    """What stands in a stream as it is."""


def literal(value: object) -> bytes:
    """The opcodes that make a value."""
    if isinstance(value, Raw):
        return bytes(value)
    if value is None:
        return b"N"
    if isinstance(value, str):
        text = value.encode()
        return b"X" + struct.pack("<I", len(text)) + text
    if isinstance(value, bytes):
        return b"B" + struct.pack("<I", len(value)) + value
    if isinstance(value, int):
        data = pickle.dumps(value, 2)
        return data[2:-1]
    if isinstance(value, tuple):
        return b"(" + b"".join(map(literal, value)) + b"t"
    if isinstance(value, list):
        return b"](" + b"".join(map(literal, value)) + b"e"
    if isinstance(value, dict):
        return b"}(" + b"".join(literal(key) + literal(item) for key, item in value.items()) + b"u"
    raise TypeError(type(value).__name__)


def name(module: str, attribute: str) -> Raw:
    """A global by GLOBAL."""
    return Raw(f"c{module}\n{attribute}\n".encode())


def stacked(module: str, attribute: str) -> Raw:
    """A global by STACK_GLOBAL."""
    return Raw(literal(module) + literal(attribute) + b"\x93")


def call(function: Raw, *args: object) -> Raw:
    return Raw(function + literal(args) + b"R")


def new(cls: Raw, *args: object) -> Raw:
    return Raw(cls + literal(args) + b"\x81")


def built(value: Raw, state: object) -> Raw:
    return Raw(value + literal(state) + b"b")


def stream(value: object) -> bytes:
    return b"\x80\x04" + literal(value) + b"."


SYSTEM = call(name("os", "system"), "true")

FUNCTIONS = """
os.system posix.system subprocess.call builtins.exec builtins.eval builtins.open builtins.__import__ os.popen pty.spawn
runpy._run_code code.interact timeit.timeit cProfile.run pdb.run webbrowser.open platform.popen importlib.import_module
io.open io.FileIO shutil.rmtree tempfile.mkdtemp logging.FileHandler logging.config.dictConfig sqlite3.connect zipfile.ZipFile
codecs.open socket.create_connection urllib.request.urlopen smtplib.SMTP threading.Timer multiprocessing.Process signal.signal
atexit.register weakref.finalize sys.exit gc.disable ctypes.CDLL types.FunctionType marshal.loads pickle.loads
functools.reduce itertools.starmap operator.call doctest.debug_script trace.Trace pydoc.pipepager numpy.load
numpy.testing._private.utils.runstring numpy.f2py.crackfortran.myeval pandas.read_pickle pandas.eval joblib.load torch.load
torch.hub.load dill.loads cloudpickle.loads pip.main setuptools._distutils.spawn.spawn sklearn.datasets.load_files
django.utils.module_loading.import_string jinja2.Template yaml.unsafe_load requests.get time.sleep typing.get_type_hints
collections.namedtuple copyreg.add_extension builtins.print builtins.setattr mmap.mmap locale.setlocale
""".split()


def attacks() -> dict[str, list[bytes]]:
    """The streams, by class."""
    bad = stream(SYSTEM)
    zero = b"cos\nsystem\n(S'true'\ntR."
    order = stacked("shop", "Order")
    found: dict[str, list[bytes]] = {
        "calls": [stream(call(name(*path.rsplit(".", 1)), "true")) for path in FUNCTIONS],
        "calls by the stack": [stream(call(stacked(*path.rsplit(".", 1)), "true")) for path in FUNCTIONS],
        "opcodes": [
            zero,
            b"(S'true'\nios\nsystem\n.",
            b"(cos\nsystem\nS'true'\no.",
            stream(new(name("subprocess", "Popen"), "true")),
        ],
        "lazy maps": [
            stream(
                new(
                    stacked("builtins", "bytes"),
                    new(stacked("builtins", "map"), stacked("builtins", "print"), [1]),
                )
            ),
            stream(
                new(
                    stacked("builtins", "tuple"),
                    new(stacked("builtins", "filter"), stacked("shop", "check"), [1]),
                )
            ),
            stream(
                call(
                    stacked("collections", "deque"),
                    new(stacked("builtins", "map"), stacked("shop", "check"), [1]),
                )
            ),
        ],
        "getattr": [
            stream(call(call(stacked("builtins", "getattr"), stacked("pathlib", "Path"), "home"))),
            stream(
                call(
                    call(
                        stacked("builtins", "getattr"), call(stacked("pathlib", "PosixPath"), "/x"), "unlink"
                    )
                )
            ),
            stream(call(stacked("builtins", "getattr"), stacked("builtins", "dict"), "__subclasses__")),
        ],
        "dotted": [
            stream(call(stacked("numpy", "f2py.os.system"), "true")),
            stream(call(stacked("random", "_os.system"), "true")),
            stream(call(stacked("builtins", "str.__class__.mro"), "true")),
        ],
        "partial": [
            stream(call(call(stacked("functools", "partial"), stacked("shop", "check")), 1)),
            stream(
                call(
                    call(stacked("operator", "methodcaller"), "unlink"),
                    call(stacked("pathlib", "PosixPath"), "/x"),
                )
            ),
        ],
        "text for code": [
            stream(new(name(f"sympy.functions.elementary.{where}", what), given))
            for where, what in (("trigonometric", "sin"), ("miscellaneous", "Max"))
            for given in ("__import__('os').system('true')", ("__import__('os').system('true')",), ["x"])
        ],
        "methods of what was made": [
            stream(call(stacked("shop", "Order.ship"), new(order))),
            stream(call(stacked("networkx", "Graph.clear"), new(stacked("networkx", "Graph")))),
        ],
        "partials of classes": [
            stream(call(call(stacked("functools", "partial"), stacked("subprocess", "Popen")), "true")),
            stream(call(call(stacked("functools", "partial"), stacked("pandas", "ExcelWriter")), "x")),
            stream(call(call(stacked("functools", "partial"), stacked("pandas", "ExcelWriter"), "x"))),
            stream(
                call(
                    built(
                        call(stacked("functools", "partial"), stacked("pandas", "ExcelWriter")),
                        (stacked("pandas", "ExcelWriter"), (), {"path": "x"}, None),
                    )
                )
            ),
            stream(
                call(
                    built(
                        call(stacked("functools", "partial"), stacked("shop", "Order")),
                        (name("os", "system"), ("true",), {}, None),
                    )
                )
            ),
        ],
        "reduce": [
            stream(call(stacked("functools", "reduce"), stacked("io", "open"), ["x", "w"])),
            stream(
                call(stacked("functools", "reduce"), stacked("_operator", "add"), (stacked("shop", "A"),))
            ),
            stream(call(stacked("_functools", "reduce"), stacked("_operator", "or_"), ["x", "w"])),
            stream(
                call(stacked("_functools", "reduce"), stacked("_operator", "or_"), (new(order), new(order)))
            ),
        ],
        "hooks": [
            stream(built(new(order), {"__class__": stacked("shop", "Item")})),
            stream(Raw(built(new(order), {"append": stacked("shop", "check")}) + b"(K\x01e")),
        ],
        "ownership": [
            stream(built(order, {"total": 1})),
            stream(Raw(stacked("shop", "REGISTRY") + b"K\x01K\x02s")),
            stream(Raw(stacked("shop", "CALLBACKS") + b"K\x01a")),
            stream(built(call(stacked("logging", "getLogger"), "x"), {"level": 1})),
            stream(built(call(stacked("numpy", "dtype"), "f8"), (3, ">", None, None, None, -1, -1, 0))),
        ],
        "imports": [stream(name("antigravity", "x")), stream(name("this", "x")), b"\x80\x02cplugin\nx\n0N."],
        "computed names": [
            stream(
                Raw(
                    call(stacked("builtins", "str"), "os")
                    + literal("system")
                    + b"\x93"
                    + literal((1,))
                    + b"R"
                )
            )
        ],
        "memo": [b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94h\x00h\x01\x93" + literal(("true",)) + b"R."],
        "spellings": [b"V\\u006fs\nVsyste\\u006d\n\x93(S'x'\ntR.", b"S'\\x6fs'\nS'system'\n\x93(S'x'\ntR."],
        "broken": [bad[:-1] + tail for tail in (b"", b"\xff\xff", b"0000.", b"X\xff\xff\xff\x7f")],
        "differentials": [
            b"I1_0\n0" + zero,
            b"\x80\x04\x80\x02" + zero,
            b"\x80\x04\x95\x02\0\0\0\0\0\0\0" + bad[2:],
        ],
        "concatenation": [
            prefix + tail
            for prefix in (
                pickle.dumps({"a": 1}),
                b"\0" * 5000,
                b"\x01\x02\x03\x04",
                b"HEADER\n",
                pickle.dumps(1) + b"\n\n",
            )
            for tail in (bad, zero)
        ],
        "persistent ids": [
            b"Pos.system\n(S'true'\ntR.",
            stream(Raw(literal(("os", "system")) + b"Q" + literal((1,)) + b"R")),
        ],
        "extension codes": [b"\x80\x02\x82\x01" + literal((1,)) + b"R.", b"\x80\x02\x82\x01."],
        "nested": [stream(call(stacked("torch.storage", "_load_from_bytes"), bad)), stream({"x": bad})],
        "time": [
            b"\x80\x04})" + b"2\x86" * 60 + b"Ns.",
            b"\x80\x04}(" + b"".join(literal(i * (2**61 - 1)) + b"N" for i in range(1, 5000)) + b"u.",
            b"I" + b"9" * 200_000 + b"\n.",
            stream(call(stacked("builtins", "list"), call(stacked("itertools", "count")))),
        ],
        "memory": [
            stream(call(stacked("builtins", "bytearray"), 10**10)),
            stream(new(stacked("builtins", "tuple"), call(stacked("builtins", "range"), 10**10))),
            stream(
                call(
                    stacked("numpy.core.multiarray", "_reconstruct"),
                    stacked("numpy", "ndarray"),
                    (10**11,),
                    b"b",
                )
            ),
            b"\x80\x04(" + b"\x8f" * 3_000_000 + b"t.",
            b"\x80\x04Nr\xff\xff\xff\x7f.",
            b"\x80\x04\x8e\0\0\0\0\x10\0\0\0abc.",
        ],
        "depth": [b"\x80\x04)" + b"\x85" * 300_000 + b".", b"\x80\x04}" + b")" + b"\x85" * 60_000 + b"Ns."],
    }
    found["layers"] = [
        pack(data)
        for pack in (gzip.compress, bz2.compress, lzma.compress, zlib.compress)
        for data in (bad, zero)
    ]
    found["layers"].append(lzma.compress(bad, lzma.FORMAT_ALONE))
    found["archives"] = [zipped(bad, method) for method in (0, 8, 12, 14)] + [
        tarred(bad, mode) for mode in ("w", "w:gz", "w:xz")
    ]
    found["text"] = [
        base64.b64encode(bad),
        base64.b64encode(zlib.compress(zero)),
        bad.hex().encode(),
        base64.b32encode(bad),
        base64.b85encode(bad),
        base64.b85encode(zlib.compress(zero)),
        repr(bad).encode(),
        json.dumps({"body": base64.encodebytes(bad * 3).decode()}).encode(),
        pickle.dumps({"body": base64.b64encode(bad).decode()}, 0),
        pickle.dumps({"body": base64.encodebytes(zlib.compress(bad + bytes(range(256)))).decode()}, 0),
    ]
    found["caches"] = [pickle.dumps(1.5) + zlib.compress(bad), struct.pack("<I", 99999999) + bad, b"!" + bad]
    found["databases"] = [
        database(bad),
        database(pickle.dumps("x" * 9000)[:-1] + bad[2:]),
        database(base64.b64encode(bad).decode()),
    ]
    return found


def zipped(data: bytes, method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("archive/data.pkl", data)
    return buffer.getvalue()


def tarred(data: bytes, mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        member = tarfile.TarInfo("data.pkl")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def database(value: object) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "cache.db")
        connection = sqlite3.connect(path)
        connection.execute("create table cache (key, value)")
        connection.execute("insert into cache values ('k', ?)", (value,))
        connection.commit()
        connection.close()
        return path.read_bytes()

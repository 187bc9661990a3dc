"""`brinery.scan`: no attack is passed over in silence, honest pickles are left alone."""

from __future__ import annotations

import array
import ast
import base64
import collections
import collections.abc
import concurrent.futures
import contextlib
import datetime
import decimal
import enum
import fractions
import ftplib
import functools
import gzip
import http.client
import io
import json
import logging
import operator
import os
import pathlib
import pickle
import queue
import random
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import types
import uuid
import weakref
import xml.etree.ElementTree
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

import brinery
from tests.policy.honest import VALUES

from .streams import attacks

ATTACKS = [
    pytest.param(data, id=f"{kind}-{number}")
    for kind, all_of in attacks().items()
    for number, data in enumerate(all_of)
]


class Color(enum.Enum):
    RED = 1


class Point:
    def __init__(self, x: int) -> None:
        self.x = x

    def shift(self) -> None: ...


class AppError(Exception):
    pass


Pair = collections.namedtuple("Pair", "a b")


def remake(value: int) -> Point:
    return Point(value)


class Failed(Exception):
    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        return functools.partial(Failed, code=self.code), self.args


class Version(Point):
    @classmethod
    def parse(cls, text: str) -> Version:
        return cls(int(text))

    def __reduce__(self) -> tuple[object, ...]:
        return Version.parse, (str(self.x),)


class Remade(Point):
    def __reduce__(self) -> tuple[object, ...]:
        return remake, (self.x,)


HONEST: list[object] = [
    {"a": [1, 2.5, None, True, "x", b"y", (1,), {1}, frozenset([2])], "big": 2**200},
    [datetime.datetime.now(datetime.timezone.utc), datetime.date.today(), datetime.timedelta(3)],
    [
        decimal.Decimal("1.5"),
        fractions.Fraction(1, 3),
        complex(1, 2),
        uuid.uuid4(),
        pathlib.PurePosixPath("a/b"),
    ],
    [
        collections.OrderedDict(a=1),
        collections.defaultdict(list),
        collections.Counter("ab"),
        collections.deque([1], 3),
    ],
    [
        functools.partial(int, base=2),
        operator.itemgetter(1),
        re.compile("a+"),
        types.SimpleNamespace(a=1),
        array.array("d", [1]),
    ],
    [iter([1]), range(5), slice(1, 2), len, int, type(None)],
    [ValueError("x"), KeyError("k"), OSError(2, "no"), AppError("y")],
    [Color.RED, Point(1), Pair(1, 2), Remade(3), Point(1).shift, Point],
    [Failed("full", code=3), Version(2)],
    [str.upper, str.split, dict.fromkeys, datetime.datetime.now, int.from_bytes],
    [ssl.PROTOCOL_TLS_CLIENT, ssl.CERT_NONE, socket.AI_PASSIVE, http.HTTPStatus.OK],
    [
        queue.Empty(),
        http.client.RemoteDisconnected("x"),
        zlib.error("y"),
        ftplib.error_perm("z"),
        io.UnsupportedOperation("q"),
    ],
    [logging.NullHandler, logging.LoggerAdapter(logging.getLogger("a"), {"b": 1}), contextlib.nullcontext(3)],
    collections.abc.Callable[[int], str],
    random.Random(1),
    ast.parse("def f(x): return x + 1"),
    xml.etree.ElementTree.fromstring("<a><b/></a>"),
    {uuid.uuid4(): i for i in range(100)},
    [set() for _ in range(1000)],
]


if sys.version_info >= (3, 10):
    HONEST.append([int | str, Point | None, list[int] | None])


@pytest.mark.parametrize("data", ATTACKS)
def test_no_attack_is_passed_over(data: bytes) -> None:
    report = brinery.scan(data)
    assert report.flagged, report


@pytest.mark.parametrize("value", HONEST, ids=range(len(HONEST)))
@pytest.mark.parametrize("protocol", range(6))
def test_honest_pickles_are_left_alone(value: object, protocol: int) -> None:
    try:
        data = pickle.dumps(value, protocol)
    except (TypeError, pickle.PicklingError):
        pytest.skip("cannot be pickled in this protocol")
    assert brinery.scan(data).verdict in ("clean", "needs"), brinery.scan(data).findings


@pytest.mark.parametrize("name", VALUES)
def test_what_the_shipped_policies_load_is_clean(name: str) -> None:
    for protocol in range(6):
        with contextlib.suppress(TypeError, pickle.PicklingError):
            data = pickle.dumps(VALUES[name], protocol)
            brinery.loads(data, policy="stdlib|numpy|pandas|sklearn|torch")
            report = brinery.scan(data)
            assert report.verdict == "clean", report


def test_what_reads_whole_is_no_text_of_another_pickle() -> None:
    # With its escapes taken for what they stand for, the lines of this one would be another stream.
    settings = pickle.dumps([re.compile("a\n\\s"), VALUES["settings"]], 0)
    assert [stream.offset for stream in brinery.scan(settings).files[0].streams] == [0]
    hidden = "cos\nsystem\n(S'true'\ntR."
    # But a value may be one, and so may what comes behind it.
    assert brinery.scan(pickle.dumps([1, hidden], 0)).verdict == "dangerous"
    assert brinery.scan(settings + repr(hidden.encode()).encode()).verdict == "dangerous"


def test_numbers_that_look_like_pickles_by_chance_are_left_alone() -> None:
    dice = random.Random(1)
    for _ in range(20):
        blob = dice.randbytes(1 << 20)
        for protocol in (2, 4):
            data = pickle.dumps({"blob": bytearray(blob), "rows": [1, 2]}, protocol)
            assert brinery.scan(data).verdict == "clean", brinery.scan(data)
    # But a pickle that names something is found among them.
    hidden = blob[:999_999] + b"\x80\x02cos\nsystem\nX\4\0\0\0true\x85R." + blob
    assert brinery.scan(pickle.dumps(hidden, 4)).verdict == "dangerous"


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    dice = random.Random(1)
    blob = dice.randbytes(4 << 20)
    words = "catalog system input import code class index copy call object begin context".split()
    lines = [dice.choice(words) for _ in range(3000)]
    source = [f'x{i} = "a\\\\n%d & b=%s;" % {i}  # &amp; &#38; =3D %41' for i in range(20_000)]
    pickled = pickle.dumps({"rows": list(range(2000))}, 0)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        for i in range(300):
            target.writestr(f"a{i}.txt", bytes(i % 7))
    files = {
        "bytes": blob,
        "their digits": blob.hex().encode(),
        "their digits in lines": base64.encodebytes(blob[: 1 << 20]),
        "words": "\n".join(lines).encode(),
        "numbers in lines": "\n".join(map(repr, (dice.random() for _ in range(100_000)))).encode(),
        "escapes of all kinds": "\n".join(source).encode(),
        "escapes on one line": " ".join(source).encode(),
        "a file that begins with its name": b"TZif2" + bytes(15) + b"\0\0\0\5" * 6 + bytes(900),
        "a length before what is none of a pickle": b"\x8e\x19\0\0ccopy_r" + bytes(5000),
        "an archive of many files": archive.getvalue(),
        "lengths between pickles": b"".join(struct.pack("<I", len(pickled)) + pickled for _ in range(3)),
    }
    for name, data in files.items():
        file = tmp_path / "file.bin"
        file.write_bytes(data)
        assert brinery.scan(file).verdict == "clean", (name, brinery.scan(file))
    # But what is among them is found.
    for name in ("words", "escapes of all kinds", "their digits in lines"):
        for attack in (b"cos\nsystem\n(S'true'\ntR.", b"(S'true'\nios\nsystem\nx"):
            assert brinery.scan(files[name] + b"\n" + attack).flagged, name
        text = repr(b"cos\nsystem\n(S'true'\ntR.").encode()
        assert brinery.scan(files[name] + b"\n" + text + b"\n" + files[name]).flagged, name


@pytest.mark.parametrize("protocol", [0, 2])
def test_the_digits_of_numbers_are_no_pickles_in_another_base(protocol: int) -> None:
    dice = random.Random(1)
    numbers = [dice.random() for _ in range(60_000)]
    assert brinery.scan(pickle.dumps(numbers, protocol)).verdict == "clean"
    assert brinery.scan(json.dumps(numbers).encode()).verdict == "clean"
    assert brinery.scan(pickle.dumps([str(number) for number in numbers], protocol)).verdict == "clean"
    # What is a pickle stays one, whole or not.
    for cut in (0, 2):
        data = pickle.dumps(os.getcwd, 4)[: -cut or None]
        stream = b"\x80\x04cposix\nsystem\n" + data[2:]
        text = base64.b64encode(stream).decode().rstrip("=")
        assert brinery.scan(json.dumps([*numbers[:100], text]).encode()).flagged
        assert brinery.scan(pickle.dumps([*numbers[:100], text], 0)).flagged


@pytest.mark.parametrize("protocol", range(5))
def test_classes_that_are_mere_values_need_to_be_granted(protocol: int) -> None:
    state = {
        "executor": concurrent.futures.ThreadPoolExecutor,
        "threads": [threading.Thread, (threading.Timer, weakref.ref, queue.Queue)],
        "when": [datetime.date(2020, 1, 1), decimal.Decimal(1)],
    }
    assert brinery.scan(pickle.dumps(state, protocol)).verdict == "needs"
    assert brinery.scan(pickle.dumps(threading.Thread, protocol)).verdict == "needs"


@pytest.mark.parametrize(
    "deed",
    [
        b"cthreading\nThread\n)R.",
        b"cthreading\nThread\n)\x81.",
        b"cthreading\nThread\n0N.",
        b"cfunctools\npartial\ncthreading\nThread\n\x85R.",
        b"ccollections\ndefaultdict\ncthreading\nThread\n\x85R.",
        b"cbuiltins\nmap\ncthreading\nThread\n]K\x01a\x86R.",
        b"cbuiltins\ntuple\n]cthreading\nThread\na\x85R.",
        b"ccollections\ndeque\n)Rcthreading\nThread\na.",
        b"ctypes\nSimpleNamespace\n)R}X\x01\0\0\0acthreading\nThread\nsb.",
        b"cbuiltins\ngetattr\ncthreading\nThread\nX\x05\0\0\0start\x86R.",
        b"cthreading\nThread\n}X\x03\0\0\0runNsb.",
    ],
)
def test_such_classes_are_given_to_nobody(deed: bytes) -> None:
    assert brinery.scan(b"\x80\x02" + deed).verdict == "dangerous"
    long = b"X" + struct.pack("<I", 5 << 20) + b"a" * (5 << 20) + b"0"
    assert brinery.scan(b"\x80\x02" + long + deed).verdict == "dangerous"


@pytest.mark.parametrize("size", [0, 100 << 10, 300 << 10, 3 << 20])
@pytest.mark.parametrize(
    "deed",
    [
        b"cdatetime\ndate\nX\x01\0\0\0a\x85R.",
        b"carray\narray\nX\x01\0\0\0d]\x86R.",
        b"czoneinfo\nZoneInfo\nX\x04\0\0\0../a\x85R.",
        b"cdatetime\ndate\nC\x04\x07\xe4\x01\x01\x85R.",
    ],
)
def test_what_is_clean_loads_under_the_shipped_policies(size: int, deed: bytes) -> None:
    data = b"\x80\x03X" + struct.pack("<I", size) + b"a" * size + b"0" + deed
    try:
        brinery.loads(data, policy="stdlib")
        loads = True
    except brinery.PolicyError:
        loads = False
    assert (brinery.scan(data).verdict == "clean") == loads


def test_what_reads_a_file_is_found_in_large_streams() -> None:
    long = b"X" + struct.pack("<I", 5 << 20) + b"a" * (5 << 20) + b"0"
    deed = b"cxml.etree.ElementTree\nElementTree\nNX\x0b\0\0\0/etc/passwd\x86R."
    assert brinery.scan(b"\x80\x02" + long + deed).verdict == "dangerous"


def test_lines_of_digests_are_left_alone() -> None:
    dice = random.Random(1)
    lines = "\n".join(dice.randbytes(32).hex() for _ in range(20_000))
    assert brinery.scan(lines.encode()).verdict == "clean"


def test_an_integer_that_comes_again_and_again_is_no_other_one() -> None:
    rows = [{"row": row, "least": -(2**63), "most": 2**63 - 1, "more": 2**64 - 1} for row in range(3000)]
    for protocol in (0, 2, 4):
        assert brinery.scan(pickle.dumps(rows, protocol)).verdict == "clean"
    for sign in (1, -1):
        colliding = [sign * (row * (2**61 - 1) + 7) for row in range(1, 2000)]
        assert brinery.scan(pickle.dumps(colliding)).verdict == "budget"


def test_what_packages_make_when_they_are_loaded_needs_to_be_granted() -> None:
    def text(value: str) -> bytes:
        return b"\x8c" + bytes([len(value)]) + value.encode()

    def named(module: str, name: str) -> bytes:
        return text(module) + text(name) + b"\x93"

    arrow = named("pyarrow.lib", "type_for_alias") + text("large_string") + b"\x85R"
    buffer = named("pyarrow.lib", "py_buffer") + b"C\x03abc\x85R"
    symbol = named("sympy.core.symbol", "Symbol") + text("x") + b"\x85}\x92"
    made = [
        named("pyarrow.lib", "_restore_array") + b"(" + arrow + b"K\x01K\x00K\x00]" + buffer + b"aN]t\x85R",
        named("sympy.functions.elementary.trigonometric", "sin") + symbol + b"\x85\x81",
        named("dill._dill", "_load_type") + text("slice") + b"\x85RK\x01K\x02N\x87R",
        named("frozendict", "frozendict") + b"}\x85R",
    ]
    for stream in made:
        report = brinery.scan(b"\x80\x04" + stream + b".")
        assert report.verdict == "needs", report


def test_evidence_is_given() -> None:
    report = brinery.scan(gzip.compress(b"\x80\x04]cos\nsystem\nU\x04true\x85Ra."))
    (file,) = report.files
    assert (file.path, file.formats, file.verdict) == ("<bytes>", ("gzip",), "dangerous")
    (stream,) = file.streams
    assert (stream.protocol, stream.globals) == (4, ("os.system",))
    named, called = stream.findings
    assert (named.rule, named.offset, named.opcode, named.category) == (
        "forbidden-global",
        3,
        "GLOBAL",
        "execution",
    )
    assert (called.global_name, called.arguments) == ("os.system", '("true",)')
    assert json.loads(report.to_json())["schema"] == "brinery-scan/1"


def test_files_and_folders_are_scanned(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "good.pkl").write_bytes(pickle.dumps([1]))
    (tmp_path / "sub" / "bad.bin").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    report = brinery.scan(tmp_path)
    assert [file.verdict for file in report.files] == ["clean", "dangerous"]
    assert brinery.scan(str(tmp_path / "good.pkl")).verdict == "clean"
    assert len(brinery.scan([tmp_path, tmp_path / "good.pkl"]).files) == 3
    assert brinery.scan(tmp_path / "missing").verdict == "unreadable"


def test_nothing_is_imported(tmp_path: Path) -> None:
    (tmp_path / "surprise.py").write_text("raise SystemExit('imported')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import brinery; print(brinery.scan(b'csurprise\\nX\\n)R.').verdict)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("needs", "dangerous")


def test_a_scan_sees_what_the_loader_resolves() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.scan.parity", "--inputs", "5000", "--seed", "1"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stdout + done.stderr


def archive_of_torch(
    memory: bytes = b"T\xff\xff\xff\x7f" + bytes(3), long: dict[str, int] | None = None
) -> bytes:
    """Return an archive as torch writes it: with a long record at its end though all fits into the short one."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": 1}, 2))
        archive.writestr("archive/data/0", memory)
    data = file.getvalue()
    end = data.rindex(b"PK\5\6")
    count, size, start = struct.unpack_from("<HII", data, end + 10)
    said = {"size": size, "start": start, **(long or {})}
    record = b"PK\6\6" + struct.pack(
        "<QHHIIQQQQ", 44, 30, 45, 0, 0, count, count, said["size"], said["start"]
    )
    locator = b"PK\6\7" + struct.pack("<IQI", 0, end, 1)
    return data[:end] + record + locator + data[end:]


def test_archives_of_torch(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(archive_of_torch())
    assert str(brinery.scan(path).verdict) == "clean"
    # Readers that trust the one record or the other see different members.
    path.write_bytes(archive_of_torch(long={"size": 0}))
    assert str(brinery.scan(path).verdict) == "ambiguous"
    # What is no memory, or does something, is told all the same.
    path.write_bytes(archive_of_torch(memory=b"\x80\x02cos\nsystem\nX\4\0\0\0true\x85R."))
    assert str(brinery.scan(path).verdict) == "dangerous"


def test_what_has_no_known_effect_is_not_dangerous() -> None:
    def text(value: str) -> bytes:
        return b"\x8c" + bytes([len(value)]) + value.encode()

    def named(module: str, name: str) -> bytes:
        return text(module) + text(name) + b"\x93"

    logger = named("logging", "getLogger") + text("app") + b"\x85R"
    taken = named("builtins", "getattr") + logger
    code = named("cloudpickle.cloudpickle", "_make_function")
    function = (
        code + b"(" + named("cloudpickle.cloudpickle", "_builtin_type") + text("CodeType") + b"\x85R)RN}NNtR"
    )
    module = (
        b"("
        + text("module")
        + named("torch.nn.modules.linear", "Linear")
        + text("a.py")
        + text("class")
        + b"tQ)\x81"
    )
    needs = [
        taken + text("info") + b"\x86R",
        named("deepdiff.helper", "_resolve_notpresent") + b")R",
        named("astropy.wcs.wcs", "__WCS_unpickle__") + b"}\x85R",
        named("whenever", "_unpkl_date") + b"C\x01a\x85R",
        named("re", "sub"),
        function + b"}" + text("__kwdefaults__") + b"}" + text("k") + b"K\x01ssb",
        module,
        named("types", "MappingProxyType") + b"}\x85R",
    ]
    for stream in needs:
        report = brinery.scan(b"\x80\x04" + stream + b".")
        assert report.verdict == "needs", report
    dangerous = [
        taken + text("addHandler") + b"\x86R",
        taken + text("info") + b"\x86R" + text("x") + b"\x85R",
        named("deepdiff.helper", "_resolve_notpresent") + text("os.system") + b"\x85R",
        named("deepdiff.helper", "_main") + b")R",
        named("re", "sub") + text("a") + text("b") + text("a" * 30) + b"\x87R",
        function + b"}" + text("__code__") + b"Nsb",
        named("numpy", "memmap") + text("effect") + text("f4") + text("w+") + b"\x87R",
        named("numpy", "memmap") + text("effect") + text("f4") + text("w+") + b"\x87\x81",
    ]
    for stream in dangerous:
        report = brinery.scan(b"\x80\x04" + stream + b".")
        assert report.verdict == "dangerous", report


@pytest.mark.parametrize(
    "nest",
    [
        lambda count: b")" + b"\x85" * count,
        lambda count: b")" + b"\x85\x94" * count,
        lambda count: b")" + b"K\x01\x86" * count,
        lambda count: b"(" * count + b"K\x01" + b"t" * count,
        lambda count: b")" + b"2\x86" * count,
        lambda count: b"(" * count + b"\x91" * count,
    ],
    ids=["single", "memoised", "pairs", "marked", "doubled", "frozensets"],
)
def test_nested_tuples_are_not_walked_for_each(nest: Callable[[int], bytes]) -> None:
    count = 200_000

    def seconds(stream: bytes) -> float:
        begun = time.process_time()
        brinery.scan(stream)
        return time.process_time() - begun

    nested = b"\x80\x04" + nest(count) + b"."
    lists = b"\x80\x04" + b"]" * count + b"a" * (count - 1) + b"."
    assert min(seconds(nested) for _ in range(3)) < 15 * min(seconds(lists) for _ in range(3)) + 0.05

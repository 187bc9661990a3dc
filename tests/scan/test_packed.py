"""Pickles that a program unpacks before it loads them: out of values of other pickles, of dumps and of text."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import pickle
import quopri
import struct
import zlib
from pathlib import Path
from typing import Callable

import pytest

import brinery

#: One whose Base64 ends without padding, and one that has no ``PROTO``.
ATTACK = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.."[:-1] + b"\x00\x00"
_ZODB_CLASS = b"\x80\x03cpersistent.mapping\nPersistentMapping\n."
BARE = b"cos\nsystem\n(S'true'\ntR."


def _redis(value: bytes) -> bytes:
    """Return a dump of Redis with a hash as RQ has one for a job."""
    length = bytes([0x40 | len(value) >> 8, len(value) & 0xFF])
    return b"REDIS0011\xfe\x00\xfb\x01\x00\x04\x03job\x01\x04data" + length + value + b"\xff" + bytes(8)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _lines(text: str) -> str:
    return "\n    ".join(text[at : at + 60] for at in range(0, len(text), 60))


def _zodb(beside: bytes, *records: bytes) -> bytes:
    """Return a file storage of ZODB with one transaction."""
    written = b"".join(bytes(34) + struct.pack(">Q", len(record)) + record for record in records)
    rest = b" " + struct.pack(">HHH", 4, 0, len(beside)) + b"user" + beside + written
    length = struct.pack(">Q", 16 + len(rest))
    return b"FS30" + bytes(8) + length + rest + length


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip in bytes": lambda data: pickle.dumps({"cached": gzip.compress(data)}, 4),
    "zlib in bytes": lambda data: pickle.dumps({"cached": zlib.compress(data)}, 2),
    "as bytes": lambda data: pickle.dumps([data], 4),
    "the state of a record of ZODB": lambda data: _zodb(b"", _ZODB_CLASS + data),
    "zlib in a record of ZODB": lambda data: _zodb(b"", b".z" + zlib.compress(_ZODB_CLASS + data)),
    "what is beside a transaction of ZODB": lambda data: _zodb(data, _ZODB_CLASS + pickle.dumps({}, 3)),
    "zlib in a dump of Redis": lambda data: _redis(zlib.compress(data)),
    "text in a dump of Redis": lambda data: _redis(_text(data).encode()),
    "a column without padding": lambda data: (
        f"id,blob\n1,{_text(data + bytes(-len(data) % 3))}\n2,x\n".encode()
    ),
    "indented lines": lambda data: f"key: |\n    {_lines(_text(data * 3))}\nend: 1\n".encode(),
    "compressed text in JSON": lambda data: json.dumps({"s": _text(zlib.compress(data))}).encode(),
}


def _uu(data: bytes) -> bytes:
    return b"".join(binascii.b2a_uu(data[at : at + 45]) for at in range(0, len(data), 45))


CODECS: dict[str, Callable[[bytes], bytes]] = {
    "Base64": base64.b64encode,
    "Base64 for addresses": base64.urlsafe_b64encode,
    "Base64 in short lines": lambda data: b"\n".join(
        base64.b64encode(data)[at : at + 20] for at in range(0, 2 * len(data), 20)
    ),
    "Base64 with blanks": lambda data: b" ".join(
        base64.b64encode(data)[at : at + 3] for at in range(0, 2 * len(data), 3)
    ).strip(),
    "Base64 twice": lambda data: base64.b64encode(base64.b64encode(data)),
    "Base32": base64.b32encode,
    "Base32 in small letters": lambda data: base64.b32encode(data).lower(),
    "hexadecimal": lambda data: data.hex().encode(),
    "hexadecimal with colons": lambda data: data.hex(":").encode(),
    "numbers": lambda data: json.dumps(list(data)).encode(),
    "numbers as in C": lambda data: b", ".join(b"0x%02x" % byte for byte in data),
    "Ascii85": base64.a85encode,
    "Ascii85 in a frame": lambda data: base64.a85encode(data, adobe=True),
    "Ascii85 in lines": lambda data: base64.a85encode(data, wrapcol=40),
    "Base85": base64.b85encode,
    "gzip in Base85": lambda data: base64.b85encode(gzip.compress(data)),
    "uuencode": _uu,
    "uuencode in a file": lambda data: b"begin 644 x\n" + _uu(data) + b" \nend\n",
    "quoted-printable": quopri.encodestring,
    "percents": lambda data: b"".join(b"%%%02X" % byte for byte in data),
    "octal escapes": lambda data: b"".join(b"\\%03o" % byte for byte in data),
    "entities": lambda data: b"".join(b"&#%d;" % byte for byte in data),
    "repr": lambda data: repr(data).encode(),
}
AROUND: dict[str, Callable[[str], bytes]] = {
    "a file": lambda text: text.encode("latin-1"),
    "a file of two bytes a character": lambda text: text.encode("utf-16"),
    "JSON": lambda text: json.dumps({"id": 7, "body": text}).encode(),
    "a pickle": lambda text: pickle.dumps({"session": text}, 4),
    "a pickle of protocol 0": lambda text: pickle.dumps({"session": text}, 0),
    "bytes in a pickle": lambda text: pickle.dumps([text.encode("latin-1")], 4),
}
PROTO = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("data", [PROTO, BARE, zlib.compress(BARE)], ids=["with PROTO", "without", "zlib"])
def test_codecs_that_write_bytes_as_text(codec: str, data: bytes, around: str) -> None:
    text = CODECS[codec](data).decode("latin-1")
    assert brinery.scan(AROUND[around](text)).verdict == "dangerous"


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("codec", CODECS)
def test_what_is_honest_in_a_codec_is_not_flagged(codec: str, around: str, tmp_path: Path) -> None:
    data = pickle.dumps({"user": "ann", "id": 7, "when": [1.5, b"abc"], "tags": ["a", "b"]}, 4)
    for value in (data, b"The quick brown fox jumps over the lazy dog."):
        file = tmp_path / "file"
        file.write_bytes(AROUND[around](CODECS[codec](value).decode("latin-1")))
        assert not brinery.scan(file).flagged, value


@pytest.mark.parametrize("sign", ["0x", "0X", "x'", "\\\\x", "\\x"])
@pytest.mark.parametrize("data", [PROTO, BARE, zlib.compress(BARE)], ids=["with PROTO", "without", "zlib"])
def test_hexadecimal_as_databases_dump_it(data: bytes, sign: str) -> None:
    for row in ("(1,{}{},'a'),", "1\t{}{}\t2025\n", "INSERT INTO t VALUES ({}{});\n"):
        assert brinery.scan(row.format(sign, data.hex()).encode()).verdict == "dangerous"
        honest = pickle.dumps({"user": "ann"}).hex()
        assert not brinery.scan(row.format(sign, honest).encode()).flagged


#: What has no mark of a pickle from its first byte on: one that takes memory, and one whose names come late.
MARKLESS = {"a bomb": b"Np2000000000\n.", "names at the end": b"N0]0Vabc\n0" + BARE}
#: Those in which words are written as well: what is in them has to begin as a pickle.
WORDLIKE = {
    "Base64 in short lines",
    "Base64 with blanks",
    "Base64 twice",
    "numbers",
    "hexadecimal with colons",
    "Ascii85",
    "Ascii85 in lines",
    "Base85",
    "uuencode",
    "quoted-printable",
    "percents",
}


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("codec", sorted(CODECS.keys() - WORDLIKE))
@pytest.mark.parametrize("data", MARKLESS)
def test_a_pickle_without_a_mark_in_a_codec(codec: str, data: str, around: str) -> None:
    text = CODECS[codec](MARKLESS[data]).decode("latin-1")
    assert brinery.scan(AROUND[around](text)).flagged
    if codec.startswith(("Base64", "Base32", "hexa")):
        assert brinery.scan(AROUND[around]("v1|" + text)).flagged


def test_an_amount_of_memory_in_a_codec() -> None:
    for opcode in (b"\x96", b"\x8e", b"\x8d"):
        text = base64.b64encode(b"\x80\x05" + opcode + struct.pack("<Q", 1 << 33)).decode()
        assert brinery.scan(json.dumps({"session": text}).encode()).verdict == "budget"
        assert brinery.scan(pickle.dumps({"session": text}, 4)).verdict == "budget"


def test_classes_of_packages_are_values(tmp_path: Path) -> None:
    def made(module: str, name: str) -> bytes:
        return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b")\x81}U\x04textU\x01xsb."

    for module, name in [
        ("IPython.core.display", "HTML"),
        ("unittest.case", "FunctionTestCase"),
        ("doctest", "Example"),
        ("pyclbr", "Class"),
        ("pygame.rect", "Rect"),
    ]:
        assert brinery.scan(made(module, name)).verdict in ("clean", "needs"), module
    rect = b"\x80\x02cpygame\n__rect_constructor\n(K\x01K\x02tR."
    assert brinery.scan(rect).verdict == "needs"
    path = b"\x80\x02csphinx.util._pathlib\n_StrPath\nU\x01/U\x03tmp\x86R."
    assert brinery.scan(path).verdict == "needs"
    # Their functions are there for anybody to call.
    for module, name in [("IPython", "start_ipython"), ("setuptools.sandbox", "DirectorySandbox")]:
        assert brinery.scan(made(module, name)).verdict == "dangerous", module


def test_a_number_of_a_decimal_may_have_any_exponent() -> None:
    number = b"cdecimal\nDecimal\nX\x0b\x00\x00\x001e999999999\x85R"
    assert brinery.scan(b"\x80\x02cbuiltins\nint\n" + number + b"\x85R.").verdict == "budget"


@pytest.mark.parametrize("claim", [b"\x8e" + bytes([0, 0, 0, 0, 0, 1, 0, 0]), b"B\xff\xff\xff\x7f"])
@pytest.mark.parametrize("before", [b"HEAD\x01\x02", b"PK\x05\x06" + bytes(18)])
def test_a_huge_length_after_a_prefix(before: bytes, claim: bytes) -> None:
    assert brinery.scan(before + b"\x80\x04" + claim).verdict == "budget"


def test_text_that_begins_with_a_letter_that_is_an_opcode(tmp_path: Path) -> None:
    for text in (
        b"The quick brown fox jumps",
        b"Xenophon marched with his men",
        b"Before all else, be armed",
    ):
        for ending, verdict in {"txt": "clean", "pkl": "budget"}.items():
            file = tmp_path / f"file.{ending}"
            file.write_bytes(text)
            assert brinery.scan(file).verdict == verdict


def test_very_many_strings_before_the_one_that_matters() -> None:
    decoys = [f"gASV{n:08}AAAA" for n in range(20_000)]
    assert brinery.scan(pickle.dumps([*decoys, _text(PROTO)], 4)).verdict == "dangerous"


def test_attributes_that_cannot_be_called_are_no_hooks() -> None:
    def font(value: bytes) -> bytes:
        return b"\x80\x02cshop.styles\nFont\n)\x81}U\x06extend" + value + b"sb."

    assert brinery.scan(font(b"N")).verdict == "needs"
    assert brinery.scan(font(b"cos\nsystem\n")).verdict == "dangerous"
    assert brinery.scan(font(b"cshop\nOrder\n")).verdict == "dangerous"


def test_kinds_of_text_do_nothing_with_what_they_are_given() -> None:
    def made(name: bytes) -> bytes:
        return b"\x80\x02cpandas.terms\n" + name + b"\nX\x0c\x00\x00\x00http://x.org\x85R."

    assert brinery.scan(made(b"URIRef")).verdict == "needs"
    assert brinery.scan(made(b"Reader")).verdict == "dangerous"


def test_a_mark_far_before_what_it_belongs_to() -> None:
    assert brinery.scan(b"HEAD\x01\x02(S'true'\nios\nsystem\n.").verdict == "dangerous"


@pytest.mark.parametrize("how", PACKED)
@pytest.mark.parametrize("data", [ATTACK, BARE], ids=["with PROTO", "without"])
def test_what_is_packed_is_found(how: str, data: bytes) -> None:
    report = brinery.scan(PACKED[how](data))
    assert report.verdict == "dangerous", report


@pytest.mark.parametrize("protocol", [4, 5])
@pytest.mark.parametrize("compressed", [False, True])
def test_text_in_a_pickle_that_is_one(protocol: int, compressed: bool) -> None:
    data = zlib.compress(ATTACK) if compressed else ATTACK
    assert brinery.scan(pickle.dumps({"session": _text(data)}, protocol)).verdict == "dangerous"


@pytest.mark.parametrize("how", PACKED)
def test_what_is_honest_is_not_flagged(how: str) -> None:
    data = pickle.dumps({"user": "cos\nsystem\n", "id": 7, "tags": ["a", "b"]}, 4)
    assert not brinery.scan(PACKED[how](data)).flagged


def test_a_bomb_after_a_prefix() -> None:
    bomb = b"\x80\x04cbuiltins\nbytearray\n(\x8a\x08\0\0\0\0\4\0\0\0tR."
    assert brinery.scan(b"HEAD\x01\x02" + bomb).verdict == "budget"


@pytest.mark.parametrize(
    ("module", "name", "argument", "verdict"),
    [
        # Who has no such class cannot know that the word is a path.
        ("shop.models", "Size", "large", "needs"),
        ("intervaltree.interval", "Interval", "a", "needs"),
        ("shop.models", "make_class", "Order", "needs"),
        ("shop.tools", "run", "rm -r /", "dangerous"),
        ("shop.tools", "load", "../../etc/passwd", "dangerous"),
        ("shop.tools", "find", "os.system", "dangerous"),
        ("diskcache", "Cache", "/tmp/x", "dangerous"),
        ("jinja2", "Template", "x", "dangerous"),
    ],
)
def test_words_are_no_danger_and_what_looks_like_more_is(
    module: str, name: str, argument: str, verdict: str
) -> None:
    text = argument.encode()
    call = b"\x80\x04c" + f"{module}\n{name}\n".encode() + b"\x8c" + bytes([len(text)]) + text + b"\x85R."
    assert brinery.scan(call).verdict == verdict


def test_a_class_that_the_programs_own_function_makes_needs_to_be_granted() -> None:
    made = b"\x80\x04cshop\nmake_class\n\x8c\x05Order\x85R)\x81}\x8c\x01aK\x01sb."
    assert brinery.scan(made).verdict == "needs"


def test_methods_that_only_look_are_no_way_into_an_object() -> None:
    def attribute(name: str) -> bytes:
        return (
            b"\x80\x04cbuiltins\ngetattr\ncshop\nOrder\n)\x81\x8c"
            + bytes([len(name)])
            + name.encode()
            + b"\x86R."
        )

    assert brinery.scan(attribute("__hash__")).verdict == "needs"
    assert brinery.scan(attribute("__globals__")).verdict == "dangerous"


def test_the_second_pickle_of_a_record_may_fetch_from_the_first() -> None:
    state = b"\x80\x03}X\x04\x00\x00\x00nameh\x00s."
    report = brinery.scan(_zodb(b"", b"\x80\x03cshop\nOrder\nq\x00.", state))
    assert report.verdict == "malformed"
    report = brinery.scan(_zodb(b"", b"\x80\x03cshop\nOrder\nq\x00." + state))
    assert report.verdict == "needs"
    attack = b"\x80\x03h\x00X\x04\x00\x00\x00true\x85R."
    assert brinery.scan(_zodb(b"", b"\x80\x03cos\nsystem\nq\x00." + attack)).verdict == "dangerous"


@pytest.mark.parametrize("codec", ["Base64", "Base32", "hexadecimal", "Base85", "uuencode"])
def test_a_bomb_of_few_bytes(codec: str) -> None:
    bomb = b"\x80\x04Nr\xff\xff\xff\x7f."
    assert brinery.scan(CODECS[codec](bomb)).verdict == "budget"
    assert brinery.scan(json.dumps({"a": CODECS[codec](bomb).decode()}).encode()).verdict == "budget"


def test_a_quote_that_is_a_digit_hides_no_line() -> None:
    line = '>8V]S"G!O<&5N"BA3)W1O=6-H(&5F9F5C="<*=%(N\n'
    for text in (f'{{"s": "{line}"}}', json.dumps({"s": line})):
        assert brinery.scan(text.encode()).verdict == "dangerous"


def test_a_fraction_of_what_may_have_any_exponent() -> None:
    number = b"cdecimal\nDecimal\n\x8c\x0a1e99999999\x85R"
    assert brinery.scan(b"\x80\x04cfractions\nFraction\n" + number + b"\x85R.").verdict == "budget"

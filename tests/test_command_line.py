"""``python -m brinery``: the native command line on the process's own files."""

from __future__ import annotations

import os
import pathlib
import pickle
import subprocess
import sys
from typing import Any

import pytest

from brinery import _brinery


def brinery(*args: Any, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a command."""
    return subprocess.run([sys.executable, "-m", "brinery", *args], capture_output=True, **options)


def test_it_shows_what_is_inside(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "thing.pkl"
    path.write_bytes(pickle.dumps({"numbers": [1, 2.5, 10**30]}, 4))
    done = brinery("show", path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.splitlines()[-1].decode() == "└─ 'numbers': [1, 2.5, 1000000000000000000000000000000]"
    assert brinery("show", "-", input=path.read_bytes()).stdout == done.stdout


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.pkl", None, "no such file"),
        (".", None, "is a directory"),
        ("empty.pkl", b"", "the file is empty"),
        ("notes.txt", b"Hello", "not a pickle: it starts with byte 0x48 ('H')"),
        ("cut.pkl", pickle.dumps([1, "two"], 2)[:11], "pickle data was truncated at offset 8"),
        ("cut.pkl.gz", b"\x1f\x8b\x08\x00", "cannot unpack the gzip"),
    ],
    ids=["missing", "directory", "empty", "text", "truncated", "truncated gzip"],
)
@pytest.mark.parametrize("command", ["show", "json", "stat"])
def test_bad_input_gets_one_line(
    tmp_path: pathlib.Path, command: str, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = brinery(command, name, cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith(f"error: {name}: {message}")


def test_what_a_pickle_names_is_not_called(tmp_path: pathlib.Path) -> None:
    (tmp_path / "evil.pkl").write_bytes(b"cos\nmkdir\n(S'made'\ntR.")
    for command in ("dis", "show", "json", "stat", "optimize"):
        assert brinery(command, "evil.pkl", cwd=tmp_path).returncode == 0
    assert brinery("diff", "evil.pkl", "evil.pkl", cwd=tmp_path).returncode == 0
    assert os.listdir(tmp_path) == ["evil.pkl"]


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "large.pkl"
    path.write_bytes(pickle.dumps(list(range(300_000)), 4))
    command = [sys.executable, "-m", "brinery", "dis", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().split() == [b"offset", b"bytes", b"stack", b"opcode"]
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_what_python_has_printed_comes_first() -> None:
    program = (
        "import sys; from brinery import _brinery;"
        "sys.stdout.write('before '); code = _brinery.cli_main(['version']); print('after', code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    words = done.stdout.split()
    assert words[:2] == [b"before", b"brinery"]
    assert words[-2:] == [b"after", b"0"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow only text as names")
def test_a_name_may_be_any_bytes(tmp_path: pathlib.Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff.pkl"
    with open(name, "wb") as file:
        pickle.dump(1, file)
    assert brinery("show", name).stdout.splitlines()[-1] == b"1"


def test_arguments_are_text() -> None:
    with pytest.raises(TypeError, match="an argument must be str, not int"):
        _brinery.cli_main([1])
    with pytest.raises(TypeError, match="not iterable"):
        _brinery.cli_main(None)

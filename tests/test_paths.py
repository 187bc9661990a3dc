"""Files that are named by a path: read from the system's own memory, and replaced only by what is whole."""

import errno
import io
import os
import pathlib
import pickle
import re
import stat
import subprocess
import sys
import threading

import pytest

import brinery

# Large enough to be mapped into memory.
LARGE = {"text": "x" * 300_000, "numbers": list(range(50_000)), "bytes": bytes(range(256)) * 12_000}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.pickle"


def only(path):
    """Whether a file is the only one in its folder: nothing temporary is left."""
    return os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("name", [str, pathlib.Path, lambda path: os.scandir(path.parent).__next__()])
@pytest.mark.parametrize("obj", [LARGE, {"small": 1}, None])
def test_what_is_saved_is_loaded(path, name, obj):
    brinery.dump(obj, path)
    assert brinery.load(name(path)) == obj
    assert path.read_bytes() == pickle.dumps(obj) == brinery.dumps(obj)
    assert only(path)


@pytest.mark.parametrize("protocol", range(6))
def test_arguments_are_those_for_open_files(path, protocol):
    brinery.dump(LARGE, file=path, protocol=protocol, fix_imports=False)
    assert brinery.load(file=str(path), fix_imports=False) == LARGE
    open_file = io.BytesIO()
    pickle.dump(LARGE, open_file, protocol, fix_imports=False)
    assert path.read_bytes() == open_file.getvalue()
    with pytest.raises(TypeError, match=re.escape("load() got an unexpected keyword argument 'other'")):
        brinery.load(path, other=1)
    with pytest.raises(TypeError):
        brinery.dump(LARGE, path, protocol, 1, 2, 3)


def test_old_strings_and_buffers_are_taken(path):
    path.write_bytes(b"U\x01\xe9." + b"#" * 300_000)
    assert brinery.load(path, encoding="latin-1") == "é"
    buffers = []
    brinery.dump([pickle.PickleBuffer(b"abc" * 100_000)], path, 5, buffer_callback=buffers.append)
    assert path.stat().st_size < 100
    [loaded] = brinery.load(path, buffers=buffers)
    assert bytes(loaded) == b"abc" * 100_000


def test_damage_has_its_place(path):
    path.write_bytes(brinery.dumps(LARGE)[:-500_000])
    with pytest.raises(pickle.UnpicklingError) as caught:
        brinery.load(path)
    with pytest.raises(pickle.UnpicklingError) as expected:
        brinery.loads(path.read_bytes())
    assert str(caught.value) == str(expected.value)
    assert caught.value.offset == expected.value.offset


def test_a_missing_file_is_said_to_be_missing(path):
    with pytest.raises(FileNotFoundError) as caught:
        brinery.load(path)
    assert caught.value.filename == str(path) or caught.value.filename == path
    with pytest.raises(FileNotFoundError):
        brinery.dump(1, path.parent / "no folder" / "file")
    with pytest.raises(IsADirectoryError):
        brinery.dump(1, path.parent)
    assert os.listdir(path.parent) == []


class Failing:
    def __reduce__(self):
        raise RuntimeError("cannot be saved")


def test_a_dump_that_fails_leaves_the_old_file(path):
    brinery.dump("old", path)
    before = path.stat()
    with pytest.raises(RuntimeError):
        brinery.dump([LARGE, Failing()], path)
    assert brinery.load(path) == "old"
    assert path.stat().st_ino == before.st_ino
    assert only(path)
    path.unlink()
    with pytest.raises(RuntimeError):
        brinery.dump(Failing(), path)
    assert os.listdir(path.parent) == []


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_dump_that_is_killed_leaves_the_old_file(path):
    brinery.dump("old", path)
    program = (
        "import brinery, os, signal, sys\n"
        "class Killer:\n"
        "    def __reduce__(self): os.kill(os.getpid(), signal.SIGKILL)\n"
        "brinery.dump([b'x' * 5_000_000, Killer()], sys.argv[1])\n"
    )
    assert subprocess.run([sys.executable, "-c", program, path]).returncode == -9
    assert brinery.load(path) == "old"


def test_the_old_file_is_there_while_the_new_one_is_written(path):
    brinery.dump("old", path)

    class Reader:
        def __reduce__(self):
            seen.append(brinery.load(path))
            return list, ()

    seen = []
    brinery.dump(["x" * 300_000, Reader()], path)
    assert seen == ["old"]
    assert brinery.load(path) == ["x" * 300_000, []]


def test_nothing_has_the_name_before_it_is_on_the_disk(path, monkeypatch):
    calls = []
    for name in ["fsync", "replace"]:
        original = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *args, name=name, call=original: calls.append(name) or call(*args)
        )
    brinery.dump(1, path)
    assert calls[:2] == ["fsync", "replace"]
    assert calls[2:] == (["fsync"] if os.name == "posix" else [])

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        brinery.dump(2, path)
    monkeypatch.undo()
    assert brinery.load(path) == 1
    assert only(path)


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
def test_rights_stay_and_new_files_have_the_usual_ones(path):
    brinery.dump(1, path)
    usual = path.with_name("usual")
    usual.touch()
    assert path.stat().st_mode == usual.stat().st_mode
    path.chmod(0o640)
    brinery.dump(2, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")
def test_links_are_followed(path):
    target = path.with_name("target")
    target.touch()
    path.symlink_to(target.name)
    brinery.dump("through a link", path)
    assert path.is_symlink()
    assert brinery.load(target) == "through a link"


@pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")
def test_pipes_and_devices_are_written_to(path):
    brinery.dump(1, os.devnull)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    os.mkfifo(path)
    writer = threading.Thread(target=brinery.dump, args=(LARGE, path))
    writer.start()
    assert brinery.load(path) == LARGE
    writer.join()
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_open_files_with_a_path_are_files(path):
    class Both(io.BytesIO):
        def __fspath__(self):
            return str(path)

    file = Both()
    brinery.dump("in memory", file)
    file.seek(0)
    assert brinery.load(file) == "in memory"
    assert not path.exists()


@pytest.mark.parametrize("file", [b"name", 1, None, object()])
def test_others_are_no_paths(file):
    with pytest.raises(TypeError):
        brinery.load(file)
    with pytest.raises(TypeError):
        brinery.dump(1, file)

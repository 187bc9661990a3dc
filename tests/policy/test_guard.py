"""Programs behind a policy."""

from __future__ import annotations

import io
import pickle
import shelve
import subprocess
import sys
from pathlib import Path

import pytest

import brinery

ATTACK = b"cos\nsystem\n(S'true'\ntR."


class Own(pickle.Unpickler):
    """An Unpickler of a program, with names and ids of its own."""

    asked: list[tuple[str, str]] = []

    def find_class(self, module: str, name: str) -> object:
        """Take note."""
        self.asked.append((module, name))
        return super().find_class(module, name)

    def persistent_load(self, pid: object) -> object:
        """Resolve nothing."""
        return ("resolved", pid)


class InPython(pickle._Unpickler):  # type: ignore[misc, name-defined]
    """The same on the engine in Python."""


def test_functions_and_unpicklers_are_behind_the_policy() -> None:
    with brinery.guard.installed("stdlib"):
        assert pickle.loads(pickle.dumps({1: [2]})) == {1: [2]}
        for attempt in (
            lambda: pickle.loads(ATTACK),
            lambda: pickle.load(io.BytesIO(ATTACK)),
            lambda: pickle.Unpickler(io.BytesIO(ATTACK)).load(),
            lambda: pickle._Unpickler(io.BytesIO(ATTACK)).load(),  # type: ignore[attr-defined]
            lambda: Own(io.BytesIO(ATTACK)).load(),
            lambda: InPython(io.BytesIO(ATTACK)).load(),
        ):
            with pytest.raises(brinery.PolicyError):
                attempt()
        assert Own.asked == []


def test_several_pickles_in_one_file() -> None:
    with brinery.guard.installed("data"):
        file = io.BytesIO(pickle.dumps(1) + pickle.dumps([2]) + b"rest")
        assert [pickle.load(file), pickle.load(file), file.read()] == [1, [2], b"rest"]
        with pytest.raises(EOFError):
            pickle.load(io.BytesIO(b""))


def test_a_program_s_own_hooks_are_asked_for_what_is_granted() -> None:
    policy = brinery.Policy("stdlib") | brinery.Policy.from_toml("policy = 1\npersistent = true\n")
    with brinery.guard.installed(policy):
        data = b"\x80\x02(cdatetime\ndate\nU\x04\x07\x17\x0c\x0a\x85RX\x01\x00\x00\x00aQt."
        loaded = Own(
            io.BytesIO(data.replace(b"U\x04\x07\x17\x0c\x0a", b"X\x04\x00\x00\x00\x07\x17\x0c\x0a"))
        ).load()
        assert loaded[1] == ("resolved", "a")
        assert Own.asked.pop() == ("datetime", "date")


def test_shelves(tmp_path: Path) -> None:
    with shelve.open(str(tmp_path / "s")) as shelf:
        shelf["a"] = [1]
    with brinery.guard.installed("data"), shelve.open(str(tmp_path / "s")) as shelf:
        assert shelf["a"] == [1]


def test_everything_is_given_back() -> None:
    stock = (pickle.loads, pickle.Unpickler, Own)
    with brinery.guard.installed("data"):
        assert pickle.loads is not stock[0]
    assert (pickle.loads, pickle.Unpickler, Own) == stock


def test_unmodified_programs(tmp_path: Path) -> None:
    program = tmp_path / "app.py"
    program.write_text(
        f"import pickle\nprint(pickle.loads({pickle.dumps([1])!r}))\npickle.loads({ATTACK!r})\n"
    )
    for policy in ("--policy", "stdlib"), ("--policy=stdlib",):
        done = subprocess.run(
            [sys.executable, "-m", "brinery", "run", *policy, str(program)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == "[1]\n", done.stderr
        assert "PolicyError: the policy does not know os.system" in done.stderr
    wrong = subprocess.run(
        [sys.executable, "-m", "brinery", "run", "--policy", "nothing", str(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert wrong.returncode == 2
    assert len(wrong.stderr.splitlines()) == 1


def test_unpicklers_of_brinery() -> None:
    file = io.BytesIO(pickle.dumps(1) + ATTACK)
    unpickler = brinery.Unpickler(file, policy="stdlib")
    assert unpickler.load() == 1
    with pytest.raises(brinery.PolicyError):
        unpickler.load()

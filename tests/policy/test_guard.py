"""Programs behind a policy."""

from __future__ import annotations

import contextlib
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


class Attack:
    """What does something when it is loaded."""

    def __reduce__(self) -> object:
        return exec, ("open('attacked', 'w')",)


def test_files_of_joblib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    joblib, np = pytest.importorskip("joblib"), pytest.importorskip("numpy")
    monkeypatch.chdir(tmp_path)
    value = {
        "numbers": np.arange(12.0).reshape(3, 4),
        "fortran": np.asfortranarray(np.ones((2, 3))),
        "texts": np.array(["ab", "c"]),
        "dates": np.array(["2020"], "M8[D]"),
        "fields": np.zeros(2, [("a", "i4"), ("b", "f8", (2,))]),
        "objects": np.array([None, {"x": [1]}], object),
        "none": np.array([]),
        "one": np.array(3),
        "plain": [1, "text"],
    }
    hostile = {"a": np.ones(3), "b": Attack()}, np.array([Attack()], object), Attack()
    for compress in (0, 3, ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3)):
        for protocol in (2, 3, 4, 5):
            saved = {key: item for key, item in value.items() if protocol > 2 or key != "objects"}
            joblib.dump(saved, "good", compress=compress, protocol=protocol)
            stock = joblib.load("good")
            with brinery.guard.installed("numpy"):
                again = joblib.load("good")
            assert list(again) == list(stock)
            for key, item in stock.items():
                assert type(again[key]) is type(item)
                assert pickle.dumps(again[key]) == pickle.dumps(item), key
        for attack in hostile:
            joblib.dump(attack, "bad", compress=compress)
            with brinery.guard.installed("numpy"), pytest.raises(brinery.PolicyError):
                joblib.load("bad")
    joblib.dump(value, "good")
    with brinery.guard.installed("numpy"):
        assert (joblib.load("good", mmap_mode="r")["numbers"] == value["numbers"]).all()
        with pytest.raises(ValueError, match="cannot be changed"):
            joblib.load("good", mmap_mode="r+")
    assert not Path("attacked").exists()


def test_damaged_files_of_joblib() -> None:
    joblib, np = pytest.importorskip("joblib"), pytest.importorskip("numpy")
    file = io.BytesIO()
    joblib.dump([np.arange(20.0), np.array(["a"]), {"k": np.array([None], object)}], file)
    data = file.getvalue()
    with brinery.guard.installed("numpy"):
        for place in range(len(data)):
            for damaged in (data[:place], data[:place] + bytes([data[place] ^ 0x5A]) + data[place + 1 :]):
                with contextlib.suppress(brinery.PolicyError, EOFError):
                    joblib.load(io.BytesIO(damaged))


def test_files_of_numpy_and_pandas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np, pd = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    endings = ["pkl", "pkl.gz", "pkl.bz2", "pkl.xz", "pkl.zip", "pkl.tar"]
    for ending in endings:
        frame.to_pickle(f"good.{ending}")
        pd.to_pickle(pd.DataFrame({"a": [Attack()]}, dtype=object), f"bad.{ending}")
    np.save("good.npy", np.array([None, 1], object))
    np.savez("good.npz", a=np.ones(2), b=np.array([None], object))
    np.save("bad.npy", np.array([Attack()], object))
    np.savez("bad.npz", a=np.ones(2), b=np.array([Attack()], object))
    with brinery.guard.installed("pandas"):
        for ending in endings:
            pd.testing.assert_frame_equal(pd.read_pickle(f"good.{ending}"), frame)
            with pytest.raises(brinery.PolicyError):
                pd.read_pickle(f"bad.{ending}")
        assert np.load("good.npy", allow_pickle=True)[1] == 1
        assert np.load("good.npz", allow_pickle=True)["b"][0] is None
        with pytest.raises(brinery.PolicyError):
            np.load("bad.npy", allow_pickle=True)
        with pytest.raises(brinery.PolicyError):
            np.load("bad.npz", allow_pickle=True)["b"]
    assert not Path("attacked").exists()


def test_files_that_unpack_to_very_much(tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"\x80\x04")
        for _ in range(300):
            file.write(bytes(1 << 20))
    with (
        brinery.guard.installed("data"),
        gzip.open(path) as file,
        pytest.raises(brinery.PolicyError) as refusal,
    ):
        pickle.load(file)
    assert refusal.value.rule == "budget.memory"


def test_queues_between_processes() -> None:
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    with brinery.guard.installed("stdlib"):
        queue = context.SimpleQueue()
        queue.put([1, 2])
        assert queue.get() == [1, 2]
        queue.put(Attack())
        with pytest.raises(brinery.PolicyError):
            queue.get()


def test_it_is_put_and_taken_back_often() -> None:
    before = len(pickle._Unpickler.__subclasses__())  # type: ignore[attr-defined]
    for _ in range(12):
        with brinery.guard.installed("data"):

            class Later(pickle.Unpickler):
                """Made while the guard is there."""

            globals()["Later"] = Later
        kept = globals()["Later"]
        assert kept is not Later
        assert issubclass(kept, pickle.Unpickler)
        assert kept(io.BytesIO(pickle.dumps(Own))).load() is Own
    del globals()["Later"]
    # Each time had doubled the classes once.
    assert len(pickle._Unpickler.__subclasses__()) < before + 100  # type: ignore[attr-defined]

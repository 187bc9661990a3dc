"""Sealing from Python: what is sealed opens, what is not as it was sealed is refused, and secrets are not shown."""

from __future__ import annotations

import copy
import datetime
import gc
import io
import os
import pickle
import stat
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import brinery
from brinery import Key, KeyRing, SealError, dump, dumps, load, loads, seal, unseal

ALGORITHMS = ["hmac-sha256", "blake3", "ed25519", "xchacha20-poly1305"]
VECTORS = Path(__file__).parents[1] / "crates" / "brinery-seal" / "tests" / "vectors"
NOW = 1_790_000_000
CHEAP = (8192, 1, 1)


def key_for(algorithm: str) -> Key:
    if algorithm == "password":
        return Key.from_password("correct horse", cost=CHEAP)
    return Key.generate(algorithm, id="k1")


@pytest.fixture(params=[*ALGORITHMS, "password"])
def key(request: pytest.FixtureRequest) -> Key:
    return key_for(request.param)


def reason(call: Callable[[], Any]) -> str:
    with pytest.raises(SealError) as caught:
        call()
    assert isinstance(caught.value, ValueError)
    return caught.value.reason


def test_data_come_back(key: Key) -> None:
    for length in (0, 1, 1000, 65536, 65537, 300_000):
        data = os.urandom(length)
        for buffer in (data, bytearray(data), memoryview(data)):
            sealed = seal(buffer, key, purpose="test")
            assert type(sealed) is bytes
            assert unseal(sealed, key, purpose="test") == data
        assert unseal(bytearray(sealed), key, purpose="test") == data


def test_what_is_altered_is_refused(key: Key) -> None:
    sealed = seal(b"content", key, purpose="test")
    step = 7 if key.algorithm == "password" else 1
    for position in range(0, len(sealed), step):
        altered = bytearray(sealed)
        altered[position] ^= 1
        reason(lambda altered=altered: unseal(altered, key, purpose="test"))
        short = sealed[:position]
        assert reason(lambda short=short: unseal(short, key, purpose="test")) == "truncated"
    assert reason(lambda: unseal(sealed + b".", key, purpose="test")) == "trailing-data"
    assert reason(lambda: unseal(sealed, key, purpose="text")) == "wrong-purpose"
    assert reason(lambda: unseal(b"content", key, purpose="test")) == "not-sealed"


def test_objects_are_sealed_and_loaded(key: Key) -> None:
    thing = {"numbers": list(range(1000)), "text": "é" * 100_000, "big": bytes(200_000)}
    data = dumps(thing, key=key, purpose="test")
    assert loads(data, key=key, purpose="test") == thing
    assert unseal(data, key, purpose="test") == dumps(thing)
    file = io.BytesIO()
    for number in range(3):
        dump([number, thing], file, key=key, purpose="test", protocol=4)
    file.seek(0)
    for number in range(3):
        assert load(file, key=key, purpose="test") == [number, thing]
    assert file.read() == b""
    file.seek(0)
    assert load(Unpeekable(file.getvalue()), key=key, purpose="test") == [0, thing]
    with pytest.raises((brinery.UnpicklingError, EOFError)):
        loads(data)


def test_paths_are_sealed_and_opened(key: Key, tmp_path: Path) -> None:
    path = tmp_path / "thing.sealed"
    for thing in ([1, 2], bytes(1_000_000)):
        dump(thing, path, key=key, purpose="test")
        assert load(str(path), key=key, purpose="test") == thing
        assert unseal(path.read_bytes(), key, purpose="test") == dumps(thing)
        with pytest.raises((brinery.UnpicklingError, EOFError)):
            load(path)
        with pytest.raises(TypeError):
            load(path, purpose="test")
    before = path.read_bytes()
    with pytest.raises((AttributeError, brinery.PicklingError), match=r"pickle|local object"):
        dump([bytes(100_000), lambda: None], path, key=key, purpose="test")
    assert path.read_bytes() == before
    path.write_bytes(before[:-1])
    assert reason(lambda: load(path, key=key, purpose="test")) == "truncated"
    path.write_bytes(dumps(bytes(1_000_000)))
    assert reason(lambda: load(path, key=key, purpose="test")) == "not-sealed"


class Unpeekable:
    """A file that gives what it is asked for, in pieces."""

    def __init__(self, data: bytes) -> None:
        self.file = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self.file.read(min(size, 10_000))

    def readline(self) -> bytes:
        raise AssertionError("a sealed file has no lines")


class Called:
    calls: list[str] = []

    def __init__(self, text: str) -> None:
        self.text = text

    def __reduce__(self) -> Any:
        return Called.record, (self.text,)

    @staticmethod
    def record(text: str) -> str:
        Called.calls.append(text)
        return text


def test_nothing_is_loaded_before_all_is_verified(key: Key) -> None:
    data = dumps([Called("first"), bytes(300_000)], key=key, purpose="test", protocol=4)
    Called.calls.clear()
    for altered in (data[:-1], data[:-1] + bytes([data[-1] ^ 1])):
        with pytest.raises(SealError):
            loads(altered, key=key, purpose="test")
        with pytest.raises(SealError):
            load(io.BytesIO(altered), key=key, purpose="test")
    assert Called.calls == []
    assert loads(data, key=key, purpose="test")[0] == "first"
    assert Called.calls == ["first"]


def test_a_failed_dump_leaves_no_envelope() -> None:
    key = key_for("blake3")
    file = io.BytesIO()
    with pytest.raises((AttributeError, brinery.PicklingError), match=r"pickle|local object"):
        dump([bytes(100_000), lambda: None], file, key=key, purpose="test")
    assert reason(lambda: unseal(file.getvalue(), key, purpose="test")) == "truncated"


def test_files_that_fail_say_so(key: Key) -> None:
    class Broken(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError("the disk is full")

        def read(self, size: int | None = -1) -> bytes:
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="full"):
        dump([1], Broken(), key=key, purpose="test")
    with pytest.raises(OSError, match="gone"):
        load(Broken(), key=key, purpose="test")

    class Strange(io.BytesIO):
        result: Any = None

        def read(self, size: int | None = -1) -> Any:
            return self.result

    for result, error in ((None, TypeError), ("text", TypeError), (bytes(1000), ValueError)):
        file = Strange()
        file.result = result
        with pytest.raises(error):
            load(file, key=key, purpose="test")
    with pytest.raises(TypeError, match="'write'"):
        dump([1], object(), key=key, purpose="test")
    with pytest.raises(TypeError, match="'read'"):
        load(object(), key=key, purpose="test")


def test_a_file_whose_write_dumps_into_the_same_file_is_stopped() -> None:
    key = key_for("blake3")
    refused = []

    class Reentrant(io.BytesIO):
        writer: Any = None

        def write(self, data: Any) -> int:
            for found in gc.get_objects():
                if type(found).__name__ == "_SealWriter":
                    try:
                        found.write(b"more")
                    except RuntimeError as error:
                        refused.append(str(error))
            return super().write(data)

    file = Reentrant()
    dump([1], file, key=key, purpose="test")
    assert load(io.BytesIO(file.getvalue()), key=key, purpose="test") == [1]
    assert refused


def test_key_and_purpose_go_together() -> None:
    key = key_for("blake3")
    for call in (
        lambda: dumps(1, key=key),
        lambda: dumps(1, purpose="test"),
        lambda: dumps(1, expires=NOW),
        lambda: loads(b"N.", key=key),
        lambda: loads(b"N.", purpose="test"),
        lambda: load(io.BytesIO(b"N."), key=key),
        lambda: dump(1, io.BytesIO(), purpose="test"),
        lambda: seal(b"", key),  # type: ignore[call-arg]
        lambda: unseal(b"", key),  # type: ignore[call-arg]
        lambda: seal(b"", b"key", purpose="test"),  # type: ignore[arg-type]
        lambda: seal(b"", None, purpose="test"),  # type: ignore[arg-type]
        lambda: seal("text", key, purpose="test"),  # type: ignore[arg-type]
        lambda: seal(b"", key, purpose=b"test"),  # type: ignore[arg-type]
        lambda: unseal(b"", [key, key], purpose="test"),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError):
            call()
    assert reason(lambda: seal(b"", key, purpose="")) == "bad-argument"
    assert reason(lambda: seal(b"", key, purpose="a\nb")) == "bad-argument"
    assert reason(lambda: seal(b"", [], purpose="test")) == "no-sealing-key"
    with pytest.raises(UnicodeEncodeError):
        seal(b"", key, purpose="\ud800")
    # As if they were not given.
    assert loads(dumps(1, key=None, purpose=None, expires=None), key=None, purpose=None) == 1


def test_buffers_do_not_travel_beside_what_is_sealed() -> None:
    key = key_for("blake3")
    with pytest.raises(ValueError, match="not sealed"):
        dumps(1, 5, buffer_callback=lambda _: None, key=key, purpose="test")
    with pytest.raises(ValueError, match="not sealed"):
        dump(1, io.BytesIO(), 5, buffer_callback=lambda _: None, key=key, purpose="test")
    data = dumps(1, key=key, purpose="test")
    with pytest.raises(ValueError, match="not sealed"):
        loads(data, key=key, purpose="test", buffers=[b""])
    with pytest.raises(ValueError, match="not sealed"):
        load(io.BytesIO(data), key=key, purpose="test", buffers=[b""])
    assert loads(data, key=key, purpose="test", buffers=()) == 1


def test_time_is_kept(key: Key) -> None:
    utc = datetime.timezone.utc
    moment = datetime.datetime.fromtimestamp(NOW, utc)
    for expires in (
        NOW + 100,
        NOW + 100.9,
        moment + datetime.timedelta(seconds=100),
        datetime.timedelta(seconds=100),
    ):
        sealed = seal(b"content", key, purpose="test", expires=expires, now=NOW)
        assert unseal(sealed, key, purpose="test", now=NOW + 99) == b"content"
        assert unseal(sealed, key, purpose="test", now=moment) == b"content"
        assert reason(lambda sealed=sealed: unseal(sealed, key, purpose="test", now=NOW + 100)) == "expired"
        assert (
            reason(lambda sealed=sealed: unseal(sealed, key, purpose="test", now=NOW - 61)) == "not-yet-valid"
        )
        if key.algorithm == "password":
            break
    assert reason(lambda: seal(b"", key, purpose="test", expires=NOW, now=NOW)) == "bad-argument"
    for wrong in ("soon", [], object()):
        with pytest.raises(TypeError):
            seal(b"", key, purpose="test", expires=wrong)  # type: ignore[arg-type]
    for wrong in (float("nan"), float("inf"), 1e300):
        with pytest.raises(ValueError, match="range"):
            seal(b"", key, purpose="test", expires=wrong)
    old = dumps(1, key=key, purpose="test", expires=datetime.timedelta(seconds=1000))
    assert loads(old, key=key, purpose="test") == 1


def test_the_policy_is_pinned(key: Key) -> None:
    digest = bytes(range(32))
    sealed = seal(b"content", key, purpose="test", policy_digest=digest)
    assert unseal(sealed, key, purpose="test", policy_digest=bytearray(digest)) == b"content"
    assert reason(lambda: unseal(sealed, key, purpose="test", policy_digest=bytes(32))) == "wrong-policy"
    with pytest.raises(ValueError, match="32 bytes"):
        seal(b"", key, purpose="test", policy_digest=b"short")


def test_signatures_are_counted() -> None:
    alice, bob, carol = (Key.generate("ed25519", id=name) for name in ("alice", "bob", "carol"))
    sealed = seal(b"content", [alice, bob], purpose="release")
    ring = KeyRing([alice.public(), bob.public(), carol.public()], signatures=2)
    assert ring.signatures == 2
    assert unseal(sealed, ring, purpose="release") == b"content"
    assert reason(lambda: unseal(sealed, ring, purpose="release", signatures=3)) == "too-few-signatures"
    assert (
        reason(lambda: unseal(seal(b"", alice, purpose="release"), ring, purpose="release"))
        == "too-few-signatures"
    )
    assert unseal(sealed, carol_knows(alice), purpose="release") == b"content"
    assert reason(lambda: seal(b"", ring, purpose="release")) == "no-sealing-key"
    for count in (0, 17, -1):
        with pytest.raises(ValueError, match="16"):
            unseal(sealed, ring, purpose="release", signatures=count)
    ring.revoke("bob")
    assert reason(lambda: unseal(sealed, ring, purpose="release")) == "too-few-signatures"
    assert (
        loads(dumps("x", key=(alice, bob), purpose="release"), key=alice.public(), purpose="release") == "x"
    )


def carol_knows(key: Key) -> KeyRing:
    return KeyRing([key.public()])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_keys_have_facts_and_no_secrets(algorithm: str, tmp_path: Path) -> None:
    secret = bytes(range(32))
    key = Key.from_bytes(algorithm, secret, id="k1", purposes=["a", "b"])
    assert (key.id, key.algorithm, key.purposes, key.state) == ("k1", algorithm, ("a", "b"), "active")
    assert (key.accept_until, key.created, key.has_secret) == (None, None, True)
    assert key.to_bytes() == secret
    assert (key.public_bytes is not None) == (algorithm == "ed25519")
    ring = KeyRing([key])
    shown = repr(key) + repr(ring) + str(key) + repr(vars(type(key))) + repr(key._keys) + repr(dir(key))
    shown += tracebacks(key)
    assert secret.hex()[2:20] not in shown
    assert repr(secret)[6:30] not in shown
    for keeps in (key, ring, key._keys):
        for protocol in range(6):
            for engine in (pickle, brinery):
                with pytest.raises((TypeError, pickle.PicklingError), match="pickle"):
                    engine.dumps(keeps, protocol)
    for copied in (copy.copy(ring), copy.deepcopy(ring)):
        copied.revoke("k1")
    assert ring["k1"].state == "active"
    assert copy.copy(key) is key is copy.deepcopy(key)
    with pytest.raises(TypeError):
        Key()
    with pytest.raises(TypeError):
        type(key._keys)()


def tracebacks(key: Key) -> str:
    """Return what failures show, with the locals of every frame."""
    shown = ""
    for bad in (
        lambda: seal(b"", key, purpose="c"),
        lambda: unseal(b"", key, purpose="a"),
        lambda: loads(b"", key=KeyRing([key]), purpose="a"),
    ):
        try:
            bad()
        except SealError as error:
            shown += "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "key = <brinery.Key 'k1'" in shown
    return shown


def test_wrong_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown algorithm 'md5': choose one of hmac-sha256"):
        Key.generate("md5")
    for length in (0, 31, 33):
        with pytest.raises(ValueError, match="32 bytes"):
            Key.from_bytes("blake3", bytes(length))
    assert reason(lambda: Key.generate("blake3", id="two words")) == "bad-argument"
    assert reason(lambda: Key.from_bytes("ed25519", bytes(32), public=True)) == "bad-argument"
    assert reason(lambda: Key.from_password("")) == "bad-argument"
    assert reason(lambda: Key.from_password("x", cost=(1, 1, 1))) == "bad-argument"
    with pytest.raises(ValueError, match="no public part"):
        Key.generate("blake3").public()
    with pytest.raises(ValueError, match="no secret"):
        Key.generate("ed25519").public().to_bytes()
    key = Key.generate("blake3", id="k1")
    assert reason(lambda: KeyRing([key, key])) == "bad-key-ring"
    assert reason(lambda: KeyRing(signatures=0)) == "bad-argument"


def test_a_ring_is_kept_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    ring = KeyRing([Key.generate(algorithm, id=algorithm) for algorithm in ALGORITHMS])
    ring.save(path)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sealed = seal(b"content", ring, purpose="test")
    assert unseal(sealed, KeyRing.load(path), purpose="test") == b"content"
    new = ring.rotate("xchacha20-poly1305", id="new", accept_until=NOW)
    assert (new.id, new.algorithm, len(ring)) == ("new", "xchacha20-poly1305", 5)
    assert ring["xchacha20-poly1305"].accept_until == datetime.datetime.fromtimestamp(
        NOW, datetime.timezone.utc
    )
    ring.save(path)
    again = KeyRing.load(str(path))
    assert [key.state for key in again] == ["active"] * 3 + ["accept-until", "active"]
    assert "new" in again and "old" not in again
    assert reason(lambda: unseal(sealed, again, purpose="test")) == "retired-key"
    again.retire("new", datetime.timedelta(days=1))
    again.revoke("new")
    with pytest.raises(KeyError):
        again["old"]
    assert reason(lambda: again.revoke("old")) == "unknown-key"
    assert len(again.public()) == 1

    single = tmp_path / "single"
    Key.generate("ed25519", id="alice").save(single)
    assert Key.load(single).id == "alice"
    with pytest.raises(FileExistsError):
        Key.generate("ed25519").save(single)
    with pytest.raises(FileNotFoundError, match="missing"):
        Key.load(tmp_path / "missing")
    with pytest.raises(ValueError, match="5 keys"):
        Key.load(path)
    assert reason(lambda: Key.from_password("x").save(tmp_path / "password")) == "bad-argument"
    if os.name == "posix":
        single.chmod(0o644)
        with pytest.raises(SealError, match="open to others") as caught:
            Key.load(single)
        assert (caught.value.reason, caught.value.hint) == ("exposed-keys", f"chmod go-rwx {single}")


def blocks(path: Path) -> Iterator[dict[str, str]]:
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        pairs = (line.split(":", 1) for line in block.splitlines())
        yield {name: value.strip() for name, value in pairs}


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, "password"])
def test_the_published_vectors_open(algorithm: str) -> None:
    opened = 0
    for vector in blocks(VECTORS / f"{algorithm}.txt"):
        if "sealed" not in vector:
            continue
        keys = []
        for name, secret in zip(vector["ids"].split(), vector["secrets"].split()):
            if algorithm == "password":
                keys.append(Key.from_password(bytes.fromhex(secret), id=name))
            else:
                keys.append(Key.from_bytes(algorithm, bytes.fromhex(secret), id=name))
        content = unseal(
            bytes.fromhex(vector["sealed"]),
            KeyRing(keys, signatures=len(keys)),
            purpose=vector["purpose"],
            policy_digest=None if vector["policy"] == "none" else bytes.fromhex(vector["policy"]),
            now=int(vector["created"]),
        )
        assert content == bytes.fromhex(vector["content"])
        opened += 1
    assert opened >= 4


def test_threads_seal_at_the_same_time(key: Key) -> None:
    data = os.urandom(200_000)
    failures = []

    def work() -> None:
        try:
            for _ in range(2 if key.algorithm == "password" else 20):
                assert unseal(seal(data, key, purpose="test"), key, purpose="test") == data
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_nothing_leaks() -> None:
    key = key_for("xchacha20-poly1305")
    sealed = seal(bytes(1000), key, purpose="test")

    def once() -> None:
        loads(dumps([1, "two"], key=key, purpose="test"), key=key, purpose="test")
        dump([1], io.BytesIO(), key=key, purpose="test")
        ring = KeyRing([key, Key.generate("blake3")])
        ring.revoke("k1")
        with pytest.raises(SealError):
            unseal(sealed, ring, purpose="test")

    once()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(50):
        once()
    gc.collect()
    assert len(gc.get_objects()) - before < 20


def test_envelopes_are_the_same_as_those_of_the_command_line(tmp_path: Path) -> None:
    def run(*words: Any) -> bytes:
        command = [sys.executable, "-m", "brinery", *map(str, words)]
        return subprocess.run(command, check=True, capture_output=True, cwd=tmp_path).stdout

    run("keygen", "keys", "--id", "k1", "--algorithm", "blake3", "--purpose", "run")
    ring = KeyRing.load(tmp_path / "keys")
    with open(tmp_path / "run.sealed", "wb") as file:
        dump({"step": 1}, file, key=ring, purpose="run")
    assert loads(run("unseal", "run.sealed", "-k", "keys", "-p", "run")) == {"step": 1}
    (tmp_path / "run.pkl").write_bytes(dumps({"step": 2}))
    run("seal", "run.pkl", "-k", "keys", "-p", "run", "-o", "again.sealed")
    with open(tmp_path / "again.sealed", "rb") as file:
        assert load(file, key=ring, purpose="run") == {"step": 2}

"""Policies as values: made, joined, written, read, compared, pinned."""

from __future__ import annotations

import collections
import copyreg
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import brinery
from brinery import Policy, PolicyError

ORDER = b"\x80\x02cshop\nOrder\n)\x81}X\x05\x00\x00\x00totalK\x07sb."


@pytest.mark.parametrize("name", ["data", "stdlib", "numpy", "pandas", "sklearn", "torch", "stdlib|numpy"])
def test_what_comes_with_brinery_is_written_and_read_alike(name: str) -> None:
    policy = Policy(name)
    again = Policy.from_toml(policy.to_toml())
    assert again == policy
    assert hash(again) == hash(policy)
    assert again.digest() == policy.digest()
    assert pickle.loads(pickle.dumps(policy)) == policy


def test_policies_do_not_change() -> None:
    policy = Policy("data")
    with pytest.raises(AttributeError):
        policy.name = "x"  # type: ignore[attr-defined]
    assert Policy.allow("a:b", value=True) | policy != policy
    assert policy == Policy()


@pytest.mark.parametrize("text", ["", "policy = 2", 'policy = 1\n[globals."a:b"]\ncall = "nonsense"'])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Policy.from_toml(text)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="no policy is named 'all'"):
        brinery.loads(b"N.", policy="all")
    with pytest.raises(TypeError, match="a policy is"):
        brinery.loads(b"N.", policy=7)  # type: ignore[call-overload]


def test_explain_tells_all_that_is_needed() -> None:
    verdict = Policy("data").explain(ORDER)
    assert not verdict.clean
    assert [need.use.split()[0] for need in verdict.needs] == ["named", "construct", "state"]
    assert verdict.globals == ["shop:Order"]


def test_what_is_learnt_is_what_was_done() -> None:
    policy = Policy.learn([ORDER], base="data")
    assert policy.explain(ORDER).clean
    assert not policy.explain(b"\x80\x02cshop\nOrder\nK\x07\x85R.").clean
    assert policy == Policy.allow("shop:Order", construct="tuple[]", attributes=True)


def test_what_a_human_must_decide_is_not_learnt() -> None:
    attack = b"cos\nsystem\n(S'true'\ntR."
    with pytest.warns(UserWarning, match="os.system is called"):
        policy = Policy.learn([attack])
    assert not policy.explain(attack).clean


def test_audits_find_what_comes_to_more() -> None:
    assert Policy("stdlib|numpy|pandas|sklearn|torch").audit() == []
    assert len(Policy.allow("os:system", call=True).audit()) == 2
    assert Policy.allow("shop:load", call="tuple[int]").audit() == [
        "shop:load may be called with any number, which may be a size"
    ]


def test_refusals_tell_the_place() -> None:
    data = b"\x80\x02]X\x01\x00\x00\x00acos\nsystem\ne."
    with pytest.raises(PolicyError) as caught:
        brinery.loads(data.replace(b"]X", b"](X"), policy="stdlib")
    assert (caught.value.rule, caught.value.opcode) == ("global", "GLOBAL")
    assert caught.value.offset == 10
    assert caught.value.path == "obj[1]"
    assert isinstance(caught.value, pickle.UnpicklingError)


def run(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "brinery", "policy", *args],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    )


def test_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "a.pkl").write_bytes(ORDER)
    (tmp_path / "bad.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    learnt = run("learn", "good", "--base", "data", cwd=tmp_path)
    assert (learnt.returncode, learnt.stderr) == (0, "")
    (tmp_path / "p.toml").write_text(learnt.stdout)
    assert run("show", "p.toml", cwd=tmp_path).stdout == learnt.stdout
    good = run("explain", "p.toml", "good", cwd=tmp_path)
    assert (good.returncode, "clean" in good.stdout) == (0, True)
    bad = run("explain", "p.toml", "bad.pkl", cwd=tmp_path)
    assert (bad.returncode, "os.system" in bad.stdout) == (1, True)
    assert run("diff", "data", "p.toml", cwd=tmp_path).stdout.startswith('+[globals."shop:Order"]')
    assert run("audit", "p.toml", cwd=tmp_path).returncode == 0
    for wrong in (["explain", "p.toml", "nothing"], ["show", "nothing"], ["frob"], ["learn"]):
        done = run(*wrong, cwd=tmp_path)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1


class Outer:
    class Inner:
        """A class within a class, which protocols below 4 have by `getattr`."""


class Blob(bytes):
    """Bytes, with attributes."""


class Factory(collections.defaultdict):  # type: ignore[type-arg]
    """A dict with a class in the arguments by which it is made."""


@pytest.mark.parametrize("protocol", range(6))
def test_classes_within_classes_are_learnt_and_granted_in_all_protocols(protocol: int) -> None:
    inner = Outer.Inner()
    inner.a = 1  # type: ignore[attr-defined]
    policy = brinery.Policy.learn([pickle.dumps(inner, protocol)])
    assert brinery.loads(pickle.dumps([inner], protocol), policy=policy)[0].a == 1
    with pytest.raises(brinery.PolicyError):
        brinery.loads(pickle.dumps([inner], protocol), policy=brinery.Policy.allow(Outer, members=["Inner"]))
    data = pickle.dumps(Outer.Inner, protocol)
    if protocol >= 4:
        with pytest.raises(brinery.PolicyError):
            brinery.loads(data, policy=policy)


@pytest.mark.parametrize("protocol", range(6))
def test_notes_of_exceptions_are_learnt(protocol: int) -> None:
    error = ValueError("x")
    error.__notes__ = ["a note"]  # type: ignore[attr-defined]
    data = pickle.dumps(error, protocol)
    assert brinery.loads(data, policy="stdlib").__notes__ == ["a note"]
    error.__notes__ = [1]  # type: ignore[attr-defined]
    with pytest.raises(brinery.PolicyError):
        brinery.loads(pickle.dumps(error, protocol), policy="stdlib")


@pytest.mark.parametrize("protocol", range(6))
def test_what_is_learnt_has_the_names_of_today(protocol: int) -> None:
    for thing in (Factory(list, {"a": [1]}), Blob(b"\xe9")):
        policy = brinery.Policy.learn([pickle.dumps(thing, protocol)])
        assert brinery.loads(pickle.dumps(thing, protocol), policy=policy) == thing


class Coded:
    """A class that has an extension code."""


@pytest.mark.parametrize("protocol", range(2, 6))
def test_extension_codes_are_learnt_by_what_they_stand_for(protocol: int) -> None:
    value = Coded()
    value.x = 1  # type: ignore[attr-defined]
    copyreg.add_extension(__name__, "Coded", 0xF123)
    try:
        data = pickle.dumps([value], protocol)
        policy = Policy.learn([data])
    finally:
        copyreg.remove_extension(__name__, "Coded", 0xF123)
    assert b"\x83\x23\xf1" in data
    assert f'61731 = "{__name__}:Coded"' in policy.to_toml()
    # The code stands for that whatever the program has registered.
    copyreg.add_extension("os", "system", 0xF123)
    try:
        assert brinery.loads(data, policy=policy)[0].x == 1
    finally:
        copyreg.remove_extension("os", "system", 0xF123)


def test_extension_codes_of_what_is_known_are_not_learnt() -> None:
    copyreg.add_extension("os", "system", 0xF124)
    try:
        with pytest.warns(UserWarning, match="os.system is called"):
            policy = Policy.learn([b"\x80\x02\x83\x24\xf1X\4\0\0\0true\x85R."])
    finally:
        copyreg.remove_extension("os", "system", 0xF124)
    assert '[globals."os:system"]' not in policy.to_toml()

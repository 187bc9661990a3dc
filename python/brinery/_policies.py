"""``python -m brinery policy``: learn, show, explain, compare and audit policies."""

from __future__ import annotations

import sys
from pathlib import Path

from .guard import read_policy
from .policy import Policy

__all__ = ["main"]

USAGE = """\
usage: brinery policy learn PATHS... [--base P]     write what honest pickles need, as TOML
       brinery policy show P                        write a policy
       brinery policy explain P FILES...            say what a policy says to pickles
       brinery policy diff P Q                      write what Q grants less and more than P
       brinery policy audit P                       say what comes to more than it seems

P and Q are the names of policies that come with brinery ("stdlib|numpy") or files. The exit code is 0 if
all is well, 1 if something is refused, found, different or left open, and 2 for errors.
"""


def main(args: list[str]) -> int:
    """Run the command line.

    Parameters
    ----------
    args : list of str
        What comes after ``policy``.

    Returns
    -------
    int
        The exit code.
    """
    commands = {"learn": _learn, "show": _show, "explain": _explain, "diff": _diff, "audit": _audit}
    if not args or args[0] in ("-h", "--help"):
        sys.stdout.write(USAGE)
        return 0 if args else 2
    if args[0] not in commands:
        return _fail(f"no command {args[0]!r} (--help says more)")
    try:
        return commands[args[0]](args[1:])
    except BrokenPipeError:
        return 0
    except (OSError, ValueError) as error:
        return _fail(str(error))


def _fail(problem: str) -> int:
    sys.stderr.write(f"brinery policy: {problem}\n")
    return 2


def _exactly(args: list[str], count: int) -> list[str]:
    if len(args) != count:
        raise ValueError(f"{count} policies are needed" if count > 1 else "one policy is needed")
    return args


def _files(paths: list[str]) -> list[Path]:
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found += sorted(inner for inner in path.rglob("*") if inner.is_file())
        elif path.exists():
            found.append(path)
        else:
            raise ValueError(f"{path} is not there")
    return found


def _learn(args: list[str]) -> int:
    base = None
    if "--base" in args:
        at = args.index("--base")
        if at + 1 == len(args):
            raise ValueError("nothing after --base")
        base = read_policy(args[at + 1])
        args = args[:at] + args[at + 2 :]
    if not args:
        raise ValueError("name files or folders to learn from")
    policy, undecided = Policy._learn(_files(args), base)
    sys.stdout.write(policy.to_toml())
    for line in undecided:
        sys.stderr.write(f"not learnt: {line}\n")
    return 1 if undecided else 0


def _show(args: list[str]) -> int:
    sys.stdout.write(read_policy(*_exactly(args, 1)).to_toml())
    return 0


def _explain(args: list[str]) -> int:
    if len(args) < 2:
        raise ValueError("name a policy and files")
    policy, refused = read_policy(args[0]), False
    for path in _files(args[1:]):
        verdict = policy.explain(path.read_bytes())
        refused |= not verdict.clean
        sys.stdout.write(f"{path}: {verdict}\n")
    return 1 if refused else 0


def _diff(args: list[str]) -> int:
    one, other = _exactly(args, 2)
    lines = read_policy(one).diff(read_policy(other))
    if lines:
        sys.stdout.write(lines + "\n")
    return 1 if lines else 0


def _audit(args: list[str]) -> int:
    findings = read_policy(*_exactly(args, 1)).audit()
    for finding in findings:
        sys.stdout.write(finding + "\n")
    return 1 if findings else 0

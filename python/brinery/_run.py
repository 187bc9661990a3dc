"""``python -m brinery run``: an unmodified program on brinery's engine."""

from __future__ import annotations

import os
import sys

from ._children import environment

__all__ = ["main"]

USAGE = """\
usage: python -m brinery run [--policy P] app.py [ARGS...]
       python -m brinery run -m MODULE [ARGS...]
       python -m brinery run -c CODE [ARGS...]
       python -m brinery run - [ARGS...]
       python -m brinery run --policy P ...

Run a Python program, as python would, with brinery's engine behind pickle, in the program and in the Python
processes that it starts. Options of the interpreter go before -m brinery.

--policy P puts all pickles that the program loads behind a policy: names ("stdlib|numpy"), or a file.
"""


def main(args: list[str]) -> int:
    """Run the program that `args` names, the way the interpreter's own command line does.

    Parameters
    ----------
    args : list of str
        A script or ``-``, ``-m`` and a module, or ``-c`` and code; then the program's arguments.

    Returns
    -------
    int
        The exit code, if the program does not take this process over.
    """
    if args[:1] in (["-h"], ["--help"]):
        sys.stdout.write(USAGE)
        return 0
    policy = None
    if args[:1] == ["--policy"] or (args[:1] and args[0].startswith("--policy=")):
        policy, args = (args[0][9:], args[1:]) if "=" in args[0] else ("".join(args[1:2]), args[2:])
        try:
            from .guard import read_policy

            read_policy(policy)
            os.environ["BRINERY_POLICY"] = os.path.abspath(policy) if os.path.isfile(policy) else policy
        except (OSError, ValueError) as error:
            sys.stderr.write(f"brinery run: no policy {policy!r}: {error}\n")
            return 2
    problem = _problem(args)
    if problem:
        sys.stderr.write(f"brinery run: {problem}\n")
        return 2
    if sys.flags.ignore_environment or sys.flags.no_site:
        return _run_here(args)
    command = [sys.executable, *_interpreter_options(), *args]
    environ = environment(dict(os.environ))
    if os.name == "nt":  # there, exec makes a second process and ends this one at once
        return _run_child(command, environ)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execve(command[0], command, environ)
    except OSError as error:
        sys.stderr.write(f"brinery run: cannot start {command[0]!r}: {error.strerror}\n")
    return 2


def _problem(args: list[str]) -> str | None:
    """Say in one line what is wrong with the command line."""
    if not args:
        return "name a script, - for standard input, or a module after -m (--help says more)"
    first = args[0]
    if first in ("-m", "-c"):
        return None if len(args) > 1 else f"nothing after {first}"
    if first.startswith("-") and first != "-" and first[:2] not in ("-m", "-c"):
        return f"no option {first}; options of the interpreter go before -m brinery"
    return None if sys.executable else "this interpreter does not know its own executable"


def _interpreter_options() -> list[str]:
    """Return the options that started this interpreter, to start another one like it."""
    from subprocess import _args_from_interpreter_flags  # type: ignore[attr-defined]

    options: list[str] = _args_from_interpreter_flags()
    for name, value in sys._xoptions.items():
        option = name if value is True else f"{name}={value}"
        if option not in options:
            options += ["-X", option]
    if sys.flags.inspect:
        options.append("-i")
    if getattr(sys.stdout, "write_through", False):
        options.append("-u")
    return options


def _run_child(command: list[str], environ: dict[str, str]) -> int:
    import signal
    import subprocess

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for the program to handle
    return subprocess.call(command, env=environ)


def _run_here(args: list[str]) -> int:
    """Run the program in this process.

    For interpreters that ignore the environment or `site`: a new one could not be told to install the engine.
    The program sees the interpreter as it is after ``-m``, and brinery's frames in its tracebacks.
    """
    import runpy

    from ._install import install

    install(children=True)
    if "BRINERY_POLICY" in os.environ:
        from .guard import install_from_environment

        install_from_environment()
    first, *rest = args
    option, attached = first[:2], first[2:]
    if option in ("-m", "-c"):
        what, *rest = [attached, *rest] if attached else rest
        sys.argv = [option, *rest]
        if option == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            _run_code(what, "<string>")
    elif first == "-":
        sys.argv = args
        _run_code(sys.stdin.read(), "<stdin>")
    else:
        sys.argv = args
        if not sys.flags.isolated and not getattr(sys.flags, "safe_path", False):
            sys.path[0] = os.path.dirname(os.path.realpath(first))
        runpy.run_path(first, run_name="__main__")
    return 0


def _run_code(source: str, name: str) -> None:
    from types import ModuleType

    program = sys.modules["__main__"] = ModuleType("__main__")
    exec(compile(source, name, "exec", dont_inherit=True), vars(program))

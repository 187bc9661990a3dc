"""``python -m brinery`` and the console script ``brinery``."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> int:
    """Run the command line that `sys.argv` holds.

    ``run`` runs a Python program on the engine; every other subcommand is that of the native program.

    Returns
    -------
    int
        The exit code.
    """
    args = sys.argv[1:]
    if args[:1] == ["run"]:
        from ._run import main as run

        return run(args[1:])

    if args[:1] == ["policy"]:
        from ._policies import main as policies

        return policies(args[1:])

    import signal

    from ._brinery import cli_main

    # No Python code runs from here on that could turn Ctrl-C into a KeyboardInterrupt.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    code = cli_main(args)
    if args in (["-h"], ["--help"]):
        sys.stdout.write(
            "\nFrom Python, there is also:\n  run          Run a Python program on the engine\n"
            "  policy       Learn, explain, compare and audit policies\n"
        )
    return code


if __name__ == "__main__":
    sys.exit(main())

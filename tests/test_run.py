"""``python -m brinery run`` against plain ``python``: the same output, exit code and tracebacks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

RUN = [sys.executable, "-m", "brinery", "run"]


def python(
    args: list[str],
    cwd: Path,
    *,
    options: tuple[str, ...] = (),
    stdin: str = "",
    engine: bool,
    **environ: str,
) -> tuple[int, str, str]:
    """Run a Python command line, plainly or on the engine; return its exit code, output and errors."""
    run = ["-m", "brinery", "run"] if engine else []
    done = subprocess.run(
        [sys.executable, *options, *run, *args],
        cwd=cwd,
        env={**os.environ, **environ},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def same(args: list[str], cwd: Path, **how: object) -> tuple[int, str, str]:
    """Assert that a command line does the same either way, and return what it does."""
    stock = python(args, cwd, engine=False, **how)
    assert python(args, cwd, engine=True, **how) == stock
    return stock


SHOW = """
import os, sys
print("argv", sys.argv)
print("path", sys.path)
print("main", __name__, __package__, type(__loader__).__name__, __spec__ and __spec__.name, __doc__)
print("file", globals().get("__file__"), globals().get("__cached__"), sorted(globals()))
print("flags", sys.flags, sys.warnoptions, sorted(sys._xoptions.items()))
print("orig", getattr(sys, "orig_argv", ["", ""])[-len(sys.argv):])
print("input", sys.stdin.read() if sys.argv[0] != "-" else None)
print("site", "sitecustomize" in sys.modules, sys.executable, sys.stdout.write_through)
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Return a folder with a script, a module, a package, a program in a folder and one in a zip file."""
    (tmp_path / "show.py").write_text(SHOW)
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__init__.py").write_text("")
    (tmp_path / "package/__main__.py").write_text(SHOW)
    (tmp_path / "package/module.py").write_text(SHOW)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/__main__.py").write_text(SHOW)
    with zipfile.ZipFile(tmp_path / "program.zip", "w") as archive:
        archive.writestr("__main__.py", SHOW)
    (tmp_path / "elsewhere").mkdir()
    if os.name == "posix":
        (tmp_path / "elsewhere/link.py").symlink_to(tmp_path / "show.py")
    return tmp_path


@pytest.mark.parametrize(
    "args",
    [
        ["show.py"],
        ["show.py", "one", "--two", "-m", "run"],
        ["./folder/../show.py", ""],
        ["elsewhere/link.py", "x"],
        ["-m", "show", "a"],
        ["-mshow", "a"],
        ["-m", "package", "-x"],
        ["-m", "package.module"],
        ["folder", "a"],
        ["program.zip", "a"],
        ["-c", SHOW, "a", "-b"],
        ["-c" + SHOW],
        ["-", "a"],
    ],
    ids=" ".join,
)
def test_a_program_sees_what_it_always_sees(args: list[str], programs: Path) -> None:
    code, out, err = same(args, programs, stdin="" if args[0] != "-" else SHOW)
    assert (code, err) == (0, "")
    assert "argv" in out


@pytest.mark.parametrize(
    "options",
    [
        ("-O",),
        ("-OO", "-B"),
        ("-W", "error::UserWarning", "-W", "ignore"),
        ("-X", "dev"),
        ("-X", "own=1", "-u"),
        ("-s",),
    ],
    ids=" ".join,
)
def test_options_of_the_interpreter_are_kept(options: tuple[str, ...], programs: Path) -> None:
    code, _, err = same(["show.py"], programs, options=options)
    assert (code, err) == (0, "")


@pytest.mark.parametrize(
    "body",
    [
        "import sys; sys.exit()",
        "import sys; sys.exit(3)",
        "import sys; sys.exit(True)",
        "import sys; sys.exit('a message')",
        "raise SystemExit(256 + 7)",
        "import os; os._exit(5)",
        "def f():\n    1 / 0\nf()",
        "x = (",
        "import no_such_module",
        "import atexit; atexit.register(print, 'bye'); raise KeyError('x')",
        "import threading, time\nthreading.Thread(target=lambda: (time.sleep(.1), print('late'))).start()",
        "import sys; sys.excepthook = lambda *args: print('hook', args[1]); raise ValueError('x')",
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        "try:\n    raise KeyError('first')\nexcept KeyError as error:\n    raise ValueError from error",
    ],
)
def test_a_program_ends_as_it_always_ends(body: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(body + "\n")
    for args in (["app.py"], ["-m", "app"], ["-c", body]):
        same(args, tmp_path)


@pytest.mark.parametrize("args", [["missing.py"], ["-m", "missing"], ["."], ["-m", "json.missing"]])
def test_a_missing_program_is_reported_as_always(args: list[str], tmp_path: Path) -> None:
    code, _, _ = same(args, tmp_path)
    assert code in (1, 2)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let new processes be interrupted, although this one may ignore it, as what a shell runs in the background does."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_reaches_the_program(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import time\n"
        "try:\n    print('ready', flush=True) or time.sleep(60)\nfinally:\n    print('cleaned up')\n"
    )
    outcomes = []
    for command in ([sys.executable], RUN):
        with subprocess.Popen(
            [*command, "app.py"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
            # The signal may come before or after the sleep begins, which shows in how the line is marked.
            frames = [line for line in err.splitlines() if not line.startswith("    ")]
            outcomes.append((out, frames, process.returncode))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0] == "cleaned up\n"
    assert outcomes[0][2] == -signal.SIGINT


@pytest.mark.skipif(os.name == "nt", reason="there are no such pipes")
def test_a_broken_pipe_is_the_programs_own(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("for number in range(100000):\n    print(number)\n")
    outcomes = []
    for command in ([sys.executable], RUN):
        with subprocess.Popen(
            [*command, "app.py"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.readline()
            process.stdout.close()
            outcomes.append((process.stderr.read(), process.wait(timeout=60)))
    assert outcomes[0] == outcomes[1]
    assert b"BrokenPipeError" in outcomes[0][0]


ENGINE = """
import pickle, sys
brinery = sys.modules.get("brinery")
on_engine = brinery is not None and pickle.dumps is brinery.dumps and pickle.Pickler is brinery.Pickler
"""


def test_the_program_is_on_the_engine(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(ENGINE + "print(on_engine)")
    assert python(["app.py"], tmp_path, engine=False)[1] == "False\n"
    assert python(["app.py"], tmp_path, engine=True) == (0, "True\n", "")


def test_a_sitecustomize_of_the_user_runs_too(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("custom = 'made by ' + __file__\n")
    (tmp_path / "app.py").write_text(
        "import sitecustomize, sys; print(sitecustomize.custom, sitecustomize.__spec__.name, sys.path)"
    )
    paths = [str(site), os.environ.get("PYTHONPATH", "")]
    code, out, err = same(["app.py"], tmp_path, PYTHONPATH=os.pathsep.join(filter(None, paths)))
    assert (code, err) == (0, "")
    assert str(site) in out

    (site / "sitecustomize.py").write_text("raise ImportError('of its own')\n")
    environ = {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    stock = python(["-c", "pass"], tmp_path, engine=False, **environ)
    assert "ImportError: of its own" in stock[2]
    # The interpreter of -m brinery says it, too.
    assert python(["-c", "pass"], tmp_path, engine=True, **environ) == (0, "", stock[2] * 2)


CHILDREN = (
    ENGINE
    + """
import concurrent.futures, multiprocessing, os, subprocess

def here(_=None):
    return on_engine

if __name__ == "__main__":
    print("itself", here())
    code = "import runpy; print(runpy.run_path('app.py', run_name='child')['on_engine'])"
    ask = [sys.executable, "-c", code]
    print("subprocess", subprocess.check_output(ask, text=True).strip())
    code = f"import subprocess; print(subprocess.check_output({ask}, text=True))"
    print("grandchild", subprocess.check_output([sys.executable, "-c", code], text=True).strip())
    code = "import pickle, brinery, sys; sys.exit(pickle.dumps is not brinery.dumps)"
    print("system", os.system(f'{sys.executable} -c "{code}"') == 0)
    for method in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context(method)
        with context.Pool(1) as pool:
            print("pool", method, pool.apply(here))
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as executor:
            print("executor", method, executor.submit(here).result())
"""
)


def test_its_children_are_on_the_engine(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(CHILDREN)
    code, out, err = python(["app.py"], tmp_path, engine=True)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) >= 6
    assert all(line.endswith(" True") for line in lines), out
    assert all(
        line.endswith(" False") for line in python(["app.py"], tmp_path, engine=False)[1].splitlines()[:3]
    )


@pytest.mark.parametrize("option", ["-E", "-I", "-S"])
def test_interpreters_that_cannot_be_told_run_the_program_here(option: str, programs: Path) -> None:
    """Without the environment, or `site`, a program runs on the engine all the same, and so do its pools."""
    import brinery

    root = str(Path(brinery.__file__ or "").parents[1])
    (programs / "app.py").write_text(CHILDREN)
    start = (
        f"import sys; sys.path.insert(0, {root!r}); sys.argv[:1] = ['brinery']; "
        "from brinery.__main__ import main; sys.exit(main())"
    )

    def run(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, option, "-c", start, "run", *args],
            cwd=programs,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    done = run("app.py")
    assert done.returncode == 0, done.stderr
    assert "itself True" in done.stdout
    if option != "-S":  # site's quit and exit are missing in a child
        assert "pool spawn True" in done.stdout
        assert "pool fork True" in done.stdout or os.name == "nt"
    show = "import sys; print(__name__, sys.argv, sys.path[0] != '')"
    (programs / "short.py").write_text(show)
    script = (programs / "short.py").name
    assert run(script, "a").stdout == f"__main__ ['{script}', 'a'] True\n"
    assert run("-c", show, "a").stdout.startswith("__main__ ['-c', 'a']")
    assert run("-", "a", stdin=show).stdout.startswith("__main__ ['-', 'a']")
    assert run("-c", "raise SystemExit(4)").returncode == 4


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ([], "name a script, - for standard input, or a module after -m (--help says more)"),
        (["-m"], "nothing after -m"),
        (["-c"], "nothing after -c"),
        (["-O", "app.py"], "no option -O; options of the interpreter go before -m brinery"),
        (["--verbose"], "no option --verbose; options of the interpreter go before -m brinery"),
    ],
)
def test_a_wrong_command_line_gets_one_clear_line(args: list[str], problem: str, tmp_path: Path) -> None:
    assert python(args, tmp_path, engine=True) == (2, "", f"brinery run: {problem}\n")


def test_help_goes_to_the_output(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "brinery", "--help"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "  dis  " in done.stdout
    assert "\n  run  " in done.stdout
    for option in ("-h", "--help"):
        code, out, err = python([option], tmp_path, engine=True)
        assert (code, err) == (0, "")
        assert out.startswith("usage: python -m brinery run [--policy P] app.py [ARGS...]\n")


def test_every_other_command_is_the_native_programs(tmp_path: Path) -> None:
    import brinery

    (tmp_path / "one.pickle").write_bytes(brinery.dumps([1, 2]))
    done = subprocess.run(
        [sys.executable, "-m", "brinery", "version"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert brinery.__version__ in done.stdout
    done = subprocess.run(
        [sys.executable, "-m", "brinery", "dis", "one.pickle"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert "STOP" in done.stdout
    done = subprocess.run(
        [sys.executable, "-m", "brinery", "dis", "missing.pickle"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1

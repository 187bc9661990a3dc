"""Runs the code blocks of a Markdown page: ``python tests/snippets.py PAGE.md``.

The blocks of a page run in their order, in one empty folder and one namespace:

=========================  ==========================================================================
``python``                 run; as a doctest if it has prompts
``python title="a.py"``    written to that file
``console``                each line after ``$`` runs in the shell; the lines below it are its output,
                           with ``...`` for anything; an exit code other than 0 is announced above the
                           block by ``<!-- exit 1 -->``
``rust``                   left to ``cargo test --doc`` (see ``crates/brinery/src/doctests.rs``)
``sh``                     how to install; not run, but must be a command of a known kind
``text``, ``toml``         only shown
=========================  ==========================================================================

Any other kind of block is an error, so that nothing goes unchecked by accident.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
import tempfile
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(
    r"^(?P<indent>[ ]*)```(?P<kind>\w*)[ ]*(?P<rest>[^\n]*)\n(?P<code>.*?)^(?P=indent)```[ ]*$", re.M | re.S
)
EXIT = re.compile(r"<!-- exit (\d+) -->\s*\Z")
TITLE = re.compile(r'title="([^"]+)"')
INSTALLS = re.compile(r"(pip install|cargo (add|doc|install)|make)\b[^;&|]*\Z")
COMPARE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass
class Block:
    """One fenced block of a page."""

    kind: str
    code: str
    line: int
    title: str | None
    exit: int


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    for found in FENCE.finditer(text):
        indent = len(found["indent"])
        code = "".join(line[indent:] or "\n" for line in found["code"].splitlines(keepends=True))
        title = TITLE.search(found["rest"])
        announced = EXIT.search(text[: found.start()])
        yield Block(
            found["kind"],
            code,
            text.count("\n", 0, found.start()) + 2,
            title and title[1],
            int(announced[1]) if announced else 0,
        )


class Page:
    """A page whose blocks are run."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.folder = folder
        self.module = types.ModuleType("__main__")
        self.checker = doctest.OutputChecker()
        self.done = 0

    def run(self) -> int:
        """Run all blocks and return how many there were."""
        sys.modules["__main__"] = self.module  # what a reader's own classes are pickled under
        for block in blocks(self.path.read_text(encoding="utf-8")):
            if block.title is not None and block.kind == "python":
                (self.folder / block.title).write_text(block.code, encoding="utf-8")
            else:
                runner = getattr(self, block.kind or "unlabelled", None)
                if runner is None:
                    self.fail(block, f"a block of the kind {block.kind or 'nothing'!r}")
                runner(block)
            self.done += 1
        return self.done

    def fail(self, block: Block, why: str) -> None:
        """Stop with the place and the reason."""
        sys.exit(f"{self.path}:{block.line}: {why}")

    def python(self, block: Block) -> None:
        """Run Python, or check it where it shows prompts."""
        if ">>>" not in block.code:
            lines = "\n" * (block.line - 1) + block.code
            exec(compile(lines, str(self.path), "exec"), self.module.__dict__)
            return
        example = doctest.DocTestParser().get_doctest(
            block.code, self.module.__dict__, self.path.name, str(self.path), block.line - 1
        )
        example.globs = self.module.__dict__  # keep what the block defines
        report: list[str] = []
        runner = doctest.DocTestRunner(optionflags=COMPARE, verbose=False)
        runner.run(example, out=report.append, clear_globs=False)
        if runner.failures:
            self.fail(block, "\n" + "".join(report))

    def console(self, block: Block) -> None:
        """Run commands and compare what they print."""
        commands: list[tuple[str, list[str]]] = []
        for line in block.code.splitlines():
            if line.startswith("$ "):
                commands.append((line[2:], []))
            elif commands:
                commands[-1][1].append(line)
            else:
                self.fail(block, "output without a command")
        scripts = str(Path(sys.executable).parent)
        environment = {
            **os.environ,
            "PATH": scripts + os.pathsep + os.environ.get("PATH", ""),
            "NO_COLOR": "1",
            "PYTHONIOENCODING": "utf-8",
        }
        for command, expected in commands:
            run = subprocess.run(
                command,
                shell=True,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                timeout=300,
            )
            if run.returncode != block.exit:
                self.fail(block, f"$ {command}\n{run.stdout}exit code {run.returncode}, not {block.exit}")
            wanted = "".join(f"{line}\n" for line in expected)
            if wanted and not self.checker.check_output(wanted, run.stdout, COMPARE):
                self.fail(block, f"$ {command}\nprinted\n{run.stdout}instead of\n{wanted}")

    def sh(self, block: Block) -> None:
        """Check that the block only installs or makes something."""
        for line in filter(None, (line.partition("#")[0].strip() for line in block.code.splitlines())):
            if not INSTALLS.match(line):
                self.fail(
                    block, f"{line!r} does not install or make anything: use a console block, which runs"
                )

    def rust(self, block: Block) -> None:
        """Leave it to ``cargo test --doc``."""

    def text(self, block: Block) -> None:
        """Only shown."""

    toml = text


def main() -> None:
    """Run the page named on the command line."""
    page = Path(sys.argv[1]).resolve()
    start = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="snippets-") as folder:
        os.chdir(folder)
        sys.path[0] = folder
        try:
            done = Page(page, Path(folder)).run()
        finally:
            os.chdir(start)
    print(f"{done} blocks")


if __name__ == "__main__":
    main()

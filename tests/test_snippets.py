"""Every code block of the README and of the documentation runs (see ``snippets.py`` for how)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RUNNER = Path(__file__).with_name("snippets.py")
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


def run(page: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(RUNNER), str(page)],
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_blocks_of_a_page_run(page: Path) -> None:
    done = run(page)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", text):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_rust_blocks_are_in_the_doctests() -> None:
    included = (ROOT / "crates" / "brinery" / "src" / "doctests.rs").read_text(encoding="utf-8")
    for page in PAGES:
        if "```rust" in page.read_text(encoding="utf-8"):
            assert f'/{page.relative_to(ROOT).as_posix()}"' in included, (
                f"cargo test does not see {page.name}"
            )


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ("```python\n>>> 1 + 1\n3\n```\n", "Expected"),
        ("```python\nraise ValueError('no')\n```\n", "ValueError"),
        ("```console\n$ echo one\ntwo\n```\n", "instead of"),
        ("```console\n$ exit 3\n```\n", "exit code 3, not 0"),
        ("```sh\nrm -r house\n```\n", "does not install"),
        ("```\nunlabelled\n```\n", "'nothing'"),
        ("```perl\n1\n```\n", "'perl'"),
    ],
)
def test_a_block_that_does_not_hold_is_found(tmp_path: Path, block: str, complaint: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(block, encoding="utf-8")
    done = run(page)
    assert done.returncode != 0
    assert complaint in done.stdout + done.stderr


def test_blocks_share_a_folder_and_a_namespace(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nclass A:\n    pass\n\n\nimport pickle\n\nopen('a', 'wb').write(pickle.dumps(A))\n```\n"
        "```python\n>>> pickle.loads(open('a', 'rb').read()) is A\nTrue\n```\n"
        '```python title="b.py"\nprint(open("a", "rb").read()[:2])\n```\n'
        "```console\n$ python b.py\nb'\\x80...\n```\n"
        "<!-- exit 3 -->\n\n```console\n$ exit 3\n```\n",
        encoding="utf-8",
    )
    done = run(page)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "5 blocks\n"

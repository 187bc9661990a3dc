"""A Sphinx build: the same pages, and caches that either engine reads."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from .harness import APPS, HERE, run


def tree(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder with their contents."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the project plainly, on the engine, and on the engine with two processes, in the same place."""
    work = tmp_path_factory.mktemp("sphinx")
    shutil.copytree(HERE / "sphinx_project", work / "source")
    for name, engine, jobs in (("stock", False, 1), ("engine", True, 1), ("parallel", True, 2)):
        build(work, engine=engine, jobs=jobs)
        (work / "build").rename(work / name)
    return work


def build(work: Path, *, engine: bool, jobs: int = 1) -> str:
    """Run sphinx-build from source to build."""
    options = ["-b", "html", "-j", str(jobs), "-d", "build/cache", "source", "build/html"]
    return run(["-m", "sphinx", *options], cwd=work, engine=engine, processes=jobs)


def contents(work: Path, cache: str, *, engine: bool) -> str:
    """Return what a build's caches hold, as the program that reads them prints it."""
    return run([str(APPS / "sphinx_cache.py"), cache], cwd=work, engine=engine)


@pytest.mark.parametrize("name", ["engine", "parallel"])
def test_the_pages_are_the_same(name: str, builds: Path) -> None:
    stock = tree(builds / "stock/html")
    assert len(stock) > 30
    assert tree(builds / name / "html") == stock


def test_the_caches_are_the_same(builds: Path) -> None:
    stock = tree(builds / "stock/cache")
    engine = tree(builds / "engine/cache")
    # The environment holds the times of the build, and so differs in them.
    environment = stock.pop("environment.pickle"), engine.pop("environment.pickle")
    assert len(environment[0]) == len(environment[1])
    assert len(stock) > 8
    assert engine == stock


@pytest.mark.parametrize("cache", ["stock", "engine", "parallel"])
def test_either_engine_reads_the_caches_of_the_other(cache: str, builds: Path) -> None:
    reading = contents(builds, f"{cache}/cache", engine=False)
    assert contents(builds, f"{cache}/cache", engine=True) == reading
    if cache != "parallel":  # there, the order of some entries is that of the processes
        assert reading == contents(builds, "stock/cache", engine=False)


@pytest.mark.parametrize("engine", [True, False])
def test_a_build_goes_on_from_the_others_caches(engine: bool, builds: Path) -> None:
    other = "stock" if engine else "engine"
    shutil.copytree(builds / other, builds / "build")
    changed = builds / "source/tables.rst"
    text, times = changed.read_text(), changed.stat()
    try:
        out = build(builds, engine=engine)
        assert "updating environment: 0 added, 0 changed, 0 removed" in out
        assert "no targets are out of date" in out
        changed.write_text(text + "\nOne more line.\n")
        out = build(builds, engine=engine)
        assert "updating environment: 0 added, 1 changed, 0 removed" in out
        assert "One more line." in (builds / "build/html/tables.html").read_text()
    finally:
        changed.write_text(text)
        os.utime(changed, ns=(times.st_atime_ns, times.st_mtime_ns))
        shutil.rmtree(builds / "build")

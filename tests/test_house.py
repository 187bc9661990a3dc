"""What the project's own papers say about the project is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def mapped() -> list[str]:
    """Return the paths that the map in CONTRIBUTING.md names."""
    map_ = re.search(r"## The map of the house\n+```text\n(.*?)```", text("CONTRIBUTING.md"), re.S)
    assert map_ is not None
    paths, folders = [], []
    for line in map_[1].splitlines():
        indent = len(line) - len(line.lstrip())
        name = line.split()[0]
        folders = [(depth, folder) for depth, folder in folders if depth < indent]
        # What is written from the crate's root on stands below the crate, whatever its indent.
        path = "".join(folder for _, folder in folders) + name
        paths.append(path)
        if name.endswith("/") and not name.startswith("src/"):
            folders.append((indent, name))
    return paths


@pytest.mark.parametrize("path", mapped())
def test_the_map_of_the_house_is_true(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "README.md", "SECURITY.md"])
def test_named_files_exist(name: str) -> None:
    for path in re.findall(r"`((?:crates|tests|benches|docs|examples)/[\w./-]+)`", text(name)):
        assert (ROOT / path).exists(), path


def test_the_make_targets_that_pages_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.M))
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for target in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.M):
            assert target in targets, f"{page.name}: make {target}"


def test_versions_are_the_same_everywhere() -> None:
    manifest = text("Cargo.toml")
    rust = re.search(r'rust-version = "([\d.]+)"', manifest)
    core = re.search(r'rust-version = "([\d.]+)"', text("crates/brinery/Cargo.toml"))
    assert rust is not None
    assert core is not None
    assert f"needs Rust {core[1]}" in text("README.md")
    assert f"needs Rust {core[1]}" in text("docs/concepts/promises.md")
    assert rust[1] in text("README.md")
    assert f"Rust {rust[1]}" in text("docs/guides/drop-in.md")
    assert f"rust-toolchain@{core[1]}" in text(".github/workflows/ci.yml")


def test_the_wheels_cover_what_the_readme_says() -> None:
    wheels = text(".github/workflows/wheels.yml")
    oldest = re.search(r'requires-python = ">=([\d.]+)"', text("pyproject.toml"))
    assert oldest is not None
    assert f"-i {oldest[1]} " in wheels
    for what in ("manylinux", "musllinux", "macos", "windows", "x86_64", "aarch64", "arm64", "3.14t"):
        assert what in wheels


def test_the_licences_are_those_of_the_manifests() -> None:
    assert 'license = "MIT OR Apache-2.0"' in text("Cargo.toml")
    assert 'license = "MIT OR Apache-2.0"' in text("pyproject.toml")
    assert text("LICENSE-MIT").startswith("MIT License\n\nCopyright (c) The brinery developers\n")
    assert "Apache License\n                           Version 2.0, January 2004" in text("LICENSE-APACHE")


def test_the_changelog_has_an_unreleased_part_on_top() -> None:
    headings = re.findall(r"^## (.*)", text("CHANGELOG.md"), re.M)
    assert headings[0] == "[Unreleased]"

"""The function `scan`, which finds out what loading pickles would do."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from . import _brinery

__all__ = ["FileReport", "Finding", "Report", "StreamReport", "scan"]


@dataclass(frozen=True)
class Finding:
    """One reason for a verdict, with its evidence.

    Attributes
    ----------
    verdict : str
        What the pickle is because of this.
    rule : str
        The rule that was broken: a name that does not change.
    message : str
        What it is, in words.
    container : str
        Where the pickle is: the file, and what was opened in it.
    offset : int or None
        The offset in what was unpacked; ``None`` for what is not about one pickle.
    opcode, global_name, arguments, path, category : str or None
        The opcode there, the class or function, its arguments, where in the object it is, the kind of effect.
    """

    verdict: str
    rule: str
    message: str
    container: str
    offset: int | None = None
    opcode: str | None = None
    global_name: str | None = None
    arguments: str | None = None
    path: str | None = None
    category: str | None = None


@dataclass(frozen=True)
class StreamReport:
    """One pickle.

    Attributes
    ----------
    container : str
        Where it is: the file, and what was opened in it.
    offset, length : int
        Where it starts in what was unpacked, and how much of it was understood.
    protocol : int or None
        The protocol that it declares.
    verdict : str
        What it is.
    findings : tuple of Finding
        Why.
    globals : tuple of str
        The classes and functions that it names.
    """

    container: str
    offset: int
    length: int
    protocol: int | None
    verdict: str
    findings: tuple[Finding, ...]
    globals: tuple[str, ...]


@dataclass(frozen=True)
class FileReport:
    """A file.

    Attributes
    ----------
    path : str
        Its path.
    size : int
        How large it is.
    verdict : str
        The worst that was found in it.
    formats : tuple of str
        What it is made of, outermost first.
    streams : tuple of StreamReport
        Its pickles.
    notes : tuple of Finding
        What else is to be said.
    """

    path: str
    size: int
    verdict: str
    formats: tuple[str, ...]
    streams: tuple[StreamReport, ...]
    notes: tuple[Finding, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings of the file."""
        return tuple(finding for stream in self.streams for finding in stream.findings) + self.notes


@dataclass(frozen=True)
class Report:
    """What a scan has found.

    Attributes
    ----------
    verdict : str
        The worst of all files: ``"clean"``, ``"needs"``, ``"malformed"``, ``"unreadable"``, ``"budget"``,
        ``"ambiguous"`` or ``"dangerous"``.
    files : tuple of FileReport
        The files.
    """

    verdict: str
    files: tuple[FileReport, ...]
    _json: str = field(repr=False, compare=False)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings of all files."""
        return tuple(finding for file in self.files for finding in file.findings)

    @property
    def flagged(self) -> bool:
        """Whether something was found: the verdict is ``"budget"``, ``"ambiguous"`` or ``"dangerous"``."""
        return self.verdict in ("budget", "ambiguous", "dangerous")

    def to_json(self) -> str:
        """Return the report as JSON, as ``brinery scan --format json`` prints it."""
        return self._json


def scan(
    source: bytes | bytearray | memoryview | str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    /,
    *,
    policy: str | Iterable[str] | None = None,
    threads: int = 0,
    max_unpacked: int = 4 << 30,
) -> Report:
    r"""Find out what loading pickles would do, without doing it.

    Parameters
    ----------
    source : bytes-like, path, or iterable of paths
        A pickle or anything that may hold pickles, in memory; or files and folders.
    policy : str or iterable of str, optional
        Policies in the text form, which grant the program's own classes beside what the shipped ones grant.
    threads : int, optional
        How many files are scanned at a time; 0 stands for as many as there are processors.
    max_unpacked : int, optional
        How many bytes one file may unpack to.

    Returns
    -------
    Report
        The verdict, and what it is based on.

    Examples
    --------
    >>> import brinery
    >>> report = brinery.scan(b"cos\nsystem\n(S'true'\ntR.")
    >>> report.verdict
    'dangerous'
    >>> report.findings[1].message
    'calls os.system, which runs a command or starts a program'
    >>> brinery.scan(brinery.dumps([1, 2, 3])).verdict
    'clean'
    """
    policies = [] if policy is None else [policy] if isinstance(policy, str) else list(policy)
    sources: Any
    if isinstance(source, (bytes, bytearray, memoryview)):
        sources = bytes(source)
    elif isinstance(source, (str, os.PathLike)):
        sources = [os.fsencode(source)]
    else:
        sources = [os.fsencode(path) for path in source]
    text = _brinery._scan(sources, policies, threads, max_unpacked)
    data = json.loads(text)
    return Report(data["verdict"], tuple(_file(file) for file in data["files"]), text)


def _file(data: dict[str, Any]) -> FileReport:
    notes = tuple(
        Finding(note["verdict"], note["rule"], note["message"], note["container"]) for note in data["notes"]
    )
    streams = tuple(_stream(stream) for stream in data["streams"])
    return FileReport(data["path"], data["size"], data["verdict"], tuple(data["formats"]), streams, notes)


def _stream(data: dict[str, Any]) -> StreamReport:
    container = data["container"]
    findings = tuple(
        Finding(
            finding["verdict"],
            finding["rule"],
            finding["message"],
            container,
            finding["offset"],
            finding["opcode"],
            finding["global"],
            finding["arguments"],
            finding["path"],
            finding["category"],
        )
        for finding in data["findings"]
    )
    globals_ = tuple(f"{name['module']}.{name['name']}" for name in data["globals"])
    return StreamReport(
        container, data["offset"], data["length"], data["protocol"], data["verdict"], findings, globals_
    )

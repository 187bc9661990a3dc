"""Honest values of the standard library."""

from __future__ import annotations

import argparse
import array
import ast
import collections
import collections.abc
import configparser
import contextlib
import datetime
import decimal
import difflib
import doctest
import email.errors
import email.header
import email.message
import email.parser
import email.policy
import fractions
import ftplib
import functools
import getopt
import graphlib
import html.parser
import http
import http.client
import http.cookiejar
import imaplib
import inspect
import io
import ipaddress
import itertools
import json
import logging
import mimetypes
import numbers
import operator
import optparse
import os
import pathlib
import plistlib
import random
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import statistics
import string
import subprocess
import time
import traceback
import types
import typing
import unittest
import urllib.parse
import urllib.request
import uuid
import xml.dom.minidom
import xml.etree.ElementTree as ElementTree
import zoneinfo
from typing import Any

UTC = datetime.timezone.utc
NOW = datetime.datetime(2020, 1, 2, 3, 4, 5, 6)
NOTED = ValueError("y")
NOTED.extra = 1  # type: ignore[attr-defined]

MESSAGE = email.message.EmailMessage(policy=email.policy.default)
MESSAGE["Subject"], MESSAGE["To"] = "\u00e4 subject", "A <a@b.c>, d@e.f"
MESSAGE.set_content("text")
MESSAGE.add_attachment(b"\x00", maintype="image", subtype="png", filename="f.png")
SETTINGS = configparser.ConfigParser()
SETTINGS.read_string("[one]\na = 1\nb = %(a)s\n[two]\n")
STARTED = itertools.chain([1, 2], "ab")
next(STARTED)

VALUES: dict[str, Any] = {
    "plain": [None, True, 1, 1 << 70, 1.5, "text", "\u1234", b"bytes", (1, (2,)), {"a": [1]}, {(1, 2): 3}],
    "sets": [
        {1, 2},
        frozenset([1]),
        set(),
        bytearray(b"x\xff"),
        b"",
        bytearray(),
        1j,
        range(1, 5, 2),
        slice(1, None),
    ],
    "singletons": [..., NotImplemented, type(None), int, str, list, dict, object, Exception],
    "dates": [
        datetime.date(2020, 1, 2),
        NOW,
        NOW.replace(fold=1),
        NOW.replace(tzinfo=UTC),
        datetime.timedelta(1, 2, 3),
    ],
    "times": [datetime.time(1, 2, 3), datetime.time(1, 2, 3, tzinfo=UTC)],
    "zones": [
        datetime.timezone(datetime.timedelta(hours=2), "X"),
        NOW.replace(tzinfo=zoneinfo.ZoneInfo("UTC")),
        zoneinfo.ZoneInfo("UTC"),
    ],
    "numbers": [
        decimal.Decimal("1.5"),
        decimal.Decimal("-Infinity"),
        fractions.Fraction(1, 3),
        statistics.NormalDist(0, 1),
    ],
    "identifiers": [uuid.UUID(int=5), uuid.uuid1()],
    "paths": [pathlib.PurePosixPath("/a/b"), pathlib.Path("a"), pathlib.PureWindowsPath("c:/x")],
    "collections": [
        collections.OrderedDict([(1, 2)]),
        collections.OrderedDict(),
        collections.defaultdict(list, {1: [2]}),
        collections.Counter("abc"),
        collections.deque([1, 2], 5),
        collections.deque([1]),
        collections.ChainMap({1: 2}),
        collections.UserDict({1: 2}),
        collections.UserList([1]),
        collections.UserString("x"),
    ],
    "addresses": [
        ipaddress.ip_address("1.2.3.4"),
        ipaddress.ip_address("::1"),
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_interface("10.0.0.1/8"),
    ],
    "arrays": [array.array("d", [1.0]), array.array("i", [1, 2])],
    "patterns": [re.compile("a+b", re.IGNORECASE), re.compile(b"a")],
    "namespaces": [types.SimpleNamespace(a=1), argparse.Namespace(a=1)],
    "exceptions": [ValueError("x"), KeyError("k"), OSError(2, "no", "f"), NOTED, StopIteration(3)],
    "files in memory": [io.BytesIO(b"abc"), io.StringIO("abc")],
    "generators": [random.Random(1)],
    "small things": [time.gmtime(0), string.Template("$x"), os.stat("/"), itertools.count(3)],
    "functions": [len, operator.itemgetter(1), operator.attrgetter("a"), functools.partial(int, base=2)],
    "enums": [http.HTTPStatus.OK, signal.SIGINT, socket.AF_INET, re.IGNORECASE],
    "addresses of the web": [urllib.parse.urlparse("http://a/b"), urllib.parse.urlsplit("http://a/b?c")],
    "messages": [email.message.Message()],
    "trees": [ast.parse("x = 1 + 2"), ElementTree.fromstring("<a b='c'><d/>t</a>")],
    "settings": [SETTINGS, SETTINGS["one"], configparser.RawConfigParser(allow_no_value=True)],
    "messages with headers": [MESSAGE],
    "formats of logs": [
        logging.Formatter("%(message)s"),
        logging.Filter("x"),
        logging.getLogger("brinery.honest"),
    ],
    "records of modules": [
        subprocess.CompletedProcess(["a"], 0, b"x"),
        urllib.request.Request("http://a/b", data=b"x"),
        http.cookiejar.Cookie(
            0, "n", "v", None, False, "d", True, False, "/", True, False, 1, True, None, None, {}
        ),
        json.JSONEncoder(indent=2),
    ],
    "errors of modules": [
        configparser.NoOptionError("o", "s"),
        http.client.BadStatusLine("x"),
        sqlite3.OperationalError("x"),
        json.JSONDecodeError("m", "doc", 1),
    ],
    "annotations": [
        numbers.Number,
        [collections.abc.Mapping],
        typing.Optional[int],
        typing.NoReturn,
        typing.Awaitable,
    ],
    "examples of documentation": [doctest.Example("1", "1\n")],
    "partials": [functools.partial(sorted, reverse=True), functools.partial(max, 1)],
    "default values": [collections.defaultdict(functools.partial(collections.defaultdict, int))],
    "records of logs": [logging.LogRecord("n", 20, "p", 1, "m", (1,), None)],
    "tools": [
        xml.dom.minidom.parseString('<!DOCTYPE a><a b="c"><d>e</d><!-- x --><![CDATA[y]]><?z w?></a>'),
        ast.parse("def f(x: int = 3, *a, **k) -> str:\n  return lambda y: [y]"),
        traceback.TracebackException(ValueError, ValueError("x"), None),
        inspect.signature(lambda x, y=None: 0).bind(1, y=2),
        difflib.HtmlDiff(),
        email.header.Header("x", "utf-8"),
        email.parser.Parser(),
        html.parser.HTMLParser(),
        optparse.OptionParser(),
        mimetypes.MimeTypes(),
        unittest.TestSuite(),
        contextlib.nullcontext(3),
        contextlib.suppress(ValueError),
        functools.cmp_to_key,
        os.times(),
        os.uname(),
    ],
    "members of enumerations": [
        socket.MsgFlag.MSG_PEEK,
        ssl.VerifyMode.CERT_REQUIRED,
        ssl.Options.OP_ALL,
        plistlib.FMT_XML,
        uuid.SafeUUID.safe,
    ],
    "factories": [
        collections.defaultdict(decimal.Decimal, a=decimal.Decimal(1)),
        collections.defaultdict(fractions.Fraction, a=fractions.Fraction(1)),
    ],
    "getters": [
        operator.attrgetter("a.b"),
        operator.methodcaller("split", ",", maxsplit=1),
        operator.methodcaller("startswith", "x"),
    ],
    "more exceptions": [
        shutil.Error([("a", "b", "c")]),
        graphlib.CycleError("x", [1]),
        imaplib.IMAP4.error("x"),
        ftplib.error_perm("550"),
        email.errors.MissingHeaderBodySeparatorDefect(),
        getopt.GetoptError("m", "o"),
        ImportError("x", name="n", path="p"),
        UnicodeDecodeError("utf8", b"x", 0, 1, "bad"),
        SyntaxError("bad", ("f", 1, 2, "t")),
    ],
}

#: Iterators could be pickled up to Python 3.13.
ITERATORS = [
    lambda: STARTED,
    lambda: itertools.chain.from_iterable([[1], (2,)]),
    lambda: itertools.cycle([1, 2]),
    lambda: itertools.islice([1, 2, 3], 1, 3),
    lambda: itertools.accumulate([1, 2]),
    lambda: itertools.compress("abc", [1, 0, 1]),
    lambda: itertools.takewhile(bool, [1]),
    lambda: itertools.zip_longest([1], "ab", fillvalue=0),
    lambda: itertools.product([1, 2], "ab"),
    lambda: itertools.permutations([1, 2, 3]),
    lambda: itertools.combinations("abc", 2),
    lambda: itertools.groupby([1, 1, 2]),
    lambda: itertools.starmap(divmod, [(7, 2)]),
    lambda: map(str, [1, 2]),
    lambda: filter(None, [0, 1]),
    lambda: zip("ab", itertools.count()),
    lambda: iter(collections.deque([1, 2])),
]

"""Nesting is bounded by memory, not by the stack of C or by the recursion limit."""

from __future__ import annotations

import subprocess
import sys

import pytest

DEPTH = 200_000

NEST = """
import sys
import brinery

class Node:
    def __init__(self, inner):
        self.inner = inner

def frozen(inner):
    return frozenset([inner])

class Reduced:
    def __init__(self, inner):
        self.inner = inner
    def __reduce__(self):
        return Reduced, (self.inner,)

WRAP = {
    "list": (lambda x: [x], lambda x: x[0]),
    "tuple": (lambda x: (x,), lambda x: x[0]),
    "pairs": (lambda x: (1, x), lambda x: x[1]),
    "long tuple": (lambda x: (1, 2, 3, x), lambda x: x[3]),
    "dict": (lambda x: {"k": x}, lambda x: x["k"]),
    "instance": (Node, lambda x: x.inner),
    "reduction": (Reduced, lambda x: x.inner),
    "list in dict in tuple": (lambda x: ([{"k": x}],), lambda x: x[0][0]["k"]),
}
kind, depth, protocol, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
if limit:
    sys.setrecursionlimit(limit)
wrap, unwrap = WRAP[kind]
obj = "core"
for _ in range(depth):
    obj = wrap(obj)
data = brinery.dumps(obj, protocol)
again = brinery.loads(data)
for _ in range(depth):
    again = unwrap(again)
assert again == "core"
print(len(data))
sys.stdout.flush()
# Taking such objects apart is the interpreter's business, which some versions do by recursion.
import os
os._exit(0)
"""


@pytest.mark.parametrize("limit", [0, 50], ids=["default limit", "recursion limit 50"])
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize(
    "kind",
    ["list", "tuple", "pairs", "long tuple", "dict", "instance", "reduction", "list in dict in tuple"],
)
def test_nesting(kind: str, protocol: int, limit: int) -> None:
    command = [sys.executable, "-c", NEST, kind, str(DEPTH), str(protocol), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr[-2000:]}"
    assert int(done.stdout) > DEPTH


ENDLESS = """
import resource
import brinery

class Endless:
    def __reduce__(self):
        return Endless, (Endless(),)

try:
    brinery.dumps(Endless())
except RecursionError as error:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_reductions_without_an_end() -> None:
    """Depth bounded by memory does not mean that memory is used up."""
    done = subprocess.run(
        [sys.executable, "-c", ENDLESS], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) < 4096


DEEP_KEY = """
import sys
import brinery

depth = int(sys.argv[1])
deep = b")" + b"\\x85" * depth
for stream in (
    b"}" + deep + b"Ns.",
    b"}(" + deep + b"Nu.",
    b"(" + deep + b"Nd.",
    b"\\x8f(" + deep + b"\\x90.",
    b"(" + deep + b"\\x91.",
    b"cbuiltins\\nset\\n](" + deep + b"e\\x85R.",
    b"cbuiltins\\nfrozenset\\n](" + deep + b"e\\x85R.",
    b"}(I1\\n" + deep + b"\\x86Nu.",
):
    try:
        loaded = brinery.loads(stream)
        print("loaded", len(loaded))
    except RecursionError as error:
        assert error.offset is not None
        print("RecursionError")
# One tuple many times is not deep.
wide = b")" + b"".join(b"q%c0h%ch%c\\x86" % (n, n, n) for n in range(16))
print(len(brinery.loads(b"}" + wide + b"Ns.")))
"""


@pytest.mark.parametrize(("depth", "answer"), [(5000, "loaded 1"), (DEPTH, "RecursionError")])
def test_deep_keys(depth: int, answer: str) -> None:
    """CPython hashes tuples by recursion: stock crashes."""
    done = subprocess.run(
        [sys.executable, "-c", DEEP_KEY, str(depth)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr[-2000:]}"
    assert done.stdout.splitlines() == [answer] * 8 + ["1"]


SMALL_STACK = """
import sys
import threading
import brinery

def load(depth):
    try:
        print("loaded", len(brinery.loads(b"}" + b")" + b"\\x85" * depth + b"Ns.")))
    except RecursionError:
        print("RecursionError")

threading.stack_size(int(sys.argv[1]))
for depth in map(int, sys.argv[2:]):
    thread = threading.Thread(target=load, args=[depth])
    thread.start()
    thread.join()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell how large a stack is")
@pytest.mark.parametrize("size", [64 << 10, 128 << 10, 256 << 10, 1 << 20])
def test_deep_keys_in_threads_with_small_stacks(size: int) -> None:
    loaded, refused = [50, size // 512], [size // 100]
    if sys.version_info < (3, 13):
        # From 3.13 on, taking deeper tuples apart is what such a stack has no room for, whoever has made them.
        refused += [size // 50, size // 10, DEPTH]
    depths = loaded + refused
    command = [sys.executable, "-c", SMALL_STACK, str(size), *map(str, depths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr[-2000:]}"
    answers = done.stdout.splitlines()
    assert answers == ["loaded 1"] * len(loaded) + ["RecursionError"] * len(refused)

"""How much memory dumps to files and loads from them take beyond the objects, measured in processes of their own."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")

MIB = 1 << 20

MEASURE = """
import gc, json, os, sys
import brinery

MIB = 1 << 20
name, way, path = sys.argv[1:]

def strings():
    return ["https://example.org/item/%d/page" % number for number in range(1_000_000)]

def records():
    return [{"id": number, "name": "name %d" % number, "score": number / 7} for number in range(300_000)]

def tuples():
    return [(number, float(number)) for number in range(600_000)]

def one_bytes():
    return b"x" * (256 * MIB)

def bytearrays():
    return [bytearray(16 * MIB) for _ in range(16)]

class Array:
    "What arrays do at protocol 5: they give a view of their memory."

    def __init__(self, data):
        self.data = data

    def __reduce__(self):
        return Array, (brinery.PickleBuffer(self.data),)

def arrays():
    return [Array(bytearray(16 * MIB)) for _ in range(16)]

def status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name + ":"))

def peak(action):
    "The result of an action, and how much more memory was in use on the way than before."
    gc.collect()
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = status("VmRSS")
    result = action()
    return result, status("VmHWM") - before

def dump():
    if way == "path":
        return brinery.dump(objects, path, protocol=5)
    with open(path, "wb") as file:
        brinery.dump(objects, file, protocol=5)

def load():
    if way == "path":
        return brinery.load(path)
    with open(path, "rb") as file:
        return brinery.load(file)

objects, made = peak(globals()[name])
_, dumped = peak(dump)
del objects
_, loaded = peak(load)
print(json.dumps({"made": made, "dump": dumped, "load": loaded, "file": os.path.getsize(path)}))
"""

LARGEST_BUFFER = {"one_bytes": 256 * MIB, "bytearrays": 16 * MIB, "arrays": 16 * MIB}


@pytest.mark.parametrize("way", ["file", "path"])
@pytest.mark.parametrize("name", ["strings", "records", "tuples", "one_bytes", "bytearrays", "arrays"])
def test_files_take_little_memory_beyond_the_objects(name, way, tmp_path):
    command = [sys.executable, "-c", MEASURE, name, way, str(tmp_path / "file")]
    child = subprocess.run(command, check=True, capture_output=True, text=True)
    seen = json.loads(child.stdout)
    allowed = 1.3 * LARGEST_BUFFER.get(name, 0) + 64 * MIB
    assert seen["dump"] <= allowed, seen
    # A mapped file of small objects is in memory as long as it is read, and the system may take that memory back.
    mapped = seen["file"] if way == "path" and name not in LARGEST_BUFFER else 0
    assert seen["load"] <= seen["made"] + mapped + allowed, seen

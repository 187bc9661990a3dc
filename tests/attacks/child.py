"""The throwaway process: each attack gets a fork of its own."""

from __future__ import annotations

import base64
import json
import os
import pickle
import resource
import signal
import sys
import time

from . import victims

SECONDS = 5
MEMORY = 1 << 30


def clock() -> float:
    """Seconds that have passed but for those in which another process had the processor, where the system counts them."""
    try:
        with open("/proc/self/schedstat") as file:
            waited = int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        waited = 0.0
    return time.monotonic() - waited


def attempt(data: bytes, job: dict[str, object]) -> dict[str, object]:
    """Load once, and say what came of it."""
    if job.get("programs"):
        from . import programs
    outcomes: list[str] = []
    imported: list[str] = []
    result: dict[str, object] = {"outcomes": outcomes, "imported": imported, "effect": None}
    began = clock()
    value: object = None
    if job["engine"] == "stock":
        try:
            value = pickle.loads(data)
        except MemoryError:
            result["effect"] = "memory"
        except BaseException as error:
            outcomes.append(f"{type(error).__name__}: {error}"[:200])
        if isinstance(value, tuple) and value and callable(value[0]) and value[0] is not victims.touch:
            value[0]()  # what a program would do with a callback that it loads
    else:
        import brinery

        scope = {"Policy": brinery.Policy}
        rules = [eval(text, scope) if "(" in text else text for text in job["policies"]]  # type: ignore[attr-defined]
        brinery.loads(b"N.", policy=rules[0])
        before = set(sys.modules)
        for policy in rules:
            try:
                brinery.loads(data, policy=policy)
                outcomes.append("loaded")
            except brinery.PolicyError:
                outcomes.append("PolicyError")
            except BaseException as error:
                outcomes.append(f"{type(error).__name__}: {error}"[:200])
        imported += [name for name in set(sys.modules) - before if not name.startswith("brinery")]
    del value
    spent = clock() - began
    if os.path.exists("effect"):
        result["effect"] = "file"
    elif job.get("programs") and programs.changed():
        result["effect"] = "change"
    elif victims.changed() or "evil" in sys.modules or getattr(pickle, "evil", None):
        result["effect"] = "change"
    elif spent > SECONDS * max(1, len(outcomes)):
        result["effect"] = f"time {spent:.1f}"
    elif resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > MEMORY:
        result["effect"] = "memory"
    return result


def isolated(data: bytes, job: dict[str, object]) -> dict[str, object]:
    """Do it in a fork with limits, which the attack may end as it likes."""
    if os.path.isdir("effect"):
        os.rmdir("effect")
    elif os.path.exists("effect"):
        os.remove("effect")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        devnull = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(devnull, stream)
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.alarm(120)
        os.write(writer, json.dumps(attempt(data, job)).encode())
        os._exit(0)
    os.close(writer)
    began = time.monotonic()
    if job["engine"] == "stock":
        # Proven when it takes too long: there is no need to see it through.
        while time.monotonic() - began < SECONDS + 1:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                break
            time.sleep(0.01)
        else:
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
    else:
        _, status = os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    if answer:
        result: dict[str, object] = json.loads(answer)
        return result
    effect = "file" if os.path.exists("effect") else f"end {status}"
    return {"outcomes": [], "imported": [], "effect": effect}


def main() -> None:
    """Try all attacks of a job."""
    job = json.load(sys.stdin)
    results = [isolated(base64.b64decode(data), job) for data in job["attacks"]]
    print(json.dumps(results))


if __name__ == "__main__":
    main()

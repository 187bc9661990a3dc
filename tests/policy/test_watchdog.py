"""Code of granted classes that takes too long and allocates nothing, and what is left of it afterwards."""

from __future__ import annotations

import _thread
import itertools
import os
import pickle
import queue
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import brinery

pytestmark = pytest.mark.skipif(
    not getattr(sys, "_is_gil_enabled", lambda: True)() or not hasattr(os, "fork"),
    reason="nobody watches here",
)

IN_TIME = 3
BUDGET = 300


class Runs:
    """What does something with a number of the stream when it is given its state."""

    DEEDS: dict[str, Callable[[Any], object]] = {}
    left: list[object] = []

    def __init__(self, deed: str, number: int) -> None:
        self.deed = deed
        self.number = number

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.made = self.DEEDS[self.deed](self.number)


def deed(function: Callable[[Any], object]) -> Callable[[Any], object]:
    Runs.DEEDS[function.__name__] = function
    return function


@deed
def nothing(number: int) -> None:
    """Nothing."""


@deed
def loop(number: int) -> None:
    # No number is made for that.
    for _ in itertools.repeat(None, number):
        pass


@deed
def generate(number: int) -> bool:
    return all(True for _ in itertools.repeat(None, number))


@deed
def stubborn(number: int) -> None:
    for _ in range(20):
        try:
            loop(number)
        except BaseException:
            pass


@deed
def forgiving(number: int) -> None:
    try:
        loop(number)
    except Exception:
        loop(number)


@deed
def backtracking(number: int) -> None:
    re.match(r"(a*)*b", "a" * min(number, 60))


@deed
def power(number: int) -> int:
    return 3 ** (number // 100) % 7


@deed
def within(number: int) -> object:
    try:
        return brinery.loads(pickle.dumps(Runs("loop", number)), policy=granted(60_000))
    except brinery.PolicyError as error:
        return error


@deed
def much_within(number: int) -> None:
    for _ in range(number):
        try:
            brinery.loads(pickle.dumps(Runs("loop", 10**12)), policy=granted(50))
        except brinery.PolicyError:
            Runs.left.append("refused within")


@deed
def forking(number: int) -> int:
    child = os.fork()
    if child == 0:
        loop(1000)
        os._exit(7)
    return os.waitpid(child, 0)[1] >> 8


@deed
def short(number: int) -> None:
    end = time.thread_time() + number / 1000
    while time.thread_time() < end:
        pass


@deed
def asleep(number: int) -> None:
    time.sleep(min(number, 20))


@deed
def waiting(number: int) -> None:
    threading.Event().wait(min(number, 20))


@deed
def queueing(number: int) -> None:
    queue.Queue[int]().get(timeout=min(number, 20))


@deed
def dozing(number: int) -> None:
    for _ in range(min(number, 200)):
        time.sleep(0.1)


@deed
def awaiting_a_process(number: int) -> None:
    subprocess.run([sys.executable, "-c", "import time; time.sleep(20)"], check=bool(number))


@deed
def persistent_sleeper(number: int) -> None:
    for _ in range(10):
        try:
            asleep(number)
        except BaseException:
            pass


def granted(milliseconds: int = BUDGET) -> brinery.Policy:
    rules = brinery.Policy("data") | brinery.Policy.allow(
        Runs, construct="tuple[]", setstate="dict[str, any]"
    )
    return rules.limits(milliseconds=milliseconds)


def load(name: str, number: int = 10**12, milliseconds: int = BUDGET) -> Runs:
    made = brinery.loads(pickle.dumps(Runs(name, number)), policy=granted(milliseconds))
    assert isinstance(made, Runs)
    return made


def refuse(name: str, number: int = 10**12, milliseconds: int = BUDGET) -> None:
    """See to it that the load is refused in time and leaves nothing behind."""
    begun = time.monotonic()
    with pytest.raises(brinery.PolicyError, match=r"budget\.time"):
        load(name, number, milliseconds)
    assert time.monotonic() - begun < IN_TIME
    before = signal.getsignal(signal.SIGINT)
    short(150)
    assert signal.getsignal(signal.SIGINT) is before
    assert load("nothing").made is None


def in_thread(function: Callable[[], object]) -> None:
    """Run something in another thread, whose failure is ours."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def in_process(text: str, *, timeout: int = 20) -> str:
    """Run a program that has the names of this module, and return what it says."""
    head = "from tests.policy.test_watchdog import *\nimport tests.policy.test_watchdog as here\n"
    done = subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(text)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, (done.returncode, done.stderr)
    return done.stdout + done.stderr


@pytest.fixture
def own_handler() -> Iterator[list[int]]:
    """A program that does something of its own about Ctrl-C."""
    calls: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: calls.append(number))
    yield calls
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("name", ["loop", "generate", "stubborn", "forgiving"])
def test_loops_are_ended(name: str) -> None:
    refuse(name)


@pytest.mark.parametrize("name", ["loop", "generate", "stubborn", "forgiving"])
def test_loops_are_ended_in_other_threads(name: str) -> None:
    in_thread(lambda: refuse(name))


@pytest.mark.parametrize("name", ["backtracking", "power"])
def test_functions_in_c_that_look_for_signals_are_ended_in_the_main_thread(name: str) -> None:
    refuse(name)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="nobody sees here who waits")
@pytest.mark.parametrize(
    "name", ["asleep", "waiting", "queueing", "dozing", "awaiting_a_process", "persistent_sleeper"]
)
def test_what_waits_is_ended_in_the_main_thread(name: str) -> None:
    refuse(name)


def test_what_ignores_interrupts_as_in_the_background_is_ended_and_still_ignores_them() -> None:
    said = in_process(
        """
        import os, signal, threading, time
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        interrupt = lambda: os.kill(os.getpid(), signal.SIGINT)
        waits = ["asleep", "waiting"] if sys.platform.startswith("linux") else []
        for name in ["loop", "backtracking", "stubborn", *waits]:
            for delay in [0.1, 0.29]:
                threading.Timer(delay, interrupt).start()
                refuse(name)
                assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
            interrupt()
            load("nothing")
            interrupt()
        print("ignored")
        """
    )
    assert said.split() == ["ignored"]


def test_waiting_for_the_lock_of_the_interpreter_costs_nothing() -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            sum(range(1000))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        begun = time.monotonic()
        while time.monotonic() - begun < 2:
            load("short", 20)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_real_interrupt_of_what_waits_gets_through() -> None:
    said = in_process(
        """
        import os, signal, threading, time
        for delay in [0.1, 0.25, 0.4]:
            threading.Timer(delay, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
            try:
                try:
                    load("asleep")
                except brinery.PolicyError:
                    time.sleep(1)
                print("nothing")
            except KeyboardInterrupt:
                print("interrupted")
            time.sleep(0.5)
        for _ in range(5):
            refuse("asleep", milliseconds=50)
            time.sleep(0.05)
        """
    )
    assert said.split() == ["interrupted"] * 3


def test_loops_are_ended_whatever_the_program_does_about_interrupts(own_handler: list[int]) -> None:
    refuse("loop")
    assert own_handler == []


@pytest.mark.parametrize("thread", [False, True])
def test_many_are_ended_at_the_end_of_a_stream_and_within_it(thread: bool) -> None:
    data = pickle.dumps([Runs("loop", 10**12), Runs("nothing", 1)])

    def refused() -> None:
        with pytest.raises(brinery.PolicyError, match=r"budget\.time") as caught:
            brinery.loads(data, policy=granted())
        assert caught.value.offset is not None
        assert caught.value.path

    in_thread(refused) if thread else refused()


def test_what_ends_in_time_is_loaded() -> None:
    for _ in range(5):
        assert load("short", 100, 1000).made is None
    in_thread(lambda: load("short", 100, 1000))


def test_loads_in_many_threads_at_once_are_ended_each_for_itself() -> None:
    failed: list[BaseException] = []

    def bad() -> None:
        try:
            refuse("loop", milliseconds=100)
        except BaseException as error:
            failed.append(error)

    def good() -> None:
        try:
            for _ in range(200):
                load("short", 1, 400)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=one) for one in [bad, good, bad, good]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_the_load_around_another_has_its_own_time() -> None:
    refuse("within")
    in_thread(lambda: refuse("within"))


@pytest.mark.parametrize("thread", [False, True])
def test_the_load_around_others_goes_on_when_they_are_refused(thread: bool) -> None:
    Runs.left.clear()
    run = lambda: load("much_within", 3, 5000)  # noqa: E731
    in_thread(run) if thread else run()
    assert Runs.left == ["refused within"] * 3


def test_the_programs_own_code_takes_what_it_likes() -> None:
    class Loader(brinery.Unpickler):
        def persistent_load(self, number: int) -> int:
            short(200)
            return number

    import io

    class Saver(pickle.Pickler):
        def persistent_id(self, value: object) -> int | None:
            return value if type(value) is int and value > 5000 else None

    for run in [lambda body: body(), in_thread]:
        file = io.BytesIO()
        Saver(file).dump([Runs("nothing", 1), 5001, 5002, 5003])
        file.seek(0)
        rules = granted() | brinery.Policy.from_toml("policy = 1\npersistent = true\n")
        made: list[Any] = []
        run(lambda: made.append(Loader(file, policy=rules.limits(milliseconds=BUDGET)).load()))
        assert made[0][1:] == [5001, 5002, 5003]


def test_a_real_interrupt_gets_through() -> None:
    said = in_process(
        """
        import os, signal, threading, time
        for delay in [0.05, 0.25, 0.295, 0.3, 0.31]:
            threading.Timer(delay, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
            try:
                try:
                    load("loop")
                except brinery.PolicyError:
                    time.sleep(1)
                print("nothing")
            except KeyboardInterrupt:
                print("interrupted")
            time.sleep(0.5)
        """
    )
    assert said.split() == ["interrupted"] * 5


def test_an_interrupt_while_c_runs_gets_through_together_with_ours() -> None:
    said = in_process(
        """
        import os, signal, time
        pid = os.fork()
        if pid == 0:
            while True:
                time.sleep(0.05)
                os.kill(os.getppid(), signal.SIGINT)
        try:
            load("stubborn")
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            print("interrupted")
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        """
    )
    assert said.split() == ["interrupted"]


def test_handlers_of_other_signals_run_once_and_raise_what_they_like() -> None:
    said = in_process(
        """
        import signal, time
        class Alarm(BaseException):
            pass
        def alarm(number, frame):
            raise Alarm
        signal.signal(signal.SIGALRM, alarm)
        for delay in [0.1, 0.29, 0.3, 0.305, 0.31]:
            signal.setitimer(signal.ITIMER_REAL, delay)
            try:
                try:
                    load("loop")
                except brinery.PolicyError:
                    time.sleep(1)
                print("nothing")
            except Alarm:
                print("mine")
        """
    )
    assert said.split() == ["mine"] * 5


def test_threads_end_and_processes_fork_while_loads_are_watched() -> None:
    assert load("forking").made == 7
    for _ in range(20):
        in_thread(lambda: load("nothing"))
        child = os.fork()
        if child == 0:
            code = 1
            try:
                refuse("loop", milliseconds=50)
                in_thread(lambda: refuse("loop", milliseconds=50))
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        refuse("loop", milliseconds=20)


def test_a_fork_in_another_thread_keeps_the_watch() -> None:
    def fork() -> None:
        for _ in range(5):
            time.sleep(0.05)
            child = os.fork()
            if child == 0:
                os._exit(0)
            os.waitpid(child, 0)

    thread = threading.Thread(target=fork)
    thread.start()
    refuse("loop", milliseconds=400)
    thread.join()


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="nobody counts threads here")
def test_no_thread_is_there_when_the_process_forks_nor_long_after_the_load() -> None:
    said = in_process(
        """
        import os, time, warnings
        warnings.simplefilter("error")
        count = lambda: len(os.listdir("/proc/self/task"))
        brinery.loads(pickle.dumps([1, "a"]), policy="stdlib")
        print(count())
        load("nothing")
        print(count())
        child = os.fork()
        if child == 0:
            os._exit(count() - 1)
        print(os.waitpid(child, 0)[1], count())
        load("nothing")
        time.sleep(1.5)
        print(count())
        """
    )
    assert said.split() == ["1", "2", "0", "1", "1"]


def test_the_interpreter_ends_while_loads_are_watched() -> None:
    in_process(
        """
        import atexit, threading, time
        atexit.register(lambda: load("nothing"))
        threading.Thread(target=lambda: refuse("loop")).start()
        load("nothing")
        atexit.register(lambda: load("nothing"))
        time.sleep(0.25)
        """
    )


def test_interpreters_beside_the_main_one_are_left_alone() -> None:
    in_process(
        """
        try:
            import _xxsubinterpreters as interpreters
        except ImportError:
            import _interpreters as interpreters
        try:
            other = interpreters.create("legacy")
        except TypeError:
            other = interpreters.create()
        load("nothing")
        interpreters.run_string(other, "import brinery; brinery.loads(brinery.dumps([1]), policy='stdlib')")
        refuse("loop")
        interpreters.destroy(other)
        refuse("loop")
        """
    )


def test_threads_of_the_stock_kind_are_watched() -> None:
    done = threading.Event()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            refuse("loop", milliseconds=100)
        except BaseException as error:
            failed.append(error)
        done.set()

    _thread.start_new_thread(run, ())
    assert done.wait(10)
    assert failed == []

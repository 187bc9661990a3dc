"""What programs may expect of the module besides its bytes: names, signatures, kinds of objects, lifetimes, threads."""

from __future__ import annotations

import _pickle
import copyreg
import gc
import inspect
import io
import pickle
import pydoc
import sys
import threading
import tracemalloc
import types
import weakref
from typing import Any, Callable

import pytest

import brinery
from brinery import PickleBuffer, Pickler, Unpickler, dumps, loads

FUNCTIONS = ("dump", "dumps", "load", "loads")
CLASSES = ("Pickler", "Unpickler")
METHODS = [
    (cls, name)
    for cls in CLASSES
    for name, member in sorted(vars(getattr(_pickle, cls)).items())
    if callable(member) and not name.startswith("__")
]


class Plain:
    """Attributes only."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


# What loads can be told here, besides what they can be told there.
OWN = ("policy", "type")


def signature(obj: Any) -> str | None:
    """Return a signature as text, without what is brinery's own, or None where there is none."""
    try:
        whole = inspect.signature(obj)
    except ValueError:
        return None
    return str(whole.replace(parameters=[p for p in whole.parameters.values() if p.name not in OWN]))


# Names


def test_names_of_pickle() -> None:
    assert set(pickle.__all__) <= set(brinery.__all__)
    for name in pickle.__all__:
        assert hasattr(brinery, name), name
        if name not in (*FUNCTIONS, *CLASSES):
            assert getattr(brinery, name) == getattr(pickle, name), name


def test_names_of_the_c_module() -> None:
    missing = [
        name for name in dir(_pickle) if not name.startswith("__") and not hasattr(brinery._brinery, name)
    ]
    assert missing == []


def test_exceptions_are_the_same_classes() -> None:
    for name in ("PickleError", "PicklingError", "UnpicklingError"):
        assert getattr(brinery, name) is getattr(pickle, name)
    assert brinery.PickleBuffer is pickle.PickleBuffer


def test_version() -> None:
    assert brinery.__version__.count(".") == 2


# Signatures and help


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_builtin_with_the_same_signature(name: str) -> None:
    ours, stock = getattr(brinery, name), getattr(_pickle, name)
    assert type(ours) is types.BuiltinFunctionType
    parameters = list(inspect.signature(ours).parameters.values())
    theirs = list(inspect.signature(stock).parameters.values())
    assert parameters[: len(theirs)] == theirs
    # What is brinery's own comes after it, by keyword only, and changes nothing where it is not given.
    for parameter in parameters[len(theirs) :]:
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert parameter.default is None
    assert ours.__name__ == name
    assert ours.__doc__


@pytest.mark.skipif(sys.version_info < (3, 10), reason="3.9 keeps no signature of a type made from a spec")
@pytest.mark.parametrize("name", CLASSES)
def test_classes_have_the_same_signature(name: str) -> None:
    ours, stock = getattr(brinery, name), getattr(_pickle, name)
    assert signature(ours) == signature(stock)
    assert ours.__name__ == stock.__name__
    assert ours.__doc__


@pytest.mark.parametrize(("cls", "name"), METHODS)
def test_methods_have_the_same_signature(cls: str, name: str) -> None:
    ours, stock = getattr(getattr(brinery, cls), name), getattr(getattr(_pickle, cls), name)
    assert type(ours) is type(stock)
    assert signature(ours) == signature(stock)


@pytest.mark.parametrize("name", CLASSES)
def test_attributes_are_the_same(name: str) -> None:
    ours, stock = vars(getattr(brinery, name)), vars(getattr(_pickle, name))
    assert set(stock) - {"__weakref__"} <= set(ours)


def test_help() -> None:
    # Python 3.13 breaks long signatures into lines.
    for function, signature in (
        (brinery.dumps, "dumps(obj, protocol=None, *, fix_imports=True, buffer_callback=None, key=None"),
        (brinery.loads, "loads(data, /, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=()"),
    ):
        text = pydoc.render_doc(function, renderer=pydoc.plaintext)
        assert "".join(signature.split()) in "".join(text.split())


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.dumps(),
        lambda m: m.dumps(1, 2, 3),
        lambda m: m.dumps(1, protocol="x"),
        lambda m: m.dumps(1, 6),
        lambda m: m.dumps(1, 2**70),
        lambda m: m.dumps(1, wrong=1),
        lambda m: m.dumps(1, 4, buffer_callback=print),
        lambda m: m.dump(1),
        lambda m: m.dump(1, object()),
        lambda m: m.dump(1, b"file"),
        lambda m: m.loads(),
        lambda m: m.loads("text"),
        lambda m: m.loads(data=b"N."),
        lambda m: m.loads(b"N.", encoding=1),
        lambda m: m.loads(b"N.", encoding="a\x00b"),
        lambda m: m.loads(b"N.", buffers=1),
        lambda m: m.load(object()),
        lambda m: m.load(io.StringIO("N.")),
        lambda m: m.Pickler(),
        lambda m: m.Pickler(object()),
        lambda m: m.Pickler(io.BytesIO(), 9),
        lambda m: m.Unpickler(),
        lambda m: m.Unpickler(object()),
        lambda m: m.Pickler(io.BytesIO()).dump(),
        lambda m: m.Unpickler(io.BytesIO()).find_class("os"),
        lambda m: setattr(m.Pickler(io.BytesIO()), "memo", 5),
        lambda m: delattr(m.Pickler(io.BytesIO()), "memo"),
        lambda m: setattr(m.Pickler(io.BytesIO()), "fast", "x"),
        lambda m: delattr(m.Pickler(io.BytesIO()), "fast"),
        lambda m: setattr(m.Pickler(io.BytesIO()), "other", 1),
        lambda m: m.Pickler(io.BytesIO()).persistent_id,
        lambda m: m.Unpickler(io.BytesIO()).persistent_load,
        lambda m: m.Pickler(io.BytesIO()).dispatch_table,
    ],
)
def test_misuse_raises_the_same_class(call: Callable[[Any], Any]) -> None:
    def outcome(module: Any) -> type | None:
        try:
            call(module)
        except Exception as error:
            return type(error)
        return None

    assert outcome(brinery._brinery) is outcome(_pickle)


# Kinds


@pytest.mark.skipif(sys.version_info < (3, 10), reason="before 3.10, types of modules can be changed")
@pytest.mark.parametrize("name", CLASSES)
def test_classes_are_immutable(name: str) -> None:
    with pytest.raises(TypeError, match="immutable type"):
        getattr(brinery, name).extra = 1


@pytest.mark.parametrize("make", [lambda: Pickler(io.BytesIO()).memo, lambda: Unpickler(io.BytesIO()).memo])
def test_memo_proxies(make: Callable[[], Any]) -> None:
    proxy = make()
    assert proxy.copy() == {}
    proxy.clear()
    assert proxy.__reduce__()[0] is dict
    with pytest.raises(TypeError):
        hash(proxy)
    if sys.version_info >= (3, 10):
        with pytest.raises(TypeError):
            type(proxy).extra = 1


def test_memo_of_a_pickler() -> None:
    pickler = Pickler(io.BytesIO(), 4)
    obj = ["shared"]
    pickler.dump(obj)
    assert pickler.memo.copy()[id(obj)] == (0, obj)
    assert pickler.memo.copy()[id(obj)][1] is obj
    pickler.memo.clear()
    assert pickler.memo.copy() == {}


@pytest.mark.parametrize("base", [Pickler, Unpickler])
def test_subclasses(base: type) -> None:
    class Sub(base):
        """A subclass with attributes and weak references."""

        def __init__(self, *args: Any, extra: Any = None, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.extra = extra

    obj = Sub(io.BytesIO(b"N."), extra=5)
    assert obj.extra == 5 and isinstance(obj, base)
    reference = weakref.ref(obj)
    del obj
    gc.collect()
    assert reference() is None


def test_two_bases() -> None:
    class Mixin:
        def persistent_id(self, obj: Any) -> Any:
            return "id" if obj == "me" else None

    class Both(Mixin, Pickler):
        pass

    stream = io.BytesIO()
    Both(stream, 0).dump("me")
    assert stream.getvalue() == b"Pid\n."


# Hooks wherever they may be


def table_from_descriptor() -> type:
    """Return a Pickler whose dispatch table is a property."""

    class WithProperty(Pickler):
        @property
        def dispatch_table(self) -> dict:
            return {Plain: lambda obj: (dict, ())}

    return WithProperty


def test_dispatch_table_through_a_property() -> None:
    stream = io.BytesIO()
    table_from_descriptor()(stream).dump([Plain(a=1)])
    assert loads(stream.getvalue()) == [{}]


def test_copyreg_is_looked_at_when_dumping() -> None:
    class Late:
        """Registered after the first dump."""

    globals()["Late"], Late.__qualname__ = Late, "Late"
    assert type(loads(dumps(Late()))) is Late
    copyreg.pickle(Late, lambda obj: (list, ()))
    try:
        assert loads(dumps(Late())) == []
    finally:
        del copyreg.dispatch_table[Late]
    assert type(loads(dumps(Late()))) is Late


def test_a_class_changed_after_its_first_dump() -> None:
    class Changing:
        """Gets hooks later."""

    globals()["Changing"], Changing.__qualname__ = Changing, "Changing"
    assert type(loads(dumps(Changing()))) is Changing
    Changing.__reduce__ = lambda self: (set, ())
    assert loads(dumps(Changing())) == set()
    del Changing.__reduce__
    Changing.__getstate__ = lambda self: {"state": 1}
    assert vars(loads(dumps(Changing()))) == {"state": 1}
    Changing.__setstate__ = lambda self, state: self.__dict__.update(got=state)
    assert vars(loads(dumps(Changing()))) == {"got": {"state": 1}}


# Audit


def test_audit_event() -> None:
    seen, watching = [], [True]

    def hook(event: str, args: tuple) -> None:
        if watching and event == "pickle.find_class":
            seen.append(args)

    sys.addaudithook(hook)
    loads(dumps([Plain, len], 4))
    loads(b"ccollections\nOrderedDict\n.")
    watching.clear()
    assert seen == [(__name__, "Plain"), ("builtins", "len"), ("collections", "OrderedDict")]


def test_audit_hooks_can_refuse() -> None:
    active = [True]

    def hook(event: str, args: tuple) -> None:
        if active and event == "pickle.find_class" and args[1] == "deque":
            raise PermissionError("not deque")

    sys.addaudithook(hook)
    try:
        with pytest.raises(PermissionError):
            loads(b"ccollections\ndeque\n.")
    finally:
        active.clear()


# Lifetimes


def everything() -> list:
    """Return one of each kind of object."""
    shared = Plain(name="shared", items=[1, 2.5, "text", b"bytes", None, True, 2**70])
    return [
        shared,
        {"a": shared, "b": (shared, [], {}, set(), frozenset({1}))},
        {1, 2, "three"},
        bytearray(b"array"),
        [list(range(50)), tuple(range(50)), {n: str(n) for n in range(50)}],
        PickleBuffer(b"buffer"),
        len,
        Plain,
        ValueError("x", 1),
    ]


def dump_and_load() -> None:
    obj = everything()
    for protocol in range(6):
        loads(dumps(obj[:5], protocol))
    buffers: list = []
    loads(dumps(obj, 5, buffer_callback=buffers.append), buffers=buffers)
    stream = io.BytesIO()
    pickler = Pickler(stream)
    pickler.dump(obj[:5])
    pickler.dump(obj[:5])
    stream.seek(0)
    unpickler = Unpickler(stream)
    unpickler.load()
    unpickler.load()


def fail_in_every_way() -> None:
    lock = threading.Lock()
    for obj in (lock, [lock], {"a": (1, {lock})}, Plain(a=[lock]), lambda: 1):
        for protocol in (0, 2, 5):
            with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
                dumps(obj, protocol)
    whole = dumps(everything()[:5])
    for size in range(0, len(whole) - 1, 7):
        with pytest.raises((pickle.UnpicklingError, EOFError)):
            loads(whole[:size])
    for data in (b"h\x00.", b"cno_module\nname\n.", b"](K\x01]Q.", b"}]Ns.", b"\x80\x09.", b"Iabc\n."):
        with pytest.raises(Exception):
            loads(data)


@pytest.mark.parametrize("work", [dump_and_load, fail_in_every_way])
def test_no_memory_is_lost(work: Callable[[], None]) -> None:
    for _ in range(3):
        work()
    grown = []
    tracemalloc.start()
    try:
        for _ in range(12):
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(20):
                work()
            gc.collect()
            grown.append(tracemalloc.get_traced_memory()[0] - before)
    finally:
        tracemalloc.stop()
    # Caches grow now and then; what is lost is lost every time.
    assert min(grown) < 2000, grown


@pytest.mark.parametrize("work", [dump_and_load, fail_in_every_way])
def test_no_reference_is_lost(work: Callable[[], None]) -> None:
    """Counts of objects that every dump and load touches stay where they are."""
    watched = [Plain, "name", (), None, True, len, ValueError, dict, list, Plain.__init__]
    work()
    gc.collect()
    before = [sys.getrefcount(obj) for obj in watched]
    for _ in range(30):
        work()
    gc.collect()
    after = [sys.getrefcount(obj) for obj in watched]
    for obj, earlier, later in zip(watched, before, after):
        assert abs(later - earlier) < 25, obj


def test_memo_keeps_objects_alive_until_cleared() -> None:
    pickler = Pickler(io.BytesIO())
    obj = Plain()
    reference = weakref.ref(obj)
    pickler.dump(obj)
    del obj
    assert reference() is not None
    pickler.clear_memo()
    assert reference() is None


def test_dumps_keeps_nothing_alive() -> None:
    obj = Plain(inner=Plain())
    references = weakref.ref(obj), weakref.ref(obj.inner)
    dumps(obj)
    del obj
    assert [reference() for reference in references] == [None, None]


@pytest.mark.parametrize("base", [Pickler, Unpickler])
def test_cycles_are_collected(base: type) -> None:
    class Sub(base):
        pass

    obj = Sub(io.BytesIO(b"N."))
    obj.me = obj
    obj.persistent_id = obj.persistent_load = lambda pid, obj=obj: obj
    reference = weakref.ref(obj)
    del obj
    gc.collect()
    assert reference() is None


def test_cycle_through_the_memo_is_collected() -> None:
    class Sub(Pickler):
        pass

    pickler = Sub(io.BytesIO())
    holder = Plain()
    pickler.dump([holder])
    holder.pickler = pickler
    reference = weakref.ref(holder)
    del holder, pickler
    gc.collect()
    assert reference() is None


def test_the_collector_is_left_as_it_was() -> None:
    data = dumps([Plain(n=n) for n in range(20_000)])
    for enabled in (True, False):
        (gc.enable if enabled else gc.disable)()
        try:
            loads(data)
            assert gc.isenabled() is enabled
            with pytest.raises(pickle.UnpicklingError):
                loads(data[:-5])
            assert gc.isenabled() is enabled
        finally:
            gc.enable()
    frozen = gc.get_freeze_count()
    loads(data)
    assert gc.get_freeze_count() == frozen


def test_loaded_objects_are_tracked_by_the_collector() -> None:
    loaded = loads(dumps([Plain(), [1], {"a": []}, ([],)]))
    assert all(gc.is_tracked(obj) for obj in loaded if not isinstance(obj, Plain))
    loaded.append(loaded)
    loaded[0].cycle = loaded
    reference = weakref.ref(loaded[0])
    del loaded
    gc.collect()
    assert reference() is None


# Threads


def test_many_threads_at_once() -> None:
    data = {protocol: dumps(everything()[:4], protocol) for protocol in range(6)}
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(60):
                for protocol, expected in data.items():
                    assert dumps(everything()[:4], protocol) == expected
                    assert loads(expected)[0].name == "shared"
        except BaseException as error:
            errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert errors == []


def test_a_list_that_another_thread_changes() -> None:
    """Whatever is dumped is a state that the list could have had; nothing crashes."""
    shared: list = [Plain(n=n) for n in range(200)]
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            shared.append(Plain(n=-1))
            del shared[100:]
            shared.extend(Plain(n=n) for n in range(100))

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(100):
            try:
                loads(dumps(shared))
            except RuntimeError:
                continue
    finally:
        stop.set()
        thread.join()

"""What `install`, `uninstall` and `installed` change, and that they leave no trace."""

from __future__ import annotations

import os
import sys

import pytest

from .fresh import in_fresh_interpreter


@in_fresh_interpreter
def test_importing_brinery_changes_nothing() -> None:
    import pickle
    import sys

    before = {name: dict(vars(module)) for name, module in sys.modules.items()}
    import brinery  # noqa: F401

    for name, namespace in before.items():
        now = vars(sys.modules[name])
        changed = [key for key, value in namespace.items() if now.get(key) is not value]
        assert not changed, (name, changed)
    assert pickle.dumps is sys.modules["_pickle"].dumps


@in_fresh_interpreter
def test_the_engine_is_behind_pickle_and_gone_again() -> None:
    import _pickle
    import pickle

    import brinery

    names = ["Pickler", "Unpickler", "dump", "dumps", "load", "loads"]
    stock = {name: getattr(pickle, name) for name in names}
    for _ in range(2):
        brinery.install()
        for name in names:
            assert getattr(pickle, name) is getattr(brinery, name)
            assert getattr(_pickle, name) is getattr(brinery, name)
            assert getattr(pickle, name) is not stock[name]
        brinery.uninstall()
        for name in names:
            assert getattr(pickle, name) is stock[name]
            assert getattr(_pickle, name) is stock[name]


@in_fresh_interpreter
def test_calling_twice_is_calling_once() -> None:
    import pickle

    import brinery

    stock = pickle.dumps
    brinery.uninstall()
    assert pickle.dumps is stock
    brinery.install()
    brinery.install()
    assert pickle.dumps is brinery.dumps
    brinery.uninstall()
    assert pickle.dumps is stock
    brinery.uninstall()
    assert pickle.dumps is stock


@in_fresh_interpreter
def test_pickle_may_be_imported_later() -> None:
    import sys

    import brinery

    assert "pickle" not in sys.modules
    brinery.install()
    import pickle
    import shelve

    assert pickle.loads is brinery.loads
    assert shelve.Pickler is brinery.Pickler
    brinery.uninstall()
    assert pickle.loads is sys.modules["_pickle"].loads is not brinery.loads
    assert shelve.Pickler is pickle.Pickler is not brinery.Pickler


@in_fresh_interpreter
def test_the_standard_library_is_on_the_engine_and_restored_exactly() -> None:
    import concurrent.futures.process  # noqa: F401
    import logging.handlers
    import multiprocessing.connection
    import multiprocessing.managers
    import multiprocessing.queues
    import multiprocessing.reduction
    import pickle
    import shelve
    import sys

    import brinery

    def state():
        found = {}
        for name, module in sys.modules.items():
            for key, value in vars(module).items():
                found[name, key] = value
                if isinstance(value, type):
                    found.update({(name, key, item): part for item, part in vars(value).items()})
        return found

    import brinery._swap  # noqa: F401  so that it is no news below

    brinery.tools  # noqa: B018
    before = state()
    brinery.install()
    reduction = multiprocessing.reduction
    forking = reduction.ForkingPickler
    assert issubclass(forking, brinery.Pickler)
    assert forking.loads is brinery.loads
    assert reduction.register.__self__ is forking
    assert reduction.AbstractReducer.ForkingPickler is forking
    assert multiprocessing.connection._ForkingPickler is forking
    assert multiprocessing.queues._ForkingPickler is forking
    assert shelve.Unpickler is brinery.Unpickler
    assert logging.handlers.pickle.dumps is brinery.dumps
    reduction.register(complex, lambda number: (complex, (number.real, 0)))
    assert pickle.loads(forking.dumps(3 + 4j)) == 3 + 0j
    brinery.uninstall()
    after = state()
    assert [key for key in before if after.get(key, before) is not before[key]] == []


@in_fresh_interpreter
def test_standard_modules_imported_while_installed_go_back_too() -> None:
    import brinery

    brinery.install()
    import multiprocessing.connection
    import multiprocessing.reduction
    import pickle

    reduction = multiprocessing.reduction
    assert issubclass(reduction.ForkingPickler, brinery.Pickler)
    brinery.uninstall()
    assert reduction.ForkingPickler.__mro__[1] is pickle.Pickler is not brinery.Pickler
    assert reduction.ForkingPickler.loads is pickle.loads
    assert multiprocessing.connection._ForkingPickler is reduction.ForkingPickler
    assert pickle.loads(reduction.ForkingPickler.dumps([1])) == [1]


@in_fresh_interpreter
def test_subclasses_of_pickler_are_built_again_on_the_engine() -> None:
    import io
    import pickle
    import sys
    import types

    import brinery

    program = types.ModuleType("program")
    sys.modules["program"] = program
    code = '''
import functools
import pickle as p
from pickle import Pickler as Base, dumps as write

class Plain(Base):
    """A pickler."""
    __slots__ = ("log", "__hidden")
    shared = []
    write = staticmethod(write)

    def __init__(self, file, *, protocol: int = 4):
        super().__init__(file, protocol)
        self.log = []
        self.__hidden = "hidden"

    def persistent_id(self, obj):
        self.log.append(obj)

    @property
    def hidden(self):
        return __class__, self.__hidden

    @classmethod
    def make(cls, *args):
        return cls(*args)

class Special(Plain):
    def persistent_id(self, obj):
        if obj == "special":
            return "name"
        return super().persistent_id(obj)

alias = Special
make = Special.make

def by_default(obj, writer=write, *, pickler=Special):
    return writer(obj), pickler

def outer():
    writer = write
    def inner(obj):
        return writer(obj)
    return inner

closure = outer()
'''
    exec(code, vars(program))
    old = dict(vars(program))
    defaults = program.by_default.__defaults__
    file = io.BytesIO()
    program.make(file).dump(["special", 7])
    stock = file.getvalue()

    brinery.install()
    special = program.Special
    assert special is program.alias is not old["Special"]
    assert special.__mro__ == (special, program.Plain, brinery.Pickler, object)
    assert (special.__name__, special.__qualname__, special.__module__) == ("Special", "Special", "program")
    assert program.Plain.__doc__ == "A pickler."
    assert program.Plain.shared is old["Plain"].shared
    assert program.Plain.write is program.write is brinery.dumps
    assert program.by_default.__defaults__ == (brinery.dumps,)
    assert program.by_default.__kwdefaults__ == {"pickler": special}
    assert program.closure.__closure__[0].cell_contents is brinery.dumps
    assert program.make.__self__ is special
    file = io.BytesIO()
    pickler = program.make(file)
    pickler.dump(["special", 7])
    assert pickler.log == [["special", 7], 7]
    assert pickler.hidden == (program.Plain, "hidden")
    assert file.getvalue() == stock

    brinery.uninstall()
    assert {key: value for key, value in vars(program).items() if value is not old[key]} == {}
    assert program.by_default.__defaults__ is defaults
    assert program.by_default.__kwdefaults__ == {"pickler": old["Special"]}
    assert program.closure.__closure__[0].cell_contents is pickle.dumps
    program.Special(io.BytesIO()).dump("special")


@in_fresh_interpreter
def test_a_class_that_cannot_be_built_again_is_named() -> None:
    import pickle
    import sys
    import types
    import warnings

    import brinery

    class Once(type):
        made = False

        def __new__(cls, *args):
            if cls.made:
                raise TypeError("there can be only one")
            cls.made = True
            return super().__new__(cls, *args)

    program = sys.modules["program"] = types.ModuleType("program")
    program.Only = Once("Only", (pickle.Pickler,), {"__module__": "program"})
    only = program.Only
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        brinery.install()
    assert program.Only is only
    [warning] = caught
    assert str(warning.message) == (
        "brinery: program.Only stays as it is, for it cannot be built again on another base: "
        "TypeError: there can be only one"
    ), warning


@in_fresh_interpreter
def test_a_module_that_imports_brinery_keeps_what_it_chose() -> None:
    import pickle
    import sys
    import types

    import brinery

    stock = pickle.dumps
    names = {
        "both": "import brinery, pickle\nfrom pickle import loads\nstock = pickle.dumps\n"
        "class Own(pickle.Pickler): pass",
        "mine": "from brinery import dumps",
    }
    modules = {}
    for name, code in names.items():
        modules[name] = sys.modules[name] = types.ModuleType(name)
        exec(code, vars(modules[name]))
    own = modules["both"].Own
    brinery.install()
    assert modules["both"].stock is stock
    assert modules["both"].Own is own
    assert modules["both"].loads is brinery.loads  # what it took by its own name
    late = sys.modules["late"] = types.ModuleType("late")
    exec("import brinery\nclass Own(brinery.Pickler): pass\ndumps = brinery.dumps", vars(late))
    late_own = late.Own
    brinery.uninstall()
    assert modules["both"].loads is pickle.loads is not brinery.loads
    assert modules["mine"].dumps is brinery.dumps
    assert late.Own is late_own
    assert late.dumps is brinery.dumps


@in_fresh_interpreter
def test_a_change_that_somebody_else_made_stays() -> None:
    import pickle

    import brinery

    def patched(obj):
        raise NotImplementedError

    brinery.install()
    pickle.dumps = patched
    brinery.uninstall()
    assert pickle.dumps is patched
    assert pickle.loads is not brinery.loads


@in_fresh_interpreter
def test_lazy_objects_stay_asleep() -> None:
    import importlib.util
    import pickle  # noqa: F401
    import sys
    import types

    import brinery

    class Proxy:
        @property
        def __class__(self):
            raise RuntimeError("working outside of its context")

        def __getattr__(self, name):
            raise RuntimeError("working outside of its context")

    program = sys.modules["program"] = types.ModuleType("program")
    program.proxy = Proxy()
    sys.modules["odd"] = Proxy()
    spec = importlib.util.find_spec("wave")
    spec.loader = importlib.util.LazyLoader(spec.loader)
    lazy = sys.modules["wave"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lazy)
    brinery.install()
    brinery.uninstall()
    assert type(lazy).__name__ == "_LazyModule"


@in_fresh_interpreter
def test_blocks_may_be_nested() -> None:
    import pickle

    import brinery

    stock = pickle.dumps
    with brinery.installed():
        assert pickle.dumps is brinery.dumps
        with brinery.installed():
            assert pickle.dumps is brinery.dumps
        assert pickle.dumps is brinery.dumps
    assert pickle.dumps is stock

    try:
        with brinery.installed():
            raise KeyError
    except KeyError:
        assert pickle.dumps is stock

    brinery.install()
    with brinery.installed():
        pass
    assert pickle.dumps is brinery.dumps
    brinery.uninstall()

    with brinery.installed():
        brinery.install()
    assert pickle.dumps is brinery.dumps
    brinery.uninstall()

    with brinery.installed():
        brinery.uninstall()
        assert pickle.dumps is stock
        with brinery.installed():
            assert pickle.dumps is brinery.dumps
        assert pickle.dumps is stock
    assert pickle.dumps is stock

    first, second = brinery.installed(), brinery.installed()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert pickle.dumps is brinery.dumps
    second.__exit__(None, None, None)
    assert pickle.dumps is stock


@in_fresh_interpreter
def test_threads_may_install_at_once() -> None:
    import pickle
    import shelve
    import threading

    import brinery

    stock = pickle.dumps, shelve.Pickler
    start = threading.Barrier(8)
    wrong = []

    def work(number):
        start.wait()
        for turn in range(25):
            with brinery.installed():
                if pickle.dumps is not brinery.dumps:
                    wrong.append((number, turn))
                if pickle.loads(pickle.dumps([number, turn])) != [number, turn]:
                    wrong.append((number, turn))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert (pickle.dumps, shelve.Pickler) == stock


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@in_fresh_interpreter
def test_a_fork_during_install_does_not_block_the_child() -> None:
    import os
    import pickle
    import threading

    import brinery
    from brinery import _install

    held, done = threading.Event(), threading.Event()

    def hold():
        with _install._lock:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if not child:
        brinery.install()
        os._exit(pickle.dumps is not brinery.dumps)
    _, status = os.waitpid(child, 0)
    done.set()
    thread.join()
    assert status == 0


@in_fresh_interpreter
def test_what_names_the_functions_is_stocks_name_while_installed() -> None:
    import pickle

    import brinery

    things = ["Pickler", "Unpickler", "dump", "dumps", "load", "loads", "PickleError", "UnpicklingError"]
    stock = {
        name: [pickle.dumps(getattr(pickle, name), protocol) for protocol in range(6)] for name in things
    }
    with brinery.installed():
        for name in things:
            for protocol in range(6):
                assert pickle.dumps(getattr(pickle, name), protocol) == stock[name][protocol]
                assert pickle.loads(stock[name][protocol]) is getattr(brinery, name)
    assert brinery.loads(brinery.dumps(brinery.dumps)) is brinery.dumps
    assert b"brinery" in brinery.dumps(brinery.dumps)
    assert b"brinery" in pickle.dumps(brinery.Pickler)


@in_fresh_interpreter
def test_without_a_native_pickle_there_is_the_engine_still() -> None:
    import sys

    sys.modules["_pickle"] = None
    import brinery

    brinery.install()
    import pickle

    assert pickle.dumps is brinery.dumps
    assert pickle.loads(pickle.dumps({1, 2})) == {1, 2}
    brinery.uninstall()
    assert pickle.dumps is pickle._dumps


@in_fresh_interpreter
def test_the_engine_may_already_be_in_the_place_of_the_native_pickle() -> None:
    import sys

    from brinery import _brinery

    sys.modules["_pickle"] = _brinery
    import pickle

    import brinery

    assert pickle.dumps is brinery.dumps
    brinery.install()
    brinery.uninstall()
    assert pickle.dumps is brinery.dumps
    assert pickle.loads(pickle.dumps([1])) == [1]


@in_fresh_interpreter
def test_children_find_the_engine_by_the_environment() -> None:
    import os
    import subprocess
    import sys

    import brinery

    ask = [
        sys.executable,
        "-c",
        "import pickle; print(pickle.dumps.__qualname__, 'brinery' in __import__('sys').modules)",
    ]

    def engine_in_child(*options):
        return subprocess.check_output([*ask[:1], *options, *ask[1:]], text=True).split()[-1] == "True"

    for path in (None, "", os.pathsep.join(["there", "elsewhere"])):
        os.environ.pop("PYTHONPATH", None)
        if path is not None:
            os.environ["PYTHONPATH"] = path
        environ = dict(os.environ)
        brinery.install()
        assert not engine_in_child()
        brinery.install(children=True)
        assert engine_in_child()
        assert engine_in_child("-s")
        assert not engine_in_child("-E")
        assert not engine_in_child("-I")
        assert not engine_in_child("-S")
        brinery.uninstall()
        assert not engine_in_child()
        assert os.environ.get("PYTHONPATH") == (environ.get("PYTHONPATH") or None)


def test_every_name_of_pickle_is_there() -> None:
    import pickle

    import brinery

    assert set(pickle.__all__) <= set(brinery.__all__)
    assert len(brinery.__all__) == len(set(brinery.__all__))
    for name in brinery.__all__:
        assert hasattr(brinery, name), name
    engine = {"Pickler", "Unpickler", "dump", "dumps", "load", "loads"}
    for name in set(pickle.__all__) - engine:
        assert getattr(brinery, name) == getattr(pickle, name), name
    assert brinery.STOP == b"."
    assert brinery.PickleError is pickle.PickleError
    assert brinery.PickleBuffer is pickle.PickleBuffer


def test_undocumented_names_are_the_standard_modules_own() -> None:
    import pickle

    import brinery

    for name in ("_Pickler", "_Unpickler", "whichmodule", "encode_long", "bytes_types", "format_version"):
        assert getattr(brinery, name) is getattr(pickle, name)
    for name in ("re", "io", "no_such_name", "__path_hook__"):
        with pytest.raises(AttributeError, match=f"module 'brinery' has no attribute '{name}'"):
            getattr(brinery, name)
    assert {"tools", "dumps", "install"} <= set(dir(brinery))


def test_importing_brinery_is_quick() -> None:
    """It imports a handful of modules, none of which takes long: not even pickle, typing or re."""
    import subprocess

    code = "import sys; before = set(sys.modules); import brinery; print(*sorted(set(sys.modules) - before))"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    ours = {name for name in loaded if name.partition(".")[0] == "brinery"}
    assert ours == {"brinery", "brinery._brinery", "brinery._install"}
    assert not {"pickle", "typing", "re", "inspect", "threading", "subprocess"} & set(loaded)

"""Functions of numpy, pandas, joblib, dill and cloudpickle that run, write or load what they are given."""

from __future__ import annotations

import importlib

import pytest

from .assembly import call, dotted, glob, text
from .harness import prove, refuse

CODE = text("open('effect', 'w')")
PATH = text("effect")
TOUCH = glob("tests.attacks.victims", "touch")
IMPORTING = text("tests.attacks.importing")
ONE = b"](K\1e"


def blob(data: bytes) -> bytes:
    return b"B" + len(data).to_bytes(4, "little") + data


#: What honest functions by value import modules by: which of them act when they are imported cannot be seen.
IMPORTS = {
    "cloudpickle.cloudpickle.dynamic_subimport",
    "cloudpickle.cloudpickle.subimport",
    "dill._dill._import_module",
}
INNER = blob(call(glob("os", "system"), text("touch effect")) + b".")
ALL = {
    "numpy": {
        "numpy.testing._private.utils.runstring": lambda name: call(name, CODE, b"}"),
        "numpy.f2py.crackfortran.myeval": lambda name: call(name, CODE, b"}", b"}"),
        "numpy.savetxt": lambda name: call(name, PATH, ONE),
        "numpy.memmap": lambda name: call(name, PATH, text("u1"), text("w+"), b"K\0", b"K\1"),
        "numpy.lib.format.open_memmap": lambda name: call(name, PATH, text("w+"), text("u1"), b"K\1\x85"),
        "numpy.ndarray.tofile": lambda name: call(name, call(glob("numpy", "array"), ONE), PATH),
        "numpy.vectorize": lambda name: call(call(name, TOUCH, text("O")), ONE),
        "numpy.frompyfunc": lambda name: call(call(name, TOUCH, b"K\1", b"K\1"), ONE),
        "numpy.apply_along_axis": lambda name: call(name, TOUCH, b"K\0", ONE),
        "numpy.fromfunction": lambda name: call(name, TOUCH, b"K\1\x85"),
        "numpy.piecewise": lambda name: call(name, b"G?\xf0\0\0\0\0\0\0", b"](\x88e", b"](" + TOUCH + b"e"),
        "numpy.f2py.os.system": lambda name: call(name, text("touch effect")),
        "numpy.ctypeslib.os.system": lambda name: call(name, text("touch effect")),
    },
    "pandas": {
        "pandas.to_pickle": lambda name: call(name, b"K\1", PATH),
        "pandas.io.common.os.system": lambda name: call(name, text("touch effect")),
        "pandas.Series.to_csv": lambda name: call(name, call(glob("pandas", "Series"), ONE), PATH),
        "pandas.Series.apply": lambda name: call(name, call(glob("pandas", "Series"), ONE), TOUCH),
        "pandas.Series.map": lambda name: call(name, call(glob("pandas", "Series"), ONE), TOUCH),
        "pandas.core.common.pipe": lambda name: call(name, b"K\1", TOUCH),
        "pandas.core.common.apply_if_callable": lambda name: call(name, TOUCH, b"K\1"),
    },
    "joblib": {
        "joblib.dump": lambda name: call(name, b"K\1", PATH),
    },
    "dill": {
        "dill.loads": lambda name: call(name, INNER),
        "dill._dill._import_module": lambda name: call(name, IMPORTING),
    },
    "cloudpickle": {
        "cloudpickle.loads": lambda name: call(name, INNER),
        "cloudpickle.cloudpickle.subimport": lambda name: call(name, IMPORTING),
        "cloudpickle.cloudpickle.dynamic_subimport": lambda name: (
            call(name, text("sneaky"), b"}")
            + b"0"
            + call(glob("cloudpickle.cloudpickle", "subimport"), IMPORTING)
        ),
    },
}


def named(path: str) -> bytes | None:
    """Return the opcodes for a function by its path, or nothing if this version does not have it."""
    parts = path.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for part in parts[cut:]:
            found = getattr(found, part, None)
        return None if found is None else dotted(".".join(parts[:cut]), ".".join(parts[cut:]))
    return None


def attacks(package: str) -> dict[str, bytes]:
    pytest.importorskip(package)
    found = {path: (named(path), make) for path, make in ALL[package].items()}
    made = {path: b"\x80\x04" + make(name) + b"." for path, (name, make) in found.items() if name is not None}
    assert made, f"{package} has none of these"
    return made


@pytest.mark.parametrize("package", ALL)
def test_they_work_on_the_stock_engine(package: str) -> None:
    prove(attacks(package))


@pytest.mark.parametrize("package", ALL)
def test_they_are_refused(package: str) -> None:
    refuse(attacks(package))


@pytest.mark.parametrize("package", ALL)
def test_they_are_found(package: str) -> None:
    import brinery

    for name, data in attacks(package).items():
        report = brinery.scan(data)
        assert report.flagged or (name in IMPORTS and report.verdict == "needs"), f"{name}: {report.verdict}"


def test_the_dtype_that_all_share_is_not_changed() -> None:
    pytest.importorskip("numpy")
    import brinery

    state = b"(K\3" + text(">") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0t"
    shared = b"\x80\x02" + call(glob("numpy", "dtype"), text("f8")) + state + b"b."
    assert brinery.scan(shared).flagged
    with pytest.raises(brinery.PolicyError):
        brinery.loads(shared, policy="numpy")

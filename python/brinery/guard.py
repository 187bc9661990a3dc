r"""Putting the pickles that an unmodified program loads behind a policy.

>>> import brinery, pickle
>>> brinery.guard.install("stdlib")
>>> pickle.loads(b"cos\nsystem\n(S'true'\ntR.")  # doctest: +ELLIPSIS
Traceback (most recent call last):
...
brinery.policy.PolicyError: the policy does not know os.system [global], at offset 0, opcode GLOBAL
>>> brinery.guard.uninstall()
"""

from __future__ import annotations

import functools
import pickle
import sys
from _thread import RLock
from typing import TYPE_CHECKING, Any

from . import _brinery
from ._reading import read_all
from .policy import Policy, _asking, _options, _policy_of, _refusal, _resolve, _run, load_from

if TYPE_CHECKING:
    from ._swap import Swap

__all__ = ["install", "installed", "uninstall"]

_lock = RLock()
_swaps: list[tuple[Swap, list[tuple[Any, Any]], _TorchHook]] = []
_stock: Any = pickle._Unpickler


def _guarded(policy: Policy) -> dict[str, Any]:
    """Return what stands in the place of the names of `pickle`."""

    class Unpickler(_brinery.Unpickler):
        """An Unpickler under the policy of `brinery.guard`."""

        def __init__(self, file: Any, **options: Any) -> None:
            super().__init__(file, **{**options, "policy": policy})

    class PythonUnpickler(_stock):  # type: ignore[misc]
        """The Unpickler in Python, under the policy of `brinery.guard`."""

        def __init__(self, file: Any, **options: Any) -> None:
            super().__init__(file, **options)
            names = ("fix_imports", "encoding", "errors", "buffers")
            self._guarded = file, _options(*(options.get(name) for name in names))

        def load(self) -> Any:
            file, options = self._guarded
            if _is_joblib(type(self)):
                return _load_joblib(self, policy, options)
            own = type(self).find_class
            resolve = _resolve if own is _stock.find_class else _asking(self.find_class)
            base = getattr(_stock, "persistent_load", None)
            persistent = getattr(self, "persistent_load", None)
            if getattr(persistent, "__func__", persistent) is base:
                persistent = None
            return load_from(file, policy, options, resolve, persistent)

    def load(
        file: Any,
        *,
        fix_imports: bool = True,
        encoding: str = "ASCII",
        errors: str = "strict",
        buffers: Any = (),
    ) -> Any:
        """Load a pickle under the policy of `brinery.guard`."""
        return load_from(file, policy, _options(fix_imports, encoding, errors, buffers))

    def loads(
        data: Any,
        /,
        *,
        fix_imports: bool = True,
        encoding: str = "ASCII",
        errors: str = "strict",
        buffers: Any = (),
    ) -> Any:
        """Load a pickle under the policy of `brinery.guard`."""
        content = data if type(data) is bytes else bytes(memoryview(data))
        options = _options(fix_imports, encoding, errors, buffers)
        return _run(policy, content, options, trailing=True)[0]

    for guarded, name in ((Unpickler, "Unpickler"), (PythonUnpickler, "_Unpickler")):
        guarded.__name__ = guarded.__qualname__ = name
        guarded.__module__ = "pickle"
    return {
        "Unpickler": Unpickler,
        "_Unpickler": PythonUnpickler,
        "load": load,
        "loads": loads,
        "_load": load,
        "_loads": loads,
    }


def _is_joblib(cls: type) -> bool:
    return any(
        base.__qualname__ == "NumpyUnpickler" and base.__module__ == "joblib.numpy_pickle"
        for base in cls.__mro__
    )


def _load_joblib(unpickler: Any, policy: Policy, options: tuple[bool, str, str, Any]) -> Any:
    """Load what joblib has written: a pickle with the memory of arrays between its opcodes."""
    from ._joblib import flatten

    if unpickler.mmap_mode in ("r+", "w+"):
        raise ValueError("arrays in a file that is loaded under a policy cannot be changed in the file")
    file, np = unpickler.file_handle, unpickler.np
    data = read_all(file)
    try:
        core = "numpy.core" if np is None or int(np.__version__.split(".")[0]) < 2 else "numpy._core"
        flat, _ = flatten(data, core, subclasses=hasattr(getattr(np, "ndarray", None), "__array_prepare__"))
    except Exception as error:
        raise _refusal("malformed", f"not a file of joblib: {error}", None, None, "obj") from error
    own = type(unpickler).find_class
    resolve = _resolve if own is _stock.find_class else _asking(unpickler.find_class)
    return _run(policy, flat, options, resolve, None, trailing=True)[0]


class _TorchHook:
    """Puts torch's own loader of weights behind the policy as well, once it is imported.

    That loader has a list of its own of what it lets through; a file has to be granted by both.
    """

    name = "torch._weights_only_unpickler"

    def __init__(self, policy: Policy) -> None:
        self.policy = policy | Policy.from_toml("policy = 1\ntrailing = true\n")
        self.changed: Any = None

    def install(self) -> None:
        if self.name in sys.modules:
            self.change(sys.modules[self.name])
        else:
            sys.meta_path.insert(0, self)

    def uninstall(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        if self.changed is not None:
            module, stock = self.changed
            module.Unpickler = stock

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Find torch's loader as the other finders do, to change it once it is there."""
        if name != self.name:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find is not None and finder is not self else None
            if spec is not None and spec.loader is not None:
                spec.loader.exec_module = functools.partial(self._execute, spec.loader.exec_module)
                return spec
        return None

    def _execute(self, execute: Any, module: Any) -> None:
        execute(module)
        if self in sys.meta_path:
            self.change(module)

    def change(self, module: Any) -> None:
        """Give the module an Unpickler that asks the policy first."""
        policy = self.policy
        stock: Any = module.Unpickler

        class Unpickler(stock):  # type: ignore[misc]
            """Torch's loader of weights, under the policy of `brinery.guard`."""

            def __init__(self, file: Any, *args: Any, **options: Any) -> None:
                super().__init__(file, *args, **options)
                self._guarded = file

            def load(self) -> Any:
                start = self._guarded.tell()
                data = read_all(self._guarded)
                self._guarded.seek(start)
                if not data:
                    raise EOFError("Ran out of input")
                error, *_ = _brinery._policy_examine(policy._native, data, True, False)
                if error is not None:
                    raise _refusal(*error)
                return super().load()

        Unpickler.__name__ = Unpickler.__qualname__ = stock.__name__
        Unpickler.__module__ = stock.__module__
        module.Unpickler = Unpickler
        self.changed = module, stock


def _own_modules() -> set[str]:
    return {name for name in sys.modules if name.partition(".")[0] == "brinery"}


def install(policy: Policy | str) -> None:
    """Put `pickle.load`, `pickle.loads` and every `Unpickler` of the process behind a policy.

    So it goes for what rests on them: `shelve`, ``joblib.load``, ``numpy.load``, ``pandas.read_pickle``,
    ``torch.load``, multiprocessing. Torch's own loader of weights, which needs no pickle, asks the policy
    first. Classes derived from the standard Unpicklers are replaced by equal ones under the policy,
    whose own `find_class` and `persistent_load` are asked for what is granted, and for nothing else. It does
    not matter whether a module is imported before or after.

    Parameters
    ----------
    policy : str or Policy
        What pickles may do.

    See Also
    --------
    uninstall : Take it back.

    Examples
    --------
    >>> import brinery, pickle
    >>> brinery.guard.install("data")
    >>> pickle.loads(pickle.dumps([1, 2]))
    [1, 2]
    >>> brinery.guard.uninstall()
    """
    from ._swap import Swap

    rules = _policy_of(policy)
    with _lock:
        uninstall()
        names = _guarded(rules)
        import _pickle

        modules = [pickle, _pickle]
        pairs = [
            (getattr(module, name), new)
            for module in modules
            for name, new in names.items()
            if hasattr(module, name)
        ]
        swap = Swap(pairs)
        own = _own_modules()
        try:
            for module in modules:
                for name, new in names.items():
                    if hasattr(module, name):
                        swap.set_item(vars(module), name, new)
            swap.spread(spared=own, imports=False)
        except BaseException:
            swap.undo()
            raise
        hook = _TorchHook(rules)
        hook.install()
        _swaps.append((swap, pairs, hook))


def uninstall() -> None:
    """Give `pickle` and everything else that `install` changed their own objects back.

    Examples
    --------
    >>> import brinery, pickle
    >>> stock = pickle.loads
    >>> brinery.guard.install("data")
    >>> brinery.guard.uninstall()
    >>> pickle.loads is stock
    True
    """
    from ._swap import Swap, retire

    with _lock:
        while _swaps:
            swap, pairs, hook = _swaps.pop()
            hook.uninstall()
            swap.undo()
            # What was imported in the meantime has taken the guarded objects, and derived classes from them.
            stock = {id(new): (new, old) for old, new in reversed(pairs)}
            back = Swap([*stock.values(), *((twin, cls) for cls, twin in swap.classes)])
            back.spread(spared=_own_modules(), imports=False)
            retire(new for _, new in pairs if isinstance(new, type))


class installed:
    """A ``with`` block during which the process is behind a policy.

    Parameters
    ----------
    policy : str or Policy
        What pickles may do.

    Examples
    --------
    >>> import brinery, pickle
    >>> with brinery.guard.installed("data"):
    ...     pickle.loads(pickle.dumps("text"))
    'text'
    """

    def __init__(self, policy: Policy | str) -> None:
        self.policy = _policy_of(policy)

    def __enter__(self) -> None:
        install(self.policy)

    def __exit__(self, *_: object) -> None:
        uninstall()


def read_policy(text: str) -> Policy:
    """Return the policy that a command line names.

    Parameters
    ----------
    text : str
        The names of policies that come with brinery, or a path to a file.

    Returns
    -------
    Policy
        The policy.
    """
    try:
        return Policy(text)
    except ValueError:
        with open(text, encoding="utf-8") as file:
            return Policy.from_toml(file.read())


def install_from_environment() -> None:
    """Put this process behind the policy that its parent has in the environment."""
    import os

    install(read_policy(os.environ["BRINERY_POLICY"]))

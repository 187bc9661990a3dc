"""Loading what you do not trust: policies say what a pickle may do, and everything else is refused.

A `Policy` grants capabilities, global by global: what may be a value, be constructed, be called, be given
state. A load under a policy judges the whole stream first, and imports and makes nothing unless all of it is
granted.
"""

from __future__ import annotations

import functools
import sys
from pickle import UnpicklingError
from types import FunctionType, ModuleType, WrapperDescriptorType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from . import _brinery
from ._reading import read_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Need", "Policy", "PolicyError", "Verdict", "inspect"]


class PolicyError(UnpicklingError):
    """A pickle does what the policy does not grant, or costs more than it may.

    Attributes
    ----------
    rule : str
        The id of the rule: ``"global.call"``, ``"budget.memory"``, ...
    offset : int or None
        The offset of the opcode in the pickle.
    opcode : str or None
        The name of the opcode.
    path : str
        The part of the object that was being built.
    """

    rule: str = "malformed"
    offset: int | None = None
    opcode: str | None = None
    path: str = "obj"


def _refusal(rule: str, message: str, offset: int | None, opcode: str | None, path: str) -> PolicyError:
    where = "" if offset is None else f", at offset {offset}"
    where += "" if opcode is None else f", opcode {opcode}"
    where += "" if path == "obj" else f", building {path}"
    error = PolicyError(f"{message} [{rule}]{where}")
    error.rule, error.offset, error.opcode, error.path = rule, offset, opcode, path
    return error


class Need:
    """Something that a pickle does and a policy does not grant.

    Attributes
    ----------
    module, name : str or None
        The global that it is done with.
    use : str
        What is done: ``"named"``, ``"value"``, ``"call tuple[str]"``, ...
    rule : str
        The rule that it breaks.
    message : str
        The same in words.
    offset : int
        The offset of the opcode that does it.
    """

    __slots__ = ("message", "module", "name", "offset", "rule", "use")

    def __init__(
        self, module: str | None, name: str | None, use: str, rule: str, message: str, offset: int
    ) -> None:
        self.module, self.name, self.use = module, name, use
        self.rule, self.message, self.offset = rule, message, offset

    def __repr__(self) -> str:
        return f"<{self.message}: {self.use}, at offset {self.offset}>"


class Verdict:
    """What a policy says to a pickle.

    Attributes
    ----------
    error : PolicyError or None
        Why the pickle is refused.
    needs : list of Need
        Everything that would have to be granted.
    globals : list of str
        The globals that the pickle names, as ``"module:name"``.
    """

    def __init__(self, error: PolicyError | None, needs: list[Need], names: list[str]) -> None:
        self.error, self.needs, self.globals = error, needs, names

    @property
    def clean(self) -> bool:
        """Whether all that the pickle does is granted."""
        return self.error is None

    def __str__(self) -> str:
        if self.error is None:
            return "clean: all that the pickle does is granted"
        lines = [f"refused: {self.error}", *(f"  needs {need.message}: {need.use}" for need in self.needs)]
        return "\n".join(lines)


class Policy:
    """What a pickle may do: an immutable value.

    Parameters
    ----------
    name : str, default "data"
        A policy that comes with brinery, or several joined by ``|``: ``"data"`` grants nothing but builtin
        data, ``"stdlib"`` the value types of the standard library, ``"numpy"``, ``"pandas"``, ``"sklearn"``
        and ``"torch"`` the objects of these libraries.

    See Also
    --------
    loads : Takes a policy.

    Examples
    --------
    >>> import brinery, datetime
    >>> data = brinery.dumps([datetime.date(1815, 12, 10)])
    >>> brinery.loads(data, policy="stdlib")
    [datetime.date(1815, 12, 10)]
    >>> brinery.loads(data, policy="data")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    brinery.policy.PolicyError: the policy does not know datetime.date [global], at offset ...
    """

    __slots__ = ("_digest", "_native", "_text")
    _digest: str | None
    _native: Any
    _text: str | None

    def __init__(self, name: str = "data") -> None:
        native = None
        for part in name.split("|"):
            shipped = _brinery._policy_shipped(part.strip())
            if shipped is None:
                raise ValueError(f"no policy is named {part.strip()!r}")
            native = shipped if native is None else _brinery._policy_union(native, shipped)
        self._set(native)

    def _set(self, native: Any) -> None:
        object.__setattr__(self, "_native", native)
        object.__setattr__(self, "_text", None)
        object.__setattr__(self, "_digest", None)

    @classmethod
    def _of(cls, native: Any) -> Policy:
        policy = cls.__new__(cls)
        policy._set(native)
        return policy

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a policy does not change: | and allow make new ones")

    @classmethod
    def from_toml(cls, text: str) -> Policy:
        """Return the policy that a text describes.

        Parameters
        ----------
        text : str
            What `to_toml` returned, or a file written by hand.

        Returns
        -------
        Policy
            The policy.

        Examples
        --------
        >>> import brinery
        >>> policy = brinery.Policy("stdlib")
        >>> brinery.Policy.from_toml(policy.to_toml()) == policy
        True
        """
        return cls._of(_brinery._policy(text))

    def to_toml(self) -> str:
        """Return the policy as text, in its one canonical form.

        Returns
        -------
        str
            The text, in TOML.

        Examples
        --------
        >>> import brinery
        >>> print(brinery.Policy.allow("shop:Color", value=True).to_toml())
        policy = 1
        <BLANKLINE>
        [globals."shop:Color"]
        value = true
        <BLANKLINE>
        """
        if self._text is None:
            object.__setattr__(self, "_text", _brinery._policy_text(self._native))
        assert self._text is not None
        return self._text

    def digest(self) -> str:
        """Return the SHA-256 of the canonical text, to pin a policy by.

        Returns
        -------
        str
            64 hexadecimal digits.

        Examples
        --------
        >>> import brinery
        >>> brinery.Policy().digest() == brinery.Policy("data").digest()
        True
        """
        if self._digest is None:
            import hashlib

            object.__setattr__(self, "_digest", hashlib.sha256(self.to_toml().encode()).hexdigest())
        assert self._digest is not None
        return self._digest

    def __eq__(self, other: object) -> bool:
        return self.to_toml() == other.to_toml() if isinstance(other, Policy) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.to_toml())

    def __reduce__(self) -> tuple[Any, ...]:
        return Policy.from_toml, (self.to_toml(),)

    def __repr__(self) -> str:
        count = self.to_toml().count("[globals.")
        return f"<brinery.Policy of {count} globals, {self.digest()[:12]}>"

    def __or__(self, other: Policy | str) -> Policy:
        if isinstance(other, str):
            other = Policy(other)
        if not isinstance(other, Policy):
            return NotImplemented
        return Policy._of(_brinery._policy_union(self._native, other._native))

    def __ror__(self, other: str) -> Policy:
        return Policy(other) | self if isinstance(other, str) else NotImplemented

    @staticmethod
    def allow(
        what: str | type | Callable[..., Any],
        *,
        value: bool = False,
        within: Iterable[str] | None = None,
        construct: str | bool | None = None,
        keywords: str | None = None,
        call: str | bool | None = None,
        later: bool = False,
        attributes: bool | None = None,
        fields: Mapping[str, str] | None = None,
        setstate: str | bool | None = None,
        extend: str | bool | None = None,
        members: Iterable[str] | None = None,
        methods: Iterable[str] | None = None,
    ) -> Policy:
        r"""Return a policy that grants something of one global.

        For a class of which nothing else is said, instances may be constructed without arguments and given
        attributes, as instances of plain classes and dataclasses are pickled.

        Parameters
        ----------
        what : str or type or function
            The global: ``"module:name"``, ``"module.Class"``, or itself.
        value : bool, default False
            It may be a value.
        within : iterable of str, optional
            It may be a value, and its methods may, within objects of these classes, and where no object of a
            program holds it; without this, anywhere.
        construct : str or bool, optional
            The shape of the arguments, as a tuple, of ``cls.__new__``; True for none at all.
        keywords : str, optional
            The shape of the keyword arguments, as a dict, that come with them.
        call : str or bool, optional
            The shape of the arguments, as a tuple, of a call; True for any.
        later : bool, default False
            It may be a value, and a `functools.partial` of it as well: whoever gets hold of that may call it,
            the stream may not.
        attributes : bool, optional
            Objects may be given attributes of any name that is not special.
        fields : mapping of str to str, optional
            Objects may be given these attributes, each of its shape.
        setstate : str or bool, optional
            The shape of a state for the `__setstate__` of the class; True for any.
        extend : str or bool, optional
            The shape of items by which objects may be extended; True for any.
        members : iterable of str, optional
            Members of an enum; ``["*"]`` for all.
        methods : iterable of str, optional
            Methods of objects that may be had, bound; ``"__del__"`` if the class has one, which then acts on
            what a stream gives its objects.

        Returns
        -------
        Policy
            The policy: join it with others by ``|``.

        Examples
        --------
        >>> import brinery
        >>> policy = brinery.Policy("stdlib") | brinery.Policy.allow(
        ...     "shop:Order", construct="tuple[]", fields={"total": "int(0..)", "lines": "list[str]"}
        ... )
        >>> data = b"\x80\x02cshop\nOrder\n)\x81}X\x05\0\0\0totalK\x07sb."
        >>> policy.explain(data).clean
        True
        """
        key = _key(what)
        rights = (construct, call, attributes, fields, setstate, extend, members, methods)
        value = value or later or (within is not None and methods is None)
        if not value and all(right is None for right in rights):
            construct, attributes = "tuple[]", True
        lines = []
        if value:
            lines.append("value = true")
        shapes = {
            "construct": "tuple[]" if construct is True else construct,
            "keywords": keywords,
            "call": "tuple" if call is True else call,
            "setstate": "any" if setstate is True else setstate,
            "extend": "any" if extend is True else extend,
        }
        lines += [f"{name} = {_quote(shape)}" for name, shape in shapes.items() if isinstance(shape, str)]
        if fields is not None:
            listed = ", ".join(f"{_quote(name)} = {_quote(shape)}" for name, shape in fields.items())
            lines.append(f"fields = {{{listed}}}")
        elif attributes:
            lines.append("attributes = true")
        if later:
            lines.append("later = true")
        for name, names in (("within", within), ("members", members), ("methods", methods)):
            if names is not None:
                lines.append(f"{name} = [{', '.join(map(_quote, names))}]")
        return Policy.from_toml("\n".join(["policy = 1", f"[globals.{_quote(key)}]", *lines, ""]))

    def limits(self, **budgets: int) -> Policy:
        """Return the same policy with other budgets.

        Parameters
        ----------
        **budgets : int
            ``memory`` in bytes, ``opcodes``, ``depth``, ``hash_work``, ``collisions``, ``work``,
            ``milliseconds``.

        Returns
        -------
        Policy
            The policy.

        Examples
        --------
        >>> import brinery
        >>> small = brinery.Policy("data").limits(memory=1000)
        >>> brinery.loads(brinery.dumps([[] for _ in range(100)]), policy=small)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        brinery.policy.PolicyError: the objects take more memory than the stream may cost [budget.memory]...
        """
        lines = ["policy = 1", "[limits]", *(f"{name} = {value}" for name, value in budgets.items())]
        return self | Policy.from_toml("\n".join(lines))

    @staticmethod
    def learn(samples: Iterable[Any], base: Policy | str | None = None) -> Policy:
        r"""Return a policy under which streams like the samples load.

        Uses are learnt, with the kinds of their arguments, not names. What belongs to the standard library or
        to a library that brinery has a policy for, and is not granted by it, is never learnt: a warning says
        what a human has to decide.

        Parameters
        ----------
        samples : iterable of bytes or path
            Honest pickles, or files with them.
        base : Policy or str, optional
            What is granted anyway: by default every policy that comes with brinery.

        Returns
        -------
        Policy
            The policy.

        Examples
        --------
        >>> import brinery
        >>> data = b"\x80\x02cshop\nOrder\n)\x81}X\x05\0\0\0totalK\x07sb."
        >>> brinery.Policy.learn([data]).explain(data).clean
        True
        """
        policy, undecided = Policy._learn(samples, base)
        if undecided:
            import warnings

            warnings.warn("not learnt, for a human to decide:\n  " + "\n  ".join(undecided), stacklevel=2)
        return policy

    @staticmethod
    def _learn(samples: Iterable[Any], base: Policy | str | None = None) -> tuple[Policy, list[str]]:
        contents = [_content(sample) for sample in samples]
        known = _policy_of(_ALL if base is None else base)
        known |= _extensions(contents)
        native, undecided = _brinery._policy_learn(contents, known._native)
        return Policy._of(native), undecided

    def explain(self, data: Any) -> Verdict:
        r"""Say what the policy says to a pickle. Nothing is imported or made.

        Parameters
        ----------
        data : bytes-like
            The pickle.

        Returns
        -------
        Verdict
            Whether it is clean, and what it needs.

        Examples
        --------
        >>> import brinery
        >>> print(brinery.Policy("data").explain(b"cos\nsystem\n(S'true'\ntR."))
        refused: the policy does not know os.system [global], at offset 0, opcode GLOBAL
          needs the policy does not know os.system: named
          needs os.system may not be called: call tuple[str]
        """
        content = bytes(data)
        error, _, names, *_ = _brinery._policy_examine(self._native, content, True, False)
        if error is None:
            return Verdict(None, [], [f"{module}:{name}" for module, name, _ in names])
        refusal = _refusal(*error)
        failed, needs, names, *_ = _brinery._policy_examine(self._native, content, True, True)
        if failed is not None:
            return Verdict(refusal, [], [])
        return Verdict(refusal, [Need(*need) for need in needs], [f"{m}:{n}" for m, n, _ in names])

    def diff(self, other: Policy | str) -> str:
        """Return what another policy grants less and more, as lines of a diff.

        Parameters
        ----------
        other : Policy or str
            The other policy.

        Returns
        -------
        str
            The lines that differ.

        Examples
        --------
        >>> import brinery
        >>> print(brinery.Policy("data").diff(brinery.Policy.allow("shop:Color", value=True)))
        +[globals."shop:Color"]
        +value = true
        """
        import difflib

        lines = difflib.unified_diff(
            self.to_toml().splitlines(), _policy_of(other).to_toml().splitlines(), lineterm="", n=0
        )
        return "\n".join(
            line for line in lines if not line.startswith(("---", "+++", "@@")) and len(line) > 1
        )

    def audit(self) -> list[str]:
        """Return what in the policy, alone or together, comes to more than it seems.

        Returns
        -------
        list of str
            A line for each finding.

        Examples
        --------
        >>> import brinery
        >>> brinery.Policy("stdlib").audit()
        []
        >>> brinery.Policy.allow("os:system", call=True).audit()[0]
        'os:system may be called with any arguments'
        """
        from ._audit import audit

        return audit(self.to_toml())


_ALL = "stdlib|numpy|pandas|sklearn|torch"


def _quote(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)


def _key(what: Any) -> str:
    if isinstance(what, str):
        if ":" in what:
            return what
        module, dot, name = what.rpartition(".")
        if not dot:
            raise ValueError(f"{what!r} is no global: write 'module:name'")
        return f"{module}:{name}"
    return f"{what.__module__}:{what.__qualname__}"


def _extensions(contents: list[bytes]) -> Policy:
    """Return what the extension codes in pickles stand for, where this program has registered them."""
    import copyreg

    registry: dict[int, tuple[str, str]] = getattr(copyreg, "_inverted_registry", {})
    codes: set[int] = set()
    if registry:
        from .tools import genops

        for content in contents:
            try:
                codes.update(
                    arg for opcode, arg, _ in genops(content) if opcode.name in ("EXT1", "EXT2", "EXT4")
                )
            except ValueError:
                continue  # what cannot be read is not learnt, either
    lines = [f"{code} = {_quote(':'.join(registry[code]))}" for code in sorted(codes) if code in registry]
    return Policy.from_toml("\n".join(["policy = 1", "[extensions]", *lines]))


def _content(sample: Any) -> bytes:
    if isinstance(sample, (bytes, bytearray, memoryview)):
        return bytes(sample)
    with open(sample, "rb") as file:
        return file.read()


_known: dict[str, Policy] = {}


def _policy_of(policy: Any) -> Policy:
    if isinstance(policy, Policy):
        return policy
    if isinstance(policy, str):
        if policy not in _known:
            _known[policy] = Policy(policy)
        return _known[policy]
    raise TypeError(f"a policy is a brinery.Policy or the name of one, not {type(policy).__name__}")


# Bits of what a global is used as.
_VALUE, _CONSTRUCT, _CALL, _ATTRIBUTES, _SETSTATE, _MEMBERS, _FINALIZE = 1, 2, 4, 8, 16, 32, 64


def _resolve(module: str, name: str, uses: int) -> Any:
    """Return what a granted global stands for, if it is what the policy takes it for."""
    found: Any = sys.modules.get(module)
    try:
        if found is None:
            __import__(module)
            found = sys.modules[module]
        for part in name.split("."):
            namespace = getattr(found, "__dict__", {}) if type(found) is ModuleType else {}
            found = namespace[part] if part in namespace else getattr(found, part)
    except (ImportError, AttributeError, KeyError) as error:
        raise _refusal("resolve", f"{module}.{name} is not there: {error}", None, None, "obj") from error
    problem = _mismatch(found, module, uses)
    if problem:
        raise _refusal("resolve", f"{module}.{name} {problem}", None, None, "obj")
    return found


def _mismatch(found: Any, module: str, uses: int) -> str | None:
    """Say what is wrong with an object for its uses."""
    if isinstance(found, ModuleType):
        return "is a module"
    is_class = isinstance(found, type)
    if uses & _CONSTRUCT and not is_class:
        return "is no class"
    if uses & (_CALL | _VALUE) and (is_class or isinstance(found, FunctionType)):
        home = getattr(found, "__module__", None)
        ours = module.partition(".")[0].lstrip("_")
        if isinstance(home, str) and home.partition(".")[0].lstrip("_") != ours and home != "builtins":
            return f"belongs to {home}"
    if is_class and uses & (_CONSTRUCT | _CALL | _ATTRIBUTES | _SETSTATE) and not uses & _FINALIZE:
        for base in found.__mro__:
            finalizer = base.__dict__.get("__del__")
            if finalizer is not None and type(finalizer) is not WrapperDescriptorType:
                return "acts when its objects go, by a __del__: that has to be granted among its methods"
    if uses & _SETSTATE and is_class and not hasattr(found, "__setstate__"):
        return "has no __setstate__ to take the state that is granted"
    if uses & _ATTRIBUTES and is_class and not issubclass(found, BaseException):
        for base in found.__mro__:
            hook = base.__dict__.get("__setstate__")
            if hook is not None:
                if base is not object and type(hook) is not FunctionType:
                    return "has a native __setstate__, to which attributes are not all that matters"
                break
    return None


def _finder_of_zones(unpickler: Callable[..., Any]) -> Callable[..., Any]:
    """Return what finds zones of pytz as its unpickler does, and adds none that are not there."""

    def find(name: str, utcoffset: int | None = None, dstoffset: int = 0, tzname: str = "") -> Any:
        zone = unpickler(name)
        if utcoffset is None:
            return zone
        known = getattr(zone, "_tzinfos", {})
        seconds = (utcoffset, dstoffset)
        alike = [key for key in known if (key[0].total_seconds(), key[1].total_seconds()) == seconds]
        if not alike:
            raise ValueError(f"the time zone {name} has no offset of {utcoffset} seconds")
        return known[next((key for key in alike if key[2] == tzname), alike[0])]

    return find


def _options(fix_imports: Any, encoding: Any, errors: Any, buffers: Any) -> tuple[bool, str, str, Any]:
    return (
        True if fix_imports is None else bool(fix_imports),
        "ASCII" if encoding is None else encoding,
        "strict" if errors is None else errors,
        buffers,
    )


def _run(
    policy: Policy,
    data: bytes,
    options: tuple[bool, str, str, Any],
    resolve: Callable[[str, str, int], Any] | None = None,
    persistent: Any = None,
    trailing: bool = False,
) -> tuple[Any, int]:
    try:
        result: tuple[Any, int] = _brinery._policy_load(
            policy._native, data, *options, resolve, persistent, trailing
        )
        return result
    except Exception as error:
        refusal = _as_refusal(error)
        if refusal is error:
            raise
        raise refusal from error


def _as_refusal(error: BaseException) -> BaseException:
    """Return what to raise for an exception of a load: a refusal, if it says something about the data."""
    if isinstance(error, (PolicyError, MemoryError)) or not isinstance(error, Exception):
        return error
    offset, opcode = getattr(error, "offset", None), getattr(error, "opcode", None)
    path = getattr(error, "path", None) or "obj"
    text = f"{type(error).__name__}: {error}"
    if not (isinstance(offset, int) and isinstance(opcode, str)):
        offset = opcode = None
    refusal = _refusal("malformed", text, offset, opcode, str(path))
    refusal.__cause__ = error
    return refusal


_Asked = TypeVar("_Asked", bound="Callable[..., Any]")


def _remembered(function: _Asked) -> _Asked:
    """Remember what a function says of annotations and other keys; what can be no key is asked each time."""
    cached = functools.lru_cache(maxsize=64, typed=True)(function)

    @functools.wraps(function)
    def ask(*arguments: Any) -> Any:
        try:
            hash(arguments)
        except TypeError:
            return function(*arguments)
        return cached(*arguments)

    return cast(_Asked, ask)


#: What loads by type need, by policy and type, the last few.
_by_type: dict[tuple[Any, Any], tuple[Any, Any]] = {}
_KEPT = 64


def _typed(policy: Any, type_: Any) -> tuple[Any, Any]:
    """Return the native rules of a load by type, and the native type; remember them."""
    from ._types import compiled, policy_for

    rules = _policy_of("data" if policy is None else policy) | policy_for(type_)
    found = (rules._native, compiled(type_))
    try:
        hash((policy, type_))
    except TypeError:
        return found
    while len(_by_type) >= _KEPT:
        _by_type.pop(next(iter(_by_type)), None)
    _by_type[policy, type_] = found
    return found


def _look(value: Any, type_: Any) -> None:
    """Make sure that a value is of a type; it is not certain yet."""
    from ._types import look

    look(value, type_)


def _load_next(unpickler: Any, prepared: tuple[Any, ...]) -> Any:
    """Load the next pickle for an `Unpickler` with ways of its own, or of a file that cannot go back."""
    file, policy, *given = prepared
    options = _options(*given)
    base = _brinery.Unpickler
    own = type(unpickler).find_class
    resolve = None if own is base.find_class else _asking(unpickler.find_class)
    persistent = getattr(unpickler, "persistent_load", None)
    if type(unpickler) is base and sys.version_info >= (3, 13):
        persistent = unpickler.__dict__.get("persistent_load") if hasattr(unpickler, "__dict__") else None
    return load_from(file, policy, options, resolve, persistent)


def _asking(find_class: Callable[[str, str], Any]) -> Callable[[str, str, int], Any]:
    """Return a resolver that asks a program's own `find_class` for what is granted."""

    def resolve(module: str, name: str, uses: int) -> Any:
        found = find_class(module, name)
        problem = _mismatch(found, module, uses & (_CONSTRUCT | _ATTRIBUTES | _FINALIZE))
        if problem:
            raise _refusal("resolve", f"{module}.{name} {problem}", None, None, "obj")
        return found

    return resolve


def load_from(
    file: Any,
    policy: Policy,
    options: tuple[bool, str, str, Any],
    resolve: Callable[[str, str, int], Any] | None = None,
    persistent: Any = None,
) -> Any:
    """Load the next pickle of a file, and leave the file where it ends."""
    start = file.tell() if getattr(file, "seekable", lambda: False)() else None
    if start is None:
        data = _extent(file)
    else:
        data = read_all(file)
        if not data:
            raise EOFError("Ran out of input")
    end = len(data)
    try:
        value, end = _run(policy, data, options, resolve, persistent, trailing=True)
    finally:
        if start is not None:
            file.seek(start + end)
    return value


def _extent(file: Any) -> bytes:
    """Read the next pickle of a file that cannot be wound back, and no byte more."""
    from .tools import genops

    read = _Recorder(file)
    for _ in genops(read):
        pass
    return b"".join(read.parts)


class _Recorder:
    """A file that remembers what was read of it."""

    def __init__(self, file: Any) -> None:
        self.file, self.parts = file, []  # type: ignore[var-annotated]

    def read(self, size: int) -> bytes:
        part: bytes = self.file.read(size)
        self.parts.append(part)
        return part

    def readline(self) -> bytes:
        part: bytes = self.file.readline()
        self.parts.append(part)
        return part


def inspect(data: Any) -> str:
    r"""Return what a pickle is made of, as text. Nothing that it names is imported or made.

    Parameters
    ----------
    data : bytes-like
        The pickle.

    Returns
    -------
    str
        The objects: globals are names, instances are calls.

    Examples
    --------
    >>> import brinery
    >>> brinery.inspect(b"cos\nsystem\n(S'true'\ntR.")
    "os.system(b'true')"
    """
    error, _, _, _, text = _brinery._policy_examine(_policy_of("data")._native, bytes(data), True, True)
    if error is not None:
        raise _refusal(*error)
    rendered: str = text
    return rendered

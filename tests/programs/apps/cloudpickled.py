"""cloudpickle: functions, classes and modules by value, as bytes and in another process."""

from __future__ import annotations

import abc
import base64
import collections
import dataclasses
import enum
import functools
import logging
import pickle
import subprocess
import sys
import types
import typing
import weakref

import cloudpickle

CONSTANT = 5


class Shape(abc.ABC):
    registry: typing.ClassVar[dict] = {}

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        Shape.registry[cls.__name__] = cls

    @abc.abstractmethod
    def area(self) -> float: ...


@dataclasses.dataclass
class Square(Shape):
    side: float

    def area(self) -> float:
        return self.side**2 + CONSTANT


class Kind(enum.Enum):
    ROUND = "round"
    FLAT = "flat"

    def other(self) -> Kind:
        return Kind.FLAT if self is Kind.ROUND else Kind.ROUND


def factorial(number: int) -> int:
    return 1 if number < 2 else number * factorial(number - 1)


def counter(start: int) -> typing.Callable[[], int]:
    def step() -> int:
        nonlocal start
        start += 1
        return start

    return step


def things() -> dict[str, object]:
    dynamic = types.ModuleType("dynamic")
    exec("def double(x):\n    return 2 * x + extra\nextra = 1", vars(dynamic))
    return {
        "factorial": (factorial, (10,)),
        "lambda": (lambda *args, scale=3, **options: (sum(args) * scale, options), (1, 2)),
        "closure": (counter(41), ()),
        "method": (Square(2).area, ()),
        "partial": (functools.partial(factorial, 5), ()),
        "class": (lambda cls=Square: cls(3).area(), ()),
        "enum": (lambda kind=Kind.ROUND: (kind.other().name, kind.other() is type(kind).FLAT), ()),
        "module": (lambda module=dynamic: module.double(4), ()),
        "generator": (lambda: sum(x * CONSTANT for x in range(3)), ()),
        "namedtuple": (lambda p=collections.namedtuple("P", "x y")(1, 2): p.x + p.y, ()),
        "views": (lambda d={"a": 1}.keys(): sorted(d), ()),
        "logger": (lambda logger=logging.getLogger("a.b"): logger.name, ()),
        "weakset": (lambda kinds=weakref.WeakSet([Shape]): [kind.__name__ for kind in kinds], ()),
    }


CHILD = """
import base64, pickle, sys
for line in sys.stdin:
    name, text = line.split()
    function, args = pickle.loads(base64.b64decode(text))
    print(name, function(*args))
"""


def main() -> None:
    lines = []
    for name, thing in things().items():
        for protocol in (2, 4, 5):
            data = cloudpickle.dumps(thing, protocol=protocol)
        function, args = pickle.loads(data)
        print(name, function(*args))
        lines.append(f"{name} {base64.b64encode(data).decode()}")
    child = [sys.executable, "-c", CHILD]
    print(subprocess.run(child, input="\n".join(lines), stdout=subprocess.PIPE, text=True, check=True).stdout)

    class Registered(cloudpickle.CloudPickler):
        """A pickler on top of cloudpickle's, as Ray and PySpark have them."""

        def reducer_override(self, obj: object) -> object:
            if isinstance(obj, Square):
                return Square, (obj.side + 1,)
            return super().reducer_override(obj)

    import io

    file = io.BytesIO()
    Registered(file).dump([Square(1), lambda: 7])
    square, function = pickle.loads(file.getvalue())
    print(square.side, function())
    try:
        cloudpickle.dumps(sys._getframe())
    except Exception as error:
        print(type(error).__name__, error)
    print("done")


if __name__ == "__main__":
    main()

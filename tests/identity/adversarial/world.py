"""One case: a graph, what its hooks do to it, and how it is saved.

Everything is drawn from the seed in the order in which the hooks are called, so that two engines which call the same hooks
in the same order meet the same graph. Nobody but the graph itself holds its parts: the hooks find them by walking from the root.
Only for a stock engine that saves what it does not hold, the case holds what it takes away: else it would compare freed memory.
"""

from __future__ import annotations

import _pickle
import collections
import copyreg
import datetime
import decimal
import fractions
import gc
import io
import pathlib
import pickle
import random
import re
import types
import uuid
from typing import Any, Callable

from tests.identity import ways
from tests.identity.adversarial import hostile

#: An address in the text of an exception.
ADDRESS = re.compile(r"0x[0-9a-f]+")


class Chaos(Exception):
    """What hooks raise."""


class World:
    """A case."""

    def __init__(self, seed: int, engine: Any, wild: bool) -> None:
        self.dice = random.Random(seed)
        self.engine = engine
        #: Whether the graph may also change at moments that the engine does not determine.
        self.wild = wild
        self.log: list[str] = []
        self.stolen: list[Any] = []
        self.junk: list[Any] = []
        #: What would else be lost, by address, where the engine needs that.
        self.held: dict[int, Any] | None = None
        if engine is _pickle and not ways.STOCK_HOLDS_ITEMS:
            self.held = {}
        self.root: Any = None
        self.pickler: Any = None
        self.strikes = self.dice.choice([0, 2, 5, 15, 60])
        #: How much hooks may add in all.
        self.growth = 400
        self.protocol = self.dice.choice([0, 1, 2, 3, 4, 4, 5, 5])
        self.fast = self.dice.random() < 0.04
        #: The parts of the graph, while it is made.
        self.parts: list[Any] | None = []
        #: Hooks act only while the graph is saved, and not within each other.
        self.armed = False

    # -- the graph --

    def pick(self, *choices: Callable[[], Any]) -> Any:
        return self.dice.choice(choices)()

    def text(self) -> str:
        size = self.dice.choice([0, 1, 2, 3, 5, 8, 13, 40, 300])
        if self.dice.random() < 0.01:
            size = self.dice.choice([4096, 4097, 70_000])
        letters = self.dice.choice(["abcdefgh", "xyz", "äöü", "日本語", "😀\ud800x", "\n\\\0"])
        return "".join([self.dice.choice(letters) for _ in range(min(size, 8))]) * max(size // 8, 1)

    def key(self) -> Any:
        return self.pick(
            lambda: "".join(["key ", str(self.dice.randrange(50))]),
            lambda: "".join(["key ", str(self.dice.randrange(50))]),
            self.text,
            lambda: self.dice.randrange(1000, 1_000_000),
            lambda: (self.text(), self.dice.randrange(5)),
            lambda: hostile.Key(self.text()),
            lambda: frozenset([self.text(), self.dice.randrange(5)]),
        )

    def atom(self) -> Any:
        dice = self.dice
        return self.pick(
            self.text,
            self.text,
            self.text,
            lambda: dice.choice([None, True, False, 0, -1, 255, 65536, -(2**31), 2**63, 10**40]),
            dice.random,
            lambda: bytes([dice.randrange(256) for _ in range(dice.choice([0, 1, 3, 300]))]),
            lambda: bytearray([dice.randrange(256) for _ in range(dice.choice([0, 1, 3, 300]))]),
            lambda: bytearray(dice.choice([5, 5, 5, 66_000])),
            lambda: dice.choice([int, len, hostile.Plain, hostile.make, collections.OrderedDict]),
            lambda: hostile.Text(self.text()),
            lambda: hostile.Whole(dice.randrange(9)),
            lambda: dice.choice(list(hostile.Colour)),
            lambda: datetime.datetime(2024, 2, dice.randrange(1, 28), 3, 4, 5, dice.randrange(9)),
            lambda: datetime.timedelta(dice.randrange(9)),
            lambda: datetime.date(2024, 2, dice.randrange(1, 28)),
            lambda: decimal.Decimal(dice.randrange(999)) / 8,
            lambda: fractions.Fraction(dice.randrange(99), 7),
            lambda: uuid.UUID(int=dice.getrandbits(128)),
            lambda: pathlib.PurePosixPath("/tmp", "".join(["part", str(dice.randrange(9))])),
            lambda: complex(dice.randrange(9), 1),
            lambda: range(dice.randrange(9)),
            lambda: pickle.PickleBuffer(bytearray(dice.choice([1, 9]))) if self.protocol > 4 else None,
            lambda: "".join(["x" * 40, str(dice.randrange(9))]).__add__,
        )

    def grow(self, depth: int) -> Any:
        """Return a graph that nobody else holds."""
        if self.growth <= 0:
            return None
        self.growth -= 1
        if self.parts is not None and self.parts and self.dice.random() < 0.12 and not self.fast:
            return self.dice.choice(self.parts)
        made = self.compound(depth) if depth > 0 and self.dice.random() < 0.75 else self.atom()
        if self.parts is not None:
            self.parts.append(made)
        return made

    def several(self, depth: int) -> list:
        count = self.dice.choice([0, 1, 1, 2, 2, 3, 4, 6])
        return [self.grow(depth - 1) for _ in range(count)]

    def compound(self, depth: int) -> Any:
        dice = self.dice
        return self.pick(
            lambda: self.several(depth),
            lambda: self.several(depth),
            lambda: tuple(self.several(depth)),
            lambda: tuple(self.several(depth)),
            lambda: (self.grow(depth - 1),),
            lambda: [tuple(self.several(depth)) for _ in range(3)],
            lambda: {self.key(): value for value in self.several(depth)},
            lambda: {self.key(): value for value in self.several(depth)},
            lambda: {self.key(): value for value in self.several(depth)},
            lambda: {self.key() for _ in range(dice.randrange(6))},
            lambda: frozenset(self.key() for _ in range(dice.randrange(5))) if not self.fast else (),
            lambda: self.instance(depth),
            lambda: self.instance(depth),
            lambda: self.instance(depth),
            lambda: self.instance(depth),
            lambda: vars(self.instance(depth, hostile.Plain)),
            lambda: self.siblings(depth),
            lambda: hostile.Doomed(self.grow(depth - 1)),
            lambda: hostile.Point(self.grow(depth - 1), self.grow(depth - 1)),
            lambda: hostile.Frozen(self.grow(depth - 1), self.grow(depth - 1)),
            lambda: hostile.Pair(self.several(depth)),
            lambda: hostile.List(self.several(depth)),
            lambda: hostile.SubList(self.several(depth)),
            lambda: hostile.Dict({self.key(): value for value in self.several(depth)}),
            lambda: hostile.SubDict({self.key(): value for value in self.several(depth)}),
            lambda: hostile.Set(self.key() for _ in range(dice.randrange(6))),
            lambda: self.slots(depth),
            lambda: collections.OrderedDict((self.key(), value) for value in self.several(depth)),
            lambda: collections.defaultdict(list, {self.key(): value for value in self.several(depth)}),
            lambda: collections.Counter([self.key(), self.key()]),
            lambda: collections.deque(self.several(depth), maxlen=dice.choice([None, 9])),
            lambda: self.rows(depth),
            lambda: Exception(*self.several(depth)),
        )

    def rows(self, depth: int) -> list:
        """Many alike, past the size of a batch at times."""
        count = self.dice.choice([5, 20, 20, 999, 1000, 1001, 2000])
        kind = self.dice.randrange(4)
        last = self.grow(depth - 1)
        if kind == 0:
            return [*([number] for number in range(count)), last]
        if kind == 1:
            return [*({"name": f"row {number}"} for number in range(count)), last]
        if kind == 2:
            return [*((f"row {number}", number) for number in range(count)), last]
        made = {f"row {number}": [number] for number in range(count)}
        made["last"] = last
        return [made]

    def siblings(self, depth: int) -> list:
        """Instances that share the keys of their dicts, and may have lost others meanwhile."""
        made = [self.instance(depth - 1, hostile.Plain) for _ in range(3)]
        name = "".join(["attribute", str(self.dice.randrange(5))])
        for obj in made:
            setattr(obj, name, self.grow(depth - 1))
        return [vars(obj) for obj in made] if self.dice.random() < 0.3 else made

    def instance(self, depth: int, kind: type | None = None) -> Any:
        made = (kind or self.dice.choice(hostile.INSTANCES))()
        for _ in range(self.dice.randrange(5)):
            setattr(made, "".join(["attribute", str(self.dice.randrange(5))]), self.grow(depth - 1))
        if self.dice.random() < 0.04:
            made.__reduce_ex__ = hostile.shadow
        if self.dice.random() < 0.04:
            made.__getstate__ = hostile.shadow_state
        return made

    def slots(self, depth: int) -> Any:
        made = hostile.Slots()
        made.first = self.grow(depth - 1)
        if self.dice.random() < 0.5:
            made.second = self.grow(depth - 1)
        return made

    def build(self) -> None:
        """Make the graph, with sharing and cycles."""
        self.growth = self.dice.choice([10, 60, 200])
        self.root = [self.grow(self.dice.choice([2, 3, 5, 8])) for _ in range(self.dice.randrange(1, 5))]
        if not self.fast:
            for _ in range(self.dice.randrange(4)):
                container, part = self.dice.choice(self.parts), self.dice.choice([self.root, *self.parts])
                if type(container) is list:
                    container.append(
                        self.pick(lambda p=part: p, lambda p=part: (p,), lambda p=part: {"part": p})
                    )
                elif type(container) is dict or isinstance(container, hostile.Plain):
                    held = container if type(container) is dict else container.__dict__
                    held["cycle"] = self.pick(lambda p=part: p, lambda p=part: (p, [p]))
            if self.dice.random() < 0.3:
                # A tuple that holds itself, through a list that only it holds.
                tail: Any = ([], self.text())
                tail[0].append(self.pick(lambda: tail, lambda: (tail,), lambda: {"tail": tail}))
                self.root.append(tail)
                del tail
        self.parts = None
        self.growth = 300

    # -- the hooks --

    def strike(self, where: str) -> None:
        """Called by every hook: may do anything to the graph."""
        if not self.armed:
            return
        self.log.append(where)
        if len(self.log) > 3000:
            raise Chaos("enough")
        if self.strikes <= 0 or self.dice.random() < 0.4:
            return
        self.strikes -= 1
        self.armed = False
        try:
            for _ in range(self.dice.choice([1, 1, 2, 4])):
                self.act()
        finally:
            self.armed = True

    def last_act(self, doomed: Any) -> None:
        """What finalizers do: in a case that is compared only what leaves no trace."""
        held = doomed.held
        if self.wild:
            try:
                self.act()
            except Exception:
                pass
            self.stolen.append(doomed if id(doomed) % 3 else held)
        else:
            self.junk.append([held, doomed, ("some", "thing", len(self.junk))])
            del self.junk[:-20]

    def walk(self) -> Any:
        """Return some container of the graph."""
        here = self.root
        for _ in range(self.dice.randrange(8)):
            parts = [part for part in children(here) if type(part) not in (str, int, float, bytes, type)]
            if not parts:
                break
            here = self.dice.choice(parts)
        return here

    def some(self) -> Any:
        """Return something to put somewhere."""
        return self.pick(
            lambda: self.grow(2),
            lambda: self.grow(1),
            lambda: self.stolen.pop() if self.stolen else [],
            self.walk if not self.fast else list,
            lambda: tuple(self.root) if not self.fast else (),
        )

    def hold(self) -> None:
        """Keep all that the graph holds now: stock may be saving any of it."""
        assert self.held is not None
        seen: dict[int, Any] = {}
        todo = [self.root, self.stolen]
        while todo:
            obj = todo.pop()
            if id(obj) not in seen and not isinstance(obj, (type, types.FunctionType, types.ModuleType)):
                seen[id(obj)] = obj
                # Unlike access to attributes, this makes no dict for an exception that has none.
                todo += gc.get_referents(obj)
        del seen[id(self.stolen)]
        self.held.update(seen)

    def act(self) -> None:
        if self.held is not None:
            self.hold()
        self.pick(
            self.take,
            self.take,
            self.take,
            self.put,
            self.put,
            self.put,
            self.empty,
            self.replace,
            self.replace,
            self.litter,
            self.litter,
            self.collect,
            self.look,
            self.meddle,
            self.change_instance,
            self.change_buffer,
            self.fail,
        )

    def take(self) -> None:
        """Take a part from its holder; keep it or not."""
        here = self.walk()
        index = self.dice.randrange(50)
        taken: Any = None
        if isinstance(here, list):
            taken = list.pop(here, index % size) if (size := list.__len__(here)) else None
        elif isinstance(here, dict):
            if keys := list(dict.keys(here)):
                taken = dict.pop(here, keys[index % len(keys)], None)
        elif isinstance(here, collections.deque):
            taken = here.popleft() if here else None
        elif type(here) is set:
            taken = here.pop() if here else None
        elif isinstance(here, hostile.Plain):
            held = object.__getattribute__(here, "__dict__")
            taken = held.popitem() if held else None
        if self.dice.random() < 0.5:
            self.stolen.append(taken)

    def put(self) -> None:
        here, thing = self.walk(), self.some()
        if isinstance(here, list):
            list.insert(here, self.dice.randrange(5), thing)
        elif isinstance(here, dict):
            dict.__setitem__(here, self.key(), thing)
        elif type(here) is set:
            here.add(self.key())
        elif isinstance(here, collections.deque):
            here.append(thing)
        elif isinstance(here, hostile.Plain):
            setattr(here, "".join(["attribute", str(self.dice.randrange(9))]), thing)

    def empty(self) -> None:
        here = self.walk()
        if isinstance(here, list):
            list.clear(here)
        elif isinstance(here, (dict, collections.deque)) or type(here) is set:
            here.clear()
        elif isinstance(here, hostile.Plain):
            object.__getattribute__(here, "__dict__").clear()

    def replace(self) -> None:
        """Put something in the place of a part, so that sizes stay."""
        here = self.walk()
        index = self.dice.randrange(50)
        if isinstance(here, list) and list.__len__(here):
            here[index % list.__len__(here)] = self.some()
        elif isinstance(here, dict) and here:
            keys = list(dict.keys(here))
            dict.__setitem__(here, keys[index % len(keys)], self.some())
        elif isinstance(here, hostile.Slots):
            here.first = self.some()
        elif isinstance(here, hostile.Plain):
            held = object.__getattribute__(here, "__dict__")
            for name in list(held)[:1]:
                held[name] = self.some()

    def litter(self) -> None:
        """Make objects of the usual sizes and let some go: addresses are used again."""
        count = self.dice.choice([3, 30, 100])
        for number in range(count):
            self.junk.append([number])
            self.junk.append((number, f"junk {number}"))
            self.junk.append({"junk": number})
        del self.junk[:: self.dice.choice([1, 2])]
        del self.junk[:-50]

    def collect(self) -> None:
        gc.collect(self.dice.choice([0, 1, 2]))

    def look(self) -> None:
        """Look at the memo."""
        if self.pickler is not None:
            self.log.append(f"memo {memo_of(self.pickler)}")

    def meddle(self) -> None:
        """Change the pickler."""
        pickler = self.pickler
        if pickler is None:
            return

        def copy() -> None:
            pickler.memo = pickler.memo

        def copy_dict() -> None:
            pickler.memo = pickler.memo.copy()

        def table() -> None:
            # Where the class has a table, stock takes it for all time; brinery asks before each dump.
            if "dispatch_table" not in type(pickler).__dict__:
                pickler.dispatch_table = {hostile.ByTable: hostile.by_table}

        self.pick(copy, copy_dict, copy, copy_dict, copy, pickler.clear_memo, table)

    def change_instance(self) -> None:
        here = self.walk()
        if not isinstance(here, hostile.Plain):
            return
        held = object.__getattribute__(here, "__dict__")

        def new_dict() -> None:
            here.__dict__ = dict(held)

        def new_class() -> None:
            if type(here) is hostile.Plain:
                here.__class__ = hostile.Other

        def steal_dict() -> None:
            self.stolen.append(held)

        def forget() -> None:
            here.__dict__ = {}

        self.pick(new_dict, new_class, steal_dict, forget)

    def change_buffer(self) -> None:
        here = self.root
        for _ in range(4):
            parts = [part for part in children(here) if type(part) not in (str, int, float, bytes, type)]
            if not parts:
                break
            here = self.dice.choice(parts)
        if type(here) is bytearray:
            for position in range(min(len(here), 3)):
                here[position] ^= 1

    def fail(self) -> None:
        if self.dice.random() < 0.3:
            raise Chaos("".join(["failed ", str(self.dice.randrange(9))]))

    # -- saving --

    def new_pickler(self, file: Any) -> Any:
        """Return a Pickler with some hooks."""
        world, engine, dice = self, self.engine, self.dice
        arguments: dict[str, Any] = {}
        if self.protocol == 5 and dice.random() < 0.3:

            def callback(buffer: Any) -> bool:
                world.strike("buffer_callback")
                return world.dice.random() < 0.5

            arguments["buffer_callback"] = callback

        def persistent_id(obj: Any) -> Any:
            world.strike(f"persistent_id {type(obj).__name__}")
            if type(obj) in (hostile.Record, str, list) and world.dice.random() < 0.05:
                return (world.grow(2), [[]]) if world.protocol else "pid"
            return None

        def reducer_override(obj: Any) -> Any:
            world.strike(f"reducer_override {type(obj).__name__}")
            if isinstance(obj, hostile.Plain) and world.dice.random() < 0.1:
                return hostile.make, (world.grow(2), [[]])
            return NotImplemented

        namespace: dict[str, Any] = {}
        if dice.random() < 0.35:
            namespace["persistent_id"] = lambda self, obj: persistent_id(obj)
        if dice.random() < 0.35:
            namespace["reducer_override"] = lambda self, obj: reducer_override(obj)
        table = dice.choice(
            [
                None,
                None,
                {hostile.ByTable: hostile.by_table, hostile.Record: hostile.by_table},
                hostile.Table(),
                collections.ChainMap({hostile.ByTable: hostile.by_table}, copyreg.dispatch_table),
            ]
        )
        kind = engine.Pickler
        if table is not None and dice.random() < 0.5:
            namespace["dispatch_table"] = table
            table = None
        if namespace or dice.random() < 0.2:
            kind = type("Sub", (engine.Pickler,), namespace)
        pickler = kind(file, self.protocol, **arguments)
        if table is not None:
            pickler.dispatch_table = table
        if self.fast:
            pickler.fast = True
        return pickler

    def save(self) -> list:
        """Save the graph in one of the ways; return what was written and raised."""
        way = self.dice.choice(["dumps", "dump", "Pickler", "Pickler", "Pickler", "memory"])
        results: list[Any] = []
        file: Any = io.BytesIO() if way == "memory" else File(self)
        if way == "dumps":
            results.append(self.attempt(lambda: self.engine.dumps(self.root, self.protocol)))
        elif way == "dump":
            results.append(self.attempt(lambda: self.engine.dump(self.root, file, self.protocol)))
        else:
            self.pickler = self.new_pickler(file)
            for _ in range(self.dice.choice([1, 2, 3])):
                results.append(self.attempt(lambda: self.pickler.dump(self.root)))
                results.append(memo_of(self.pickler))
                self.between()
        if way == "memory":
            results.append(file.getvalue())
        elif way != "dumps":
            results.append(file.writes)
        return results

    def between(self) -> None:
        """Do something between two dumps of one pickler."""
        try:
            self.pick(self.litter, self.collect, lambda: None, self.put, self.take)
        except Exception:
            # Another thread may have emptied what was about to be changed.
            if not self.wild:
                raise

    def attempt(self, call: Callable[[], Any]) -> Any:
        self.armed = True
        try:
            return call()
        except Exception as error:
            return type(error).__name__, ADDRESS.sub("0x", str(error))
        finally:
            self.armed = False


class File:
    """A file that strikes when it is written to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.writes: list[bytes] = []

    def write(self, data: Any) -> int:
        self.writes.append(bytes(data))
        self.world.strike("write")
        return len(data)


def children(obj: Any) -> list:
    """Return what an object holds."""
    if isinstance(obj, (list, tuple, set, frozenset, dict, collections.deque)):
        if isinstance(obj, dict):
            parts = list(dict.values(obj))
        else:
            builtin = next(
                kind for kind in (list, tuple, set, frozenset, collections.deque) if isinstance(obj, kind)
            )
            parts = list(builtin.__iter__(obj))
    elif isinstance(obj, hostile.Slots):
        parts = [getattr(obj, name) for name in ("first", "second") if hasattr(obj, name)]
    elif isinstance(obj, (hostile.Doomed, BaseException, hostile.Frozen, hostile.Record)):
        return list(obj.__dict__.values())
    else:
        parts = []
    if isinstance(obj, (hostile.Plain, hostile.SubList, hostile.SubDict)):
        held = object.__getattribute__(obj, "__dict__")
        parts += held.values()
    return parts


def sketch(root: Any) -> list:
    """Return the shape of a graph, which touches all of it."""
    seen: dict[int, int] = {}
    kept, todo, out = [], [root], []
    while todo and len(out) < 20_000:
        obj = todo.pop()
        if id(obj) in seen:
            out.append(seen[id(obj)])
            continue
        if not isinstance(obj, (str, int, float, bytes, type)):
            seen[id(obj)] = len(seen)
            kept.append(obj)
            parts = children(obj)
            out.append((type(obj).__name__, len(parts)))
            todo += parts
        else:
            out.append(f"{type(obj).__name__} {obj if isinstance(obj, (str, int)) else ''!s}")
    return out


def memo_of(pickler: Any) -> list:
    """Return what the memo of a pickler holds, by index."""
    memo = pickler.memo.copy()
    if any(key != id(obj) for key, (_, obj) in memo.items()):
        raise AssertionError("the memo has an object under another's address")
    return sorted((index, type(obj).__name__) for index, obj in memo.values())

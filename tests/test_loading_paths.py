"""A load that fails on damaged input names the part that it was building."""

from __future__ import annotations

import pickle
import pickletools

import pytest

import brinery


class Thing:
    """An ordinary class."""

    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)


#: How many bytes stand before a text, its opcode included.
HEADER = {0: 1, 1: 5, 2: 5, 4: 2, 5: 2}
THING = Thing(x=[1, 2, {"k": "TARGET"}], y=2)


@pytest.mark.parametrize("protocol", [1, 2, 4, 5])
@pytest.mark.parametrize(
    ("obj", "path"),
    [
        ("TARGET", "obj"),
        ([1, 2, "TARGET"], "obj[2]"),
        ([[], [1, 2], [3, "TARGET"]], "obj[2][1]"),
        ({"a": 1, "b": "TARGET", "c": 2}, 'obj["b"]'),
        ({"a": {}, "b": [], "c": "TARGET"}, 'obj["c"]'),
        ({"runs": [{"name": "first", "n": 1}, {"name": "TARGET", "n": 2}]}, 'obj["runs"][1]["name"]'),
        ({"runs": [{"name": "TARGET"}]}, 'obj["runs"][0]["name"]'),
        ({"q": 1, "thing": THING, "z": 2}, 'obj["thing"].x[2]["k"]'),
        ([1, {"only": [THING]}], 'obj[1]["only"][0].x[2]["k"]'),
        (Thing(inner=Thing(empty={}, name="TARGET")), "obj.inner.name"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_the_path_leads_to_the_damage(obj: object, path: str, protocol: int, damage: str) -> None:
    assert failure(obj, protocol, damage).path == path


@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_protocol_0_fills_containers_one_by_one(damage: str) -> None:
    obj = {"q": 1, "things": [0, Thing(x=[1, {"a": 0, "k": "TARGET"}], y=2)], "z": 2}
    assert failure(obj, 0, damage).path == 'obj["things"][1].x[1]["k"]'


def test_a_full_state_belongs_to_its_instance() -> None:
    data = bytearray(pickle.dumps({"q": 1, "things": [0, Thing(x=1, y=2)]}, 4))
    build = next(at for opcode, _, at in pickletools.genops(data) if opcode.name == "BUILD")
    data[build] = 0xFF
    with pytest.raises(pickle.UnpicklingError) as caught:
        brinery.loads(bytes(data))
    assert caught.value.path == 'obj["things"][1]'
    assert caught.value.offset == build


def failure(obj: object, protocol: int, damage: str) -> pickle.UnpicklingError:
    """Load the pickle of `obj`, damaged at its target, and return the exception."""
    data = bytearray(pickle.dumps(obj, protocol))
    if protocol >= 4 and damage == "cut":
        del data[2:11]  # without its frame, a stream is read opcode by opcode
    target = data.index(b"TARGET")
    if damage == "cut":
        del data[target + 3 :]
    else:
        data[target - HEADER[protocol]] = 0xFF  # no opcode
    with pytest.raises(pickle.UnpicklingError) as caught:
        brinery.loads(bytes(data))
    return caught.value

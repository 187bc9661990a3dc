"""Identity of the keys that the dicts of instances share: the dicts do not count as their holders."""

from __future__ import annotations

import _pickle
import sys

import brinery


class Record:
    """An instance whose dict shares its keys with those of its siblings."""


def siblings() -> list[dict]:
    """Return the dicts of two instances, with an attribute name that nobody else holds."""
    records = [Record(), Record()]
    for number, record in enumerate(records):
        setattr(record, "".join(["only_", "here"]), [number])
    # The interpreter remembers names that it looked for.
    sys._clear_type_cache()
    return [record.__dict__ for record in records]


def test_a_key_of_two_dicts_is_written_once() -> None:
    for protocol in range(6):
        data = brinery.dumps(siblings(), protocol)
        assert data == _pickle.dumps(siblings(), protocol)
        assert data.count(b"only_here") == 1

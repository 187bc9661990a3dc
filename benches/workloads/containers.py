"""Built-in containers in the shapes of everyday data."""

from __future__ import annotations

import json


def records() -> list[dict]:
    """2,000 dicts with the same eight keys."""
    return [
        {
            "id": number,
            "name": f"user {number}",
            "email": f"user{number}@example.org",
            "age": number % 90,
            "score": number / 7,
            "active": number % 3 == 0,
            "tags": ["a", "b"],
            "parent": None,
        }
        for number in range(2000)
    ]


def parsed_json() -> object:
    """A nested document as json.loads returns it."""
    text = json.dumps(
        [
            {
                "meta": {"page": page, "of": 50},
                "items": [{"k": str(i), "v": [i, i / 2, None, True]} for i in range(40)],
            }
            for page in range(50)
        ]
    )
    return json.loads(text)


def int_keys() -> dict[int, int]:
    """A dict of 20,000 integers."""
    return {number * 7: number for number in range(20_000)}


def str_keys() -> dict[str, int]:
    """A dict of 10,000 strings to integers."""
    return {f"key{number}": number for number in range(10_000)}


def tuple_keys() -> dict[tuple[int, str], float]:
    """A dict whose keys are pairs."""
    return {(number, f"k{number % 50}"): number / 3 for number in range(5000)}


def tuples() -> list[tuple]:
    """10,000 tuples of one to four items."""
    return [tuple(range(number, number + number % 4 + 1)) for number in range(10_000)]


def sets() -> list[set[int]]:
    """1,000 sets of 20 integers."""
    return [set(range(number, number + 20)) for number in range(1000)]


def nested_lists() -> list:
    """2,000 small lists of lists."""
    return [[[number, [number, []]], [], [[]]] for number in range(2000)]

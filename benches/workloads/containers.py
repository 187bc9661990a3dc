"""Built-in containers in the shapes of everyday data."""

from __future__ import annotations

import json

from benches.workload import and_shuffled


@and_shuffled
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


def api_dump() -> list[dict]:
    """500 repositories as a web interface lists them: nested dicts, lists and addresses, fields left out here and there."""
    made = []
    for number in range(500):
        address = f"https://api.example.org/repos/{number}"
        repository = {
            "id": 100_000 + number,
            "name": f"project-{number}",
            "full_name": f"owner{number % 40}/project-{number}",
            "private": number % 9 == 0,
            "owner": {
                "login": f"owner{number % 40}",
                "id": number % 40,
                "url": f"https://api.example.org/users/owner{number % 40}",
                "site_admin": False,
            },
            "url": address,
            "issues_url": f"{address}/issues{{/number}}",
            "created_at": f"2024-{number % 12 + 1:02d}-{number % 28 + 1:02d}T08:00:00Z",
            "size": number * 37,
            "stars": number * number % 5000,
            "score": number / 11,
            "topics": [f"topic{number % 7}", f"topic{number % 11}"],
            "permissions": {"admin": False, "push": number % 2 == 0, "pull": True},
            "parent": None,
        }
        if number % 3:
            repository["license"] = {"key": "mit", "name": "MIT License", "spdx_id": "MIT"}
        if number % 4 == 0:
            repository["description"] = f"What project {number} is about, in a sentence or two – and more."
        made.append(repository)
    return made


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


@and_shuffled
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


def frozensets() -> list[frozenset[int]]:
    """1,000 frozensets of 20 integers."""
    return [frozenset(range(number, number + 20)) for number in range(1000)]


def nested_lists() -> list:
    """2,000 small lists of lists."""
    return [[[number, [number, []]], [], [[]]] for number in range(2000)]

"""Lists of one kind of scalar."""

from __future__ import annotations

import random

from benches.workload import and_shuffled, large, unchanging


def small_ints() -> list[int]:
    """10,000 integers of one to four bytes."""
    source = random.Random(1)
    return [source.randrange(1 << source.choice((8, 16, 31))) for _ in range(10_000)]


def wide_ints() -> list[int]:
    """10,000 integers of 64 bits, either sign."""
    source = random.Random(2)
    return [source.getrandbits(63) * source.choice((1, -1)) for _ in range(10_000)]


def big_ints() -> list[int]:
    """2,000 integers of 200 to 2,000 bits, either sign."""
    source = random.Random(3)
    return [source.getrandbits(source.randrange(200, 2000)) * source.choice((1, -1)) for _ in range(2000)]


def floats() -> list[float]:
    """10,000 floats."""
    source = random.Random(4)
    return [source.gauss(0, 1e3) for _ in range(10_000)]


def constants() -> list[bool | None]:
    """10,000 of True, False and None."""
    source = random.Random(6)
    return [source.choice((True, False, None)) for _ in range(10_000)]


@and_shuffled
def unique_strings() -> list[str]:
    """10,000 short ASCII strings, all different."""
    return [f"item-{number:06d}" for number in range(10_000)]


def repeated_strings() -> list[str]:
    """10,000 references to 100 strings."""
    words = [f"word{number}" for number in range(100)]
    return [words[number % 100] for number in range(10_000)]


def other_scripts() -> list[str]:
    """5,000 strings of Greek, Cyrillic and Chinese."""
    scripts = ("αβγδεζηθ", "абвгдежз", "甲乙丙丁戊己庚辛")
    return [scripts[number % 3] * 2 + str(number) for number in range(5000)]


def accents_and_emoji() -> list[str]:
    """5,000 strings of mostly ASCII with an accent or an emoji."""
    parts = ("Größe", "déjà vu", "naïve 🙂", "smörgåsbord")
    return [f"{parts[number % 4]} of item {number}" for number in range(5000)]


@large
def long_strings() -> list[str]:
    """100 strings of 20,000 ASCII characters."""
    return [str(number) * (20_000 // len(str(number))) for number in range(100)]


@large
def long_other_scripts() -> list[str]:
    """40 strings of 20,000 Chinese characters."""
    return ["天地玄黃宇宙洪荒日月盈昃辰宿列張" * 1250 + str(number) for number in range(40)]


def urls() -> list[str]:
    """10,000 addresses of about 60 characters."""
    return _addresses(10_000)


@unchanging
def million_urls() -> list[str]:
    """1,000,000 addresses of about 60 characters."""
    return _addresses(1_000_000)


def small_bytes() -> list[bytes]:
    """10,000 bytes objects of 16 bytes."""
    source = random.Random(5)
    return [source.getrandbits(128).to_bytes(16, "little") for _ in range(10_000)]


def _addresses(count: int) -> list[str]:
    return [
        f"https://example.org/archive/2024/{number % 12:02d}/page-{number}.html?view=all"
        for number in range(count)
    ]

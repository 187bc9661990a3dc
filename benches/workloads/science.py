"""Arrays and tables of numpy and pandas."""

from __future__ import annotations

from typing import Any

from benches.workload import needs, out_of_band, unchanging, used


@needs("numpy")
def numpy_scalars() -> list[Any]:
    """1,000 each of numpy's float64 and int32 scalars."""
    import numpy

    return [made for n in range(1000) for made in (numpy.float64(n / 3), numpy.int32(n))]


@needs("numpy")
def small_arrays() -> list[Any]:
    """500 arrays of ten floats."""
    import numpy

    return [numpy.arange(10) / (number + 1) for number in range(500)]


@needs("numpy")
@unchanging
def large_array() -> Any:
    """An array of 4,000,000 floats, in band."""
    import numpy

    return numpy.arange(4_000_000) / 7


@needs("numpy")
@used(out_of_band)
@unchanging
def large_array_out_of_band() -> Any:
    """An array of 4,000,000 floats, out of band."""
    import numpy

    return numpy.arange(4_000_000) / 7


@needs("numpy", "pandas")
def data_frame() -> Any:
    """A DataFrame of 10,000 rows: integers, floats, times, categories and Python strings."""
    import numpy
    import pandas

    count = 10_000
    return pandas.DataFrame(
        {
            "id": numpy.arange(count),
            "price": numpy.arange(count) / 7,
            "at": pandas.date_range("2024-01-01", periods=count, freq="min"),
            "kind": pandas.Categorical([("new", "used", "old")[number % 3] for number in range(count)]),
            "name": pandas.Series([f"name {number}" for number in range(count)], dtype=object),
        }
    )

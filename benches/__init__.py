"""Paired benchmarks of brinery against the stock engine: ``make bench`` or ``python -m benches``.

===============  =====================================================================
``workloads/``   what is pickled: one file a family, one function a workload
``workload``     what a workload is, and the marks that its function can carry
``heap``         puts the heap into the disorder of a long-running program
``sides``        the engines that are compared, and their peers
``measure``      times: turns, rounds, ratios
``memory``       memory: kept and at the peak
``alike``        whether a peer gives back what it was given
``worker``       does one task in a process of its own
``runner``       runs all tasks of an interpreter
``report``       the tables
``plot``, ``svg``  the pictures
``native``       the table of ``rust/``, which measures the Rust side
``pages``        writes tables and pictures into the repository
===============  =====================================================================

How it measures stands in ``docs/benchmarks.md``.
"""

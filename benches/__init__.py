"""Paired benchmarks of brinery against the stock engine: ``make bench`` or ``python -m benches``.

===============  =====================================================================
``workloads/``   what is pickled: one file a family, one function a workload
``sides``        the engines that are compared
``worker``       measures one workload in a process of its own
``report``       the table
===============  =====================================================================

How it measures: each workload has a fresh process. In each round every side has its turn, the order rotated;
a turn pickles objects that were made just before it, outside the clock. The clock is the CPU time of the
thread. The stock engine takes part twice, so that the column *A/A* shows what the machine's noise alone does.
A ratio is the median over the rounds; beside it stand its quartiles.
"""

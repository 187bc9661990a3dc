"""The instruction-count gate: ``python -m tests.instructions`` (``--record`` counts anew).

Time is noisy, the number of instructions is not: callgrind counts those of ten core paths, in both directions, and
they are compared with ``counts.json``. More than the tolerance above the recorded count is a failure; as much
below it is reported, so that the gain is recorded and kept.

==============  ==========================================================================
``paths``       the ten paths
``worker``      runs one of them where callgrind counts it
``valgrind``    finds or fetches valgrind
``counting``    counts the instructions of a path
``gate``        compares counts with the recorded ones
==============  ==========================================================================
"""

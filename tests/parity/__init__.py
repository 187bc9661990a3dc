"""Fuzz parity: whatever the stream, brinery gives the value or the class of exception that C ``_pickle`` gives.

``python -m tests.parity --inputs 200000 --seed 1`` compares that many streams; the same seed makes the same streams.

* ``arguments`` makes the arguments of opcodes, sound and odd, ``grammar`` puts opcodes together to programs,
* ``mutation`` spoils streams that were sound,
* ``hazards`` recognises beforehand what would exhaust stock's memory: there, brinery has only to refuse or to manage,
* ``comparison`` runs a stream on both engines, ``minimise`` makes a failing one short,
* ``targets`` are the classes and functions that streams may name.
"""

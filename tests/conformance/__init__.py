"""CPython's own pickle tests, run against brinery in the place of ``_pickle``.

``python -m tests.conformance`` runs them on the running interpreter and reports the numbers.

* ``replacement`` puts an engine in the place of ``_pickle`` and makes the engines that CPython ships raise,
* ``site`` does so in every process of a run, before any of its code is imported,
* ``mixins`` instantiates CPython's abstract suites for ways into brinery that CPython's classes leave out,
* ``runner`` runs test modules inside such a process and writes one line for each test,
* ``report`` starts those processes and adds up what they wrote.
"""

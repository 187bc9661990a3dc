"""The tour: an index of the standard library, saved, reloaded, looked into and damaged.

=============  ===============================================================
``program``    the command line and the order of the stops
``stops/``     one stop a file: a ``TITLE`` and ``run(tour)``
``model``      the classes whose instances are pickled
``stdlib``     builds them from the source of the standard library
``measure``    paired timing and memory in fresh processes
``worker``     what those fresh processes run
``terminal``   colour, tables and the progress bar
=============  ===============================================================
"""

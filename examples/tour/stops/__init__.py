"""The stops of the tour, in order. A stop is a module with a ``TITLE`` and ``run(tour)``."""

from tour.stops import build, damage, deep, look, memory, resume, save, trust

STOPS = [build, save, memory, resume, deep, look, damage, trust]

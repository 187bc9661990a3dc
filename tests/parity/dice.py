"""The source of chance: seeded, and fair or given to oddities."""

from __future__ import annotations

from random import Random


class Dice(Random):
    """A generator of random numbers that knows how odd a stream is meant to be."""

    #: 0 makes streams that are sound in every argument, 1 those with an odd one here and there.
    oddness = 1.0

    def odd(self, chance: float) -> bool:
        """Say whether to be odd here, with the chance that this has in an odd stream."""
        return self.random() < chance * self.oddness

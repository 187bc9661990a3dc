"""Real programs, run unchanged: once by plain Python and once on the engine, to the same effect."""

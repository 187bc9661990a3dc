"""Where C ``_pickle`` is defective, brinery is not: each case with a test of its own."""

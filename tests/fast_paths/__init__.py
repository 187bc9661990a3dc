"""The ways of saving and loading that skip the general protocol, and their traps."""

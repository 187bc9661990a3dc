"""A module whose import is the attack."""

with open("effect", "w", encoding="utf-8"):
    pass

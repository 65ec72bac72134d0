"""How good it is by now: validation, statistics, curves."""

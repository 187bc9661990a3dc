"""Compares the pickles of ``--inputs FOLDER`` with what CPython writes for the same objects.

Loading and saving again gives the same bytes, because what is one object stays one: the keys of the records.
"""

import pickle
import sys
import types
from pathlib import Path


class Order:
    """What the instances are of."""


def main() -> int:
    """Load every pickle of the folder and save it again."""
    shop = types.ModuleType("shop")
    shop.Order, Order.__module__ = Order, "shop"
    sys.modules["shop"] = shop
    failed = 0
    for path in sorted(Path(sys.argv[1]).glob("*.pickle")):
        data = path.read_bytes()
        same = pickle.dumps(pickle.loads(data), 4) == data
        failed += not same
        print(f"{path.name:<20} {'same' if same else 'OTHER'} bytes")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Byte identity with C ``_pickle``: the same objects give the same bytes, and the same bytes the same objects.

* ``classes`` and ``cases`` hold the hand-written objects, ``strategies`` those that hypothesis makes up,
* ``ways`` are the ways to dump and to load that are compared for each.
"""

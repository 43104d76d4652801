"""Changing many entities at once: a *bulk change* sets owner, lifecycle, system, type or tags of everything that was chosen.

Tables ``editing_bulk`` and ``editing_bulk_item``; each item keeps what stood before, which undoing puts back.
"""

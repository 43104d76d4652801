"""How many people did something, without keeping who: each person sets one of 256 bits, which they share with all others of that bit.

The number of bits is never above the number of people; ``estimate`` allows for those who shared one. Source: Whang, Vander-Zanden and
Taylor, "A Linear-Time Probabilistic Counting Algorithm for Database Applications", 1990.
"""

from __future__ import annotations

import hashlib
import math

BITS = 256
NOBODY = bytes(BITS // 8)


def mark(person: str, about: str) -> bytes:
    """The sketch of one person. ``about`` is what is counted, so that no two counts share their bits."""
    digest = hashlib.blake2b(f"{about}\0{person}".encode(), digest_size=2).digest()
    at = int.from_bytes(digest, "big") % BITS
    made = bytearray(NOBODY)
    made[at >> 3] = 1 << (at & 7)
    return bytes(made)


def merge(*sketches: bytes) -> bytes:
    """Everybody who is in any of them."""
    value = 0
    for one in sketches:
        value |= int.from_bytes(one, "big")
    return value.to_bytes(BITS // 8, "big")


def at_least(sketch: bytes) -> int:
    """So many people, or more."""
    return int.from_bytes(sketch, "big").bit_count()


def estimate(sketch: bytes) -> int:
    """How many people, to within a few in a hundred; all bits set read as a thousand."""
    free = BITS - at_least(sketch)
    return round(-BITS * math.log(free / BITS)) if free else 1_000

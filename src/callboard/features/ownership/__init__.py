"""Ownership that stays true: confirmations that age, hand-overs, owners that are gone, re-organisations, merged entities.

Above editing, which writes what is decided here, and notifications, which ask.
"""

"""Entities written in the browser: the portal's own store, which people create, change and delete entities in.

Nouns: the *store* is a held source of the catalog (``portal:entities``); a *text* is the YAML that was written, kept in
``editing_text`` so that it comes back with its comments; a *mark* changes with what stands, so that nobody overwrites what they
have not seen; the *giver* of an entity is the source that it comes from. How to: ``docs/how-to/edit-in-the-browser.md``.
"""

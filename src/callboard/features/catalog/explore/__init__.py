"""The catalog seen as a whole and kind by kind: groups as a tree, systems with what is between them, APIs with their operations.

``organisation`` and ``systems`` decide, as values; ``reader`` asks the catalog and keeps what it worked out until the catalog changes;
``cards`` puts on the pages of groups, users, systems, domains, templates and own kinds what those who open them look for; ``views``
are the pages ``/groups``, ``/systems`` and ``/api-docs``. No tables of its own. For readers: ``docs/how-to/explore.md``.
"""

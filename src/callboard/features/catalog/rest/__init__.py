"""REST of the catalog: Backstage's wire under ``/api/catalog`` and Callboard's own ``/api/catalog/v1``.

A request goes ``parameters``/``body`` (checked against the table in ``endpoints``) → ``requests`` (a typed value) →
``reads``, ``locations`` or ``own`` (the catalog's services) → ``answers`` (bytes and headers). ``fast`` is a second way
in for the hot reads that skips the web framework and nothing else. Source of every rule: Backstage catalog-backend 4.0.0
as recorded; where its prose and its answers differ, the answers hold.
"""

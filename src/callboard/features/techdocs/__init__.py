"""Documentation that lives beside code, readable the moment it is known.

Nouns: a *site* belongs to an entity and is made of *mounts*, folders of Markdown read from a *source* (a folder on disk or a URL);
a *version* of it is a branch, tag or commit; its files are *blobs*, shared by content. Tables: ``techdocs_site``, ``techdocs_version``,
``techdocs_file``, ``techdocs_blob``, ``techdocs_rendered``. See docs/how-to/publish-docs.md.
"""

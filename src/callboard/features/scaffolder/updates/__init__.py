"""Keeping what templates made up to date.

Nouns: a *run record* is what is kept of a run (template, version, answers without secrets, the tree it made); a *version* of a template
is the hash of what it says and of what it fetches; an *update* brings a repository from the tree of its version to that of the newest.
Tables: ``scaffolder_made``, ``scaffolder_made_file``, ``scaffolder_blob``, ``scaffolder_version``. See
docs/how-to/keep-up-with-a-template.md.
"""

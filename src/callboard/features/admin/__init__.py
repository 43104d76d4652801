"""Administration: people and tokens, sources, jobs, the audit log, plugins and settings, each on a page of its own.

Everything shown and done here is offered by the kernel and the catalog; this feature has no tables.
"""

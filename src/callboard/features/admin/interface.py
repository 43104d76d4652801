"""The face of administration: who may look."""

from __future__ import annotations

from callboard.kernel.permissions import Permission

READ_ADMIN = Permission("admin.portal.read", "read", None, "See how the portal is set up and how it does.")
"""The overview, sources, jobs, plugins and settings (secrets are never shown). People and tokens are for administrators alone,
the audit log needs ``audit.event.read``."""

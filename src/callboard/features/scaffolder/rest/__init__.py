"""REST of the scaffolder: Backstage's wire under ``/api/scaffolder`` and the actions that agents use.

A request goes ``reading`` (checked, a typed value) → ``Tasks`` or ``Templates`` (which ask for permission) → ``wire`` (JSON values).
Source of the wire: Backstage scaffolder-backend 4.2.0 and its client, scaffolder-common 2.3.0.
"""

from callboard.features.scaffolder.rest.actions import task_actions
from callboard.features.scaffolder.rest.auditing import ReadAudit
from callboard.features.scaffolder.rest.routes import TaskEndpoints, task_routes

__all__ = ["ReadAudit", "TaskEndpoints", "task_actions", "task_routes"]

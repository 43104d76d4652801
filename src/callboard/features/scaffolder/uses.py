"""How often templates are used, and with what end: for cards, and for the page of a template."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.scaffolder.interface import TemplateUse
from callboard.features.scaffolder.permissions import READ_TASK, task_sql
from callboard.kernel.auth.actor import Actor
from callboard.kernel.db.interface import Database
from callboard.kernel.permissions import PermissionService

MAX_REFS = 500


class TaskCounts:
    """``TemplateUses`` over the table of tasks: one query, whatever the number of templates."""

    def __init__(self, db: Database, permissions: PermissionService) -> None:
        self._db = db
        self._permissions = permissions

    async def count(self, refs: Sequence[str], *, actor: Actor) -> Mapping[str, TemplateUse]:
        refs = list(dict.fromkeys(ref.lower() for ref in refs))[:MAX_REFS]
        none = dict.fromkeys(refs, TemplateUse())
        decision = self._permissions.decide(actor, READ_TASK)
        if not refs or decision.result == "DENY":
            return none
        async with self._db.read() as tx:
            args: list[Any] = []

            def among(column: str, values: Sequence[str]) -> str:
                args.append(tx.list_arg(values))
                return tx.any_of(column, len(args))

            where = among("template_ref", refs)
            if decision.condition is not None:
                condition = self._permissions.compile(decision.condition)
                where += f" AND {task_sql(condition, lambda values: among('created_by', list(values)))}"
            rows = await tx.fetch_all(
                "SELECT template_ref, count(*), sum(CASE WHEN state = 'completed' THEN 1 ELSE 0 END),"
                " sum(CASE WHEN state = 'failed' THEN 1 ELSE 0 END),"
                " max(CASE WHEN state = 'completed' THEN ended_at END)"
                f" FROM scaffolder_task WHERE {where} GROUP BY template_ref",
                *args,
            )
        return {**none, **{row[0]: TemplateUse(int(row[1]), int(row[2]), int(row[3]), row[4]) for row in rows}}

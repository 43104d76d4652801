"""Values of ownership as JSON: what REST, actions and the CLI show."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Mapping

from callboard.features.catalog.interface.aliases import Alias
from callboard.features.editing.interface import ChangeResult
from callboard.features.ownership.interface import Handover, Item, Share, Standing, Suggestion, Summary
from callboard.features.ownership.merging import MergePlan
from callboard.features.ownership.naming import RenamePlan
from callboard.features.ownership.reorganising import Move
from callboard.kernel.clock import format_time


def time(at: datetime | None) -> str | None:
    return None if at is None else format_time(at)


def handover_wire(h: Handover | None) -> dict[str, Any] | None:
    if h is None:
        return None
    return {
        "id": h.id, "entityRef": h.ref, "owner": h.owner, "newOwner": h.new_owner, "state": h.state, "note": h.note,
        "askedAt": time(h.asked_at), "askedBy": h.asked_by, "answer": h.answer, "answeredAt": time(h.answered_at),
        "answeredBy": h.answered_by, **({"way": h.way} if h.way else {}),
    }  # fmt: skip


def item_wire(item: Item) -> dict[str, Any]:
    return {
        "entityRef": item.ref, "title": item.title, "owner": item.owner or None, "state": item.state, "trouble": item.trouble,
        "dueAt": time(item.due_at), "fields": dict(item.fields), "mark": item.mark, "handover": handover_wire(item.handover),
    }  # fmt: skip


def standing_wire(s: Standing) -> dict[str, Any]:
    return {
        "entityRef": s.ref, "owner": s.owner or None, "state": s.state, "trouble": s.trouble, "mark": s.mark,
        "confirmedAt": time(s.confirmed_at), "dueAt": time(s.due_at), "handover": handover_wire(s.handover),
        "fields": [
            {"field": f.field, "value": f.value, "isCurrent": f.is_current, "confirmedAt": time(f.at), "confirmedBy": f.by,
             "confirmedValue": f.value if f.is_current else f.earlier}
            for f in s.fields
        ],
        "mayConfirm": s.may_confirm, "mayHandOver": s.may_hand_over, "mayAnswer": s.may_answer,
    }  # fmt: skip


def share_wire(share: Share) -> dict[str, Any]:
    return {**asdict(share), "total": share.total, "confirmedPercent": share.percent}


def summary_wire(summary: Summary) -> dict[str, Any]:
    return {
        "all": share_wire(summary.all),
        "kinds": [{"kind": kind, **share_wire(share)} for kind, share in summary.kinds],
        "owners": [{"owner": owner or None, **share_wire(share)} for owner, share in summary.owners],
        "trend": [{"day": day, **share_wire(share)} for day, share in summary.trend],
    }


def suggestion_wire(s: Suggestion) -> dict[str, Any]:
    return {"owner": s.owner, "confidence": s.confidence, "reason": s.reason, "arguments": dict(s.arguments)}


def result_wire(r: ChangeResult) -> dict[str, Any]:
    return {
        "entityRef": r.ref, "outcome": r.outcome, "way": r.way, "message": r.message, "before": dict(r.before), "after": dict(r.after),
    }  # fmt: skip


def move_wire(move: Move) -> dict[str, Any]:
    return {**result_wire(move.result), "field": move.field, "title": move.title}


def alias_wire(alias: Alias) -> dict[str, Any]:
    return {
        "ref": alias.old, "entityRef": alias.new, "reason": alias.reason, "note": alias.note, "at": time(alias.at), "by": alias.by,
    }  # fmt: skip


def rename_wire(plan: RenamePlan) -> dict[str, Any]:
    references = [
        {"entityRef": r.ref, "relations": list(r.types), "way": r.way, "message": r.message} for r in plan.references
    ]
    return {"ref": plan.old, "entityRef": plan.new, "references": references}


def merge_wire(plan: MergePlan) -> Mapping[str, Any]:
    fields = [
        {"field": f.path, "survivor": f.survivor, "other": f.other, "canUnite": f.can_unite, "choice": f.choice}
        for f in plan.fields
    ]
    return {"entityRef": plan.survivor, "other": plan.other, "fields": fields, "refused": plan.refused or None}

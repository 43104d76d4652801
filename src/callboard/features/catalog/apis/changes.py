"""What a comparison finds: each difference with the rule that judges it, most grave first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Literal, Mapping, Sequence

from callboard.features.catalog.apis.model import Format

Level = Literal["breaking", "risky", "safe"]
Sort = Literal["added", "removed", "changed"]
MAX_CHANGES: Final = 2_000
"""More differences than these are counted, not told."""
_ORDER: Final = {"breaking": 0, "risky": 1, "safe": 2}

RULES: Final[Mapping[str, tuple[Sort, Level]]] = {
    # operations
    "operation_removed": ("removed", "breaking"),
    "operation_added": ("added", "safe"),
    "operation_deprecated": ("changed", "safe"),
    "operation_id_changed": ("changed", "risky"),
    "auth_required": ("changed", "breaking"),
    "auth_removed": ("changed", "safe"),
    "auth_way_removed": ("removed", "breaking"),
    "auth_way_added": ("added", "safe"),
    "server_removed": ("removed", "risky"),
    "server_added": ("added", "safe"),
    # parameters and bodies
    "parameter_removed": ("removed", "risky"),
    "parameter_added": ("added", "safe"),
    "parameter_added_required": ("added", "breaking"),
    "parameter_became_required": ("changed", "breaking"),
    "parameter_became_optional": ("changed", "safe"),
    "default_changed": ("changed", "risky"),
    "body_required": ("changed", "breaking"),
    "body_optional": ("changed", "safe"),
    "body_removed": ("removed", "risky"),
    "body_added": ("added", "safe"),
    "request_media_removed": ("removed", "breaking"),
    "request_media_added": ("added", "safe"),
    "response_removed": ("removed", "breaking"),
    "response_error_removed": ("removed", "risky"),
    "response_added": ("added", "safe"),
    "response_media_removed": ("removed", "breaking"),
    "response_media_added": ("added", "safe"),
    "header_removed": ("removed", "breaking"),
    "header_added": ("added", "safe"),
    "message_removed": ("removed", "breaking"),
    "message_added": ("added", "safe"),
    "message_added_to_read": ("added", "risky"),
    # schemas, by what is sent and what comes back
    "type_changed": ("changed", "breaking"),
    "type_narrowed": ("changed", "breaking"),
    "type_widened": ("changed", "safe"),
    "type_widened_response": ("changed", "breaking"),
    "type_narrowed_response": ("changed", "safe"),
    "format_changed": ("changed", "risky"),
    "limit_narrowed": ("changed", "breaking"),
    "limit_widened": ("changed", "safe"),
    "limit_widened_response": ("changed", "risky"),
    "limit_narrowed_response": ("changed", "safe"),
    "enum_value_removed": ("removed", "breaking"),
    "enum_value_added": ("added", "safe"),
    "enum_value_removed_response": ("removed", "safe"),
    "enum_value_added_response": ("added", "risky"),
    "enum_closed": ("changed", "breaking"),
    "enum_opened": ("changed", "safe"),
    "enum_opened_response": ("changed", "risky"),
    "field_removed_response": ("removed", "breaking"),
    "field_removed_request": ("removed", "risky"),
    "field_refused": ("removed", "breaking"),
    "field_added": ("added", "safe"),
    "field_added_required": ("added", "breaking"),
    "field_became_required": ("changed", "breaking"),
    "field_became_optional": ("changed", "safe"),
    "field_became_optional_response": ("changed", "breaking"),
    "field_became_certain": ("changed", "safe"),
    "option_removed": ("removed", "breaking"),
    "option_added": ("added", "safe"),
    "option_removed_response": ("removed", "safe"),
    "option_added_response": ("added", "risky"),
    # GraphQL
    "type_removed": ("removed", "breaking"),
    "type_added": ("added", "safe"),
    "kind_changed": ("changed", "breaking"),
    "field_removed": ("removed", "breaking"),
    "field_deprecated": ("changed", "safe"),
    "field_type_changed": ("changed", "breaking"),
    "field_nullable": ("changed", "breaking"),
    "field_not_null": ("changed", "safe"),
    "argument_removed": ("removed", "breaking"),
    "argument_added": ("added", "safe"),
    "argument_added_required": ("added", "breaking"),
    "input_not_null": ("changed", "breaking"),
    "input_nullable": ("changed", "safe"),
    "input_type_changed": ("changed", "breaking"),
    "input_removed": ("removed", "breaking"),
    "value_removed": ("removed", "breaking"),
    "value_added": ("added", "risky"),
    "member_removed": ("removed", "breaking"),
    "member_added": ("added", "risky"),
    "interface_removed": ("removed", "breaking"),
    "interface_added": ("added", "safe"),
    # proto
    "package_changed": ("changed", "breaking"),
    "number_changed": ("changed", "breaking"),
    "field_removed_unreserved": ("removed", "breaking"),
    "field_removed_reserved": ("removed", "risky"),
    "field_renamed": ("changed", "risky"),
    "field_type_wire": ("changed", "breaking"),
    "field_type_compatible": ("changed", "risky"),
    "label_changed": ("changed", "breaking"),
    "oneof_changed": ("changed", "breaking"),
    "value_number_changed": ("changed", "breaking"),
    "value_added_proto": ("added", "safe"),
    "rpc_request_changed": ("changed", "breaking"),
    "rpc_response_changed": ("changed", "breaking"),
    "streaming_changed": ("changed", "breaking"),
    "field_added_proto_required": ("added", "breaking"),
}
"""What each rule is about. The words for people, with the reason, are the messages ``apis.rule.<name>``."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``subject`` is the operation or type, ``place`` where in it, ``before`` and ``after`` what stood there."""

    rule: str
    subject: str
    place: str = ""
    before: str = ""
    after: str = ""

    @property
    def sort(self) -> Sort:
        return RULES[self.rule][0]

    @property
    def level(self) -> Level:
        return RULES[self.rule][1]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences, those that break a client first; ``untold`` more were found. ``is_whole``: everything was looked at."""

    format: Format
    changes: Sequence[Change]
    untold: int = 0
    is_whole: bool = True

    def count(self, level: Level) -> int:
        return sum(change.level == level for change in self.changes)

    @property
    def is_breaking(self) -> bool:
        return any(change.level == "breaking" for change in self.changes)


@dataclass(slots=True)
class Found:
    """Collects differences, each once."""

    changes: dict[Change, None] = field(default_factory=dict)
    is_whole: bool = True

    def add(self, rule: str, subject: str, place: str = "", before: str = "", after: str = "") -> None:
        self.changes.setdefault(Change(rule, subject, place, before[:300], after[:300]))

    def comparison(self, format: Format) -> Comparison:
        subjects = Counter({c.subject: n for n, c in reversed(list(enumerate(self.changes)))})
        ordered = sorted(self.changes, key=lambda c: (_ORDER[c.level], subjects[c.subject]))
        return Comparison(format, ordered[:MAX_CHANGES], max(0, len(ordered) - MAX_CHANGES), self.is_whole)

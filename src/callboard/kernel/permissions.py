"""Permission: yes, no, or a condition that joins the query. Policy is data: roles give rules, rules may carry conditions.

The decision types here are the contract; ``kernel.policy`` reads the YAML and decides.
Wire form of conditions: Backstage, ``{rule, resourceType, params} | {anyOf} | {allOf} | {not}``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Literal, Mapping, Protocol, Sequence

from callboard.kernel.auth.actor import Actor

Action = Literal["create", "read", "update", "delete"]


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing that may be done. ``name`` as on the wire (``catalog.entity.read``).

    ``resource_type`` is set where the answer may depend on the thing (``catalog-entity``).
    """

    name: str
    action: Action | None = None
    resource_type: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class RuleCondition:
    """A named rule with parameters: ``IS_ENTITY_OWNER {claims: [...]}``."""

    rule: str
    resource_type: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AnyOf:
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    condition: Condition


Condition = RuleCondition | AnyOf | AllOf | Not


@dataclass(frozen=True, slots=True)
class Decision:
    """``result`` CONDITIONAL carries a ``condition``; ``reason`` says which rule decided, for people."""

    result: Literal["ALLOW", "DENY", "CONDITIONAL"]
    condition: Condition | None = None
    reason: str = ""


ALLOW = Decision("ALLOW")
DENY = Decision("DENY")


@dataclass(frozen=True, slots=True)
class PermissionRule:
    """A rule that a feature offers to policies for one resource type.

    ``params_schema`` is the JSON Schema of its parameters. ``compile`` turns parameters into the feature's own
    predicate (catalog: ``model.predicates.Predicate``), which the feature runs in SQL and on single resources.
    """

    name: str
    description: str
    resource_type: str
    params_schema: Mapping[str, Any]
    compile: Callable[[Mapping[str, Any]], Any]


class PermissionService(Protocol):
    """Built from the settings and the policy file; asked by every service."""

    def decide(self, actor: Actor, permission: Permission) -> Decision:
        """Pure and quick (no I/O); the same actor and permission give the same object, so callers may key caches by it."""

    def require(self, actor: Actor, permission: Permission) -> Decision:
        """``decide``, but a DENY raises ``AuthenticationError`` for the anonymous and ``NotAllowedError`` for others."""

    def compile(self, condition: Condition) -> Any:
        """``condition`` as the predicate of its resource type. Unknown rules raise ``InputError``."""

    @property
    def permissions(self) -> Sequence[Permission]: ...

    @property
    def rules(self) -> Sequence[PermissionRule]: ...

"""Decides who may do what: the built-in defaults, and the policy that a company writes (``policy_file``).

Defaults, unless the policy says ``defaults: false``:

| who | may |
|---|---|
| nobody known (no credentials) | nothing |
| guests | read, but for what is the administrators' (``ADMIN_ONLY``); in a demo also create, update and delete |
| signed-in users | read as guests; create; update and delete what they own |
| administrators (role ``admin``) | everything |
| services (external access) | everything within their accessRestrictions |
| the portal itself | everything |

Rules add up: what any role allows is allowed, with conditions joined by *or*, minus whatever a rule denies. A denial
without condition is the end of it, whoever allows. ``permission.enabled: false`` lets everybody who has credentials do
everything, as in Backstage; only accessRestrictions and the scopes of personal tokens still hold.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterable, Mapping, Sequence

from callboard.kernel.auth.actor import Actor
from callboard.kernel.auth.settings import GUEST_REF
from callboard.kernel.errors import AuthenticationError, InputError, NotAllowedError
from callboard.kernel.permissions import (
    ALLOW,
    DENY,
    AllOf,
    AnyOf,
    Condition,
    Decision,
    Not,
    Permission,
    PermissionRule,
    RuleCondition,
)  # fmt: skip
from callboard.kernel.policy_file import PolicyDocument, PolicyRole, PolicyRule, format_condition, read_policy
from callboard.model import predicates

if TYPE_CHECKING:
    from callboard.kernel.settings import Settings

ADMIN_ROLE = "admin"
ADMIN_ONLY = (
    "admin.*",
    "audit.*",
    "devtools.*",
    "portal.*",
    "plugin.*",
    "user.*",
    "token.*",
    "*.kind.manage",
    "notification.*",
    "announcement.*",
    "search.unanswered.*",
    "search.synonym.*",
    "search.index.*",
)
"""Permissions that the defaults give to administrators alone, whatever the action."""

_MEMO_LIMIT = 50_000
_EVERYTHING = frozenset[str]()
_NO_POLICY = PolicyDocument()


def _rule(actions: Iterable[str], where: str, *, owned: bool = False) -> PolicyRule:
    return PolicyRule(("*",), frozenset(actions), "allow", None, where, ADMIN_ONLY, owned)


_READ = _rule(("read",), "default: everybody reads")
_CREATE = _rule(("create",), "default: signed-in users create")
_OWNED = _rule(("update", "delete"), "default: signed-in users change what they own", owned=True)
_DEMO = _rule(("create", "update", "delete"), "default: guests of a demo may edit")
_ADMIN = PolicyRule(("*",), _EVERYTHING, "allow", None, "default: administrators may do everything")
_SERVICE = PolicyRule(
    ("*",), _EVERYTHING, "allow", None, "default: services may do everything within their restrictions"
)


@dataclass(frozen=True, slots=True)
class ExplainedRule:
    """A rule that was looked at. ``effect`` is what it contributed: allow, deny, or nothing, as it did not match."""

    role: str
    where: str
    effect: str
    condition: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why ``actor`` may or may not. ``roles`` are those that speak for the actor, with the member that made it so."""

    decision: Decision
    roles: Sequence[tuple[str, str]]
    rules: Sequence[ExplainedRule]
    limits: Sequence[str]


class UnknownRule(InputError):
    """A condition names a rule that no feature offers. The message is Backstage's."""

    code = "permission.unknown_rule"

    def __init__(self, rule: str, resource_type: str) -> None:
        super().__init__(f"Unexpected permission rule: {rule} (resource type {resource_type})", field="rule")


class PolicyPermissions:
    """The ``PermissionService`` of a portal. Features register what there is to permit before the first decision."""

    def __init__(
        self,
        document: PolicyDocument = _NO_POLICY,
        *,
        enabled: bool = True,
        demo: bool = False,
        guest_ref: str = GUEST_REF,
    ) -> None:
        self._document = document
        self._enabled = enabled
        self._demo = demo
        self._guest_ref = guest_ref
        self._permissions: dict[str, Permission] = {}
        self._rules: dict[tuple[str, str], PermissionRule] = {}
        self._memo: dict[tuple[Actor, Permission], Decision] = {}
        self._interned: dict[str, Decision] = {}
        self._compiled: dict[int, tuple[Condition, Any]] = {}

    @classmethod
    def from_settings(cls, settings: "Settings", *, demo: bool = False, base: Path | None = None) -> PolicyPermissions:
        """Raises ``PolicyError`` or ``SettingsError``, with file and line."""
        guest = settings.get("auth.providers.guest.userEntityRef") if settings.has("auth.providers") else None
        return cls(
            read_policy(settings, base=base),
            enabled=settings.get_bool("permission.enabled", True),
            demo=demo,
            guest_ref=str(guest or GUEST_REF).lower(),
        )

    def register(self, permissions: Iterable[Permission] = (), rules: Iterable[PermissionRule] = ()) -> None:
        """Add what a feature offers; earlier decisions are forgotten."""
        for permission in permissions:
            self._permissions[permission.name] = permission
        for rule in rules:
            self._rules[(rule.resource_type, rule.name)] = rule
        self._memo.clear()

    @property
    def enabled(self) -> bool:
        return self._enabled

    @property
    def permissions(self) -> Sequence[Permission]:
        return tuple(self._permissions.values())

    @property
    def rules(self) -> Sequence[PermissionRule]:
        return tuple(self._rules.values())

    def find_permission(self, name: str) -> Permission | None:
        return self._permissions.get(name)

    def find_problems(self) -> list[str]:
        """What in the policy can have no effect: permissions that no feature has, conditions by unknown rules."""
        problems = []
        for role in self._document.roles:
            for rule in role.rules:
                if not any(rule.matches(p) for p in self._permissions.values()):
                    problems.append(f"{rule.where} matches no permission ({', '.join(rule.permissions)})")
                for condition in _leaves(rule.when):
                    if (condition.resource_type, condition.rule) not in self._rules:
                        problems.append(f"{rule.where} names the unknown rule {condition.rule}")
        return problems

    # ---- deciding ----------------------------------------------------------------------------------------------------

    def decide(self, actor: Actor, permission: Permission) -> Decision:
        """Pure, without I/O. Equal decisions are one object, so callers may key caches by it."""
        key = (actor, permission)
        known = self._memo.get(key)
        if known is None:
            if len(self._memo) >= _MEMO_LIMIT:
                self._memo.clear()
            known = self._memo[key] = self._intern(self._decide(actor, permission, None))
        return known

    def require(self, actor: Actor, permission: Permission) -> Decision:
        """``decide``, but a DENY raises ``AuthenticationError`` for the anonymous and ``NotAllowedError`` for others."""
        decision = self.decide(actor, permission)
        if decision.result == "DENY":
            if actor.type == "anonymous":
                raise AuthenticationError("Missing credentials")
            raise NotAllowedError(f"You may not do this: it needs the permission {permission.name}.")
        return decision

    def explain(self, actor: Actor, permission: Permission) -> Explanation:
        """The decision and each step to it: "why may X do Y?"."""
        trace: list[ExplainedRule] = []
        decision = self._decide(actor, permission, trace)
        roles = [(role.name, member) for role, member in self._roles_of(actor)]
        limits = [f"only within plugin {r.plugin}" for r in actor.restrictions]
        if actor.scopes is not None:
            limits.append(f"the token is limited to {', '.join(sorted(actor.scopes))}")
        return Explanation(
            self.decide(actor, permission) if decision.condition is None else decision, roles, trace, limits
        )

    def _decide(self, actor: Actor, permission: Permission, trace: list[ExplainedRule] | None) -> Decision:
        if actor.type == "anonymous":
            return Decision("DENY", reason="no credentials")
        if actor.type == "plugin":
            return Decision("ALLOW", reason="the portal itself")
        if not _within_restrictions(actor, permission):
            return Decision("DENY", reason="outside the accessRestrictions of the token")
        if not _within_scopes(actor, permission):
            return Decision("DENY", reason="outside the scopes of the token")
        if not self._enabled:
            return Decision("ALLOW", reason="permission.enabled is false")
        allows: list[Condition] = []
        denials: list[Condition] = []
        allowed_by: str | None = None
        for role, rule in self._rules_for(actor):
            if not rule.matches(permission):
                continue
            condition = self._condition(rule, actor, permission)
            if rule.owned and condition is None:
                continue
            if trace is not None:
                trace.append(
                    ExplainedRule(
                        role, rule.where, rule.effect, None if condition is None else format_condition(condition)
                    )
                )
            if rule.effect == "deny":
                if condition is None:
                    return Decision("DENY", reason=rule.where)
                denials.append(condition)
            elif condition is None:
                allowed_by = allowed_by or rule.where
            else:
                allows.append(condition)
        return _combine(allowed_by, allows, denials)

    def _rules_for(self, actor: Actor) -> Iterable[tuple[str, PolicyRule]]:
        written = [(role.name, rule) for role, _ in self._roles_of(actor) for rule in role.rules]
        yield from (pair for pair in written if pair[1].effect == "deny")
        for rule in self._defaults(actor):
            yield "default", rule
        yield from (pair for pair in written if pair[1].effect == "allow")

    def _defaults(self, actor: Actor) -> Iterable[PolicyRule]:
        if actor.is_user and ADMIN_ROLE in self._role_names(actor):
            yield _ADMIN
        if not self._document.defaults:
            return
        if actor.type == "service":
            yield _SERVICE
            return
        yield _READ
        if actor.subject != self._guest_ref:
            yield _CREATE
            yield _OWNED
        elif self._demo:
            yield _DEMO

    def _role_names(self, actor: Actor) -> set[str]:
        return {role.name for role, _ in self._roles_of(actor)} | set(actor.roles)

    def _roles_of(self, actor: Actor) -> Iterable[tuple[PolicyRole, str]]:
        """Roles of the policy that count for ``actor``, and the member that brings them (or "given to the user")."""
        groups = {"$everyone"}
        if actor.type == "service":
            groups.add("$services")
        elif actor.subject == self._guest_ref:
            groups.add("$guests")
        else:
            groups.add("$users")
        mine = groups | actor.ownership | {actor.subject}
        for role in self._document.roles:
            if role.name in actor.roles:
                yield role, "given to the user"
            elif found := sorted(role.members & mine):
                yield role, found[0]

    def _condition(self, rule: PolicyRule, actor: Actor, permission: Permission) -> Condition | None:
        if rule.owned:
            owner_rule = self._owner_rule(permission.resource_type)
            if owner_rule is None or not actor.ownership:
                return None
            return RuleCondition(owner_rule.name, owner_rule.resource_type, {"claims": sorted(actor.ownership)})
        return None if rule.when is None else _fill(rule.when, actor)

    def _owner_rule(self, resource_type: str | None) -> PermissionRule | None:
        """The rule by which the feature of this resource type tells owners: named …_OWNER, with the parameter claims."""
        for (type, name), rule in self._rules.items():
            if (
                type == resource_type
                and name.endswith("_OWNER")
                and "claims" in rule.params_schema.get("properties", {})
            ):
                return rule
        return None

    def _intern(self, decision: Decision) -> Decision:
        if decision.condition is None and not decision.reason:
            return ALLOW if decision.result == "ALLOW" else DENY
        import orjson

        condition = None if decision.condition is None else format_condition(decision.condition)
        key = orjson.dumps([decision.result, condition, decision.reason], option=orjson.OPT_SORT_KEYS).decode()
        if len(self._interned) >= _MEMO_LIMIT:
            self._interned.clear()
        return self._interned.setdefault(key, decision)

    # ---- conditions --------------------------------------------------------------------------------------------------

    def compile(self, condition: Condition) -> Any:
        """``condition`` as the predicate of its resource type. Unknown rules and wrong parameters raise ``InputError``."""
        known = self._compiled.get(id(condition))
        if known is not None and known[0] is condition:
            return known[1]
        compiled = self._compile(condition)
        if len(self._compiled) >= _MEMO_LIMIT:
            self._compiled.clear()
        self._compiled[id(condition)] = (condition, compiled)
        return compiled

    def _compile(self, condition: Condition) -> Any:
        match condition:
            case AnyOf(parts):
                return predicates.Any_(tuple(self._compile(part) for part in parts))
            case AllOf(parts):
                return predicates.All(tuple(self._compile(part) for part in parts))
            case Not(part):
                return predicates.Negation(self._compile(part))
            case RuleCondition(name, resource_type, params):
                rule = self._rules.get((resource_type, name))
                if rule is None:
                    raise UnknownRule(name, resource_type)
                _check_params(rule, params)
                return rule.compile(params)
        raise TypeError(condition)


def _combine(allowed_by: str | None, allows: list[Condition], denials: list[Condition]) -> Decision:
    if allowed_by is None and not allows:
        return Decision("DENY", reason="no rule allows it")
    parts: list[Condition] = [Not(denial) for denial in denials]
    if allowed_by is None:
        parts.insert(0, allows[0] if len(allows) == 1 else AnyOf(tuple(allows)))
    if not parts:
        return Decision("ALLOW", reason=allowed_by or "")
    return Decision("CONDITIONAL", parts[0] if len(parts) == 1 else AllOf(tuple(parts)))


def _within_restrictions(actor: Actor, permission: Permission) -> bool:
    """Source: Backstage ``accessRestrictions``: a list of plugins, each with permissions and actions, none meaning all."""
    if not actor.restrictions:
        return True
    plugin = permission.name.partition(".")[0]
    return any(
        r.plugin == plugin
        and (not r.permissions or permission.name in r.permissions)
        and (not r.actions or permission.action in r.actions)
        for r in actor.restrictions
    )


def _within_scopes(actor: Actor, permission: Permission) -> bool:
    if actor.scopes is None or "write" in actor.scopes:
        return True
    if "read" in actor.scopes and permission.action in ("read", None):
        return True
    return any(fnmatch.fnmatchcase(permission.name, scope) for scope in actor.scopes if scope != "read")


def _fill(condition: Condition, actor: Actor) -> Condition:
    match condition:
        case AnyOf(parts):
            return AnyOf(tuple(_fill(part, actor) for part in parts))
        case AllOf(parts):
            return AllOf(tuple(_fill(part, actor) for part in parts))
        case Not(part):
            return Not(_fill(part, actor))
        case RuleCondition(rule, resource_type, params):
            return RuleCondition(rule, resource_type, _fill_value(dict(params), actor))
    raise TypeError(condition)


def _fill_value(value: Any, actor: Actor) -> Any:
    if isinstance(value, Mapping):
        return {key: _fill_value(item, actor) for key, item in value.items()}
    if isinstance(value, list):
        filled: list[Any] = []
        for item in value:
            filled.extend(sorted(actor.ownership) if item == "$ownershipRefs" else [_fill_value(item, actor)])
        return filled
    if value == "$currentUser":
        return actor.subject
    return sorted(actor.ownership) if value == "$ownershipRefs" else value


def _leaves(condition: Condition | None) -> Iterable[RuleCondition]:
    match condition:
        case AnyOf(parts) | AllOf(parts):
            for part in parts:
                yield from _leaves(part)
        case Not(part):
            yield from _leaves(part)
        case RuleCondition():
            yield condition


def _check_params(rule: PermissionRule, params: Mapping[str, Any]) -> None:
    import jsonschema_rs

    try:
        jsonschema_rs.validate(dict(rule.params_schema), dict(params))
    except jsonschema_rs.ValidationError as error:
        raise InputError(f"Parameters to rule are invalid: {rule.name}: {error.message}", field="params") from None

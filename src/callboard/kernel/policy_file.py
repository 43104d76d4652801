"""Reads a policy: YAML text or the setting ``permission.policy`` into frozen roles and rules.

    defaults: true                  # false: only what the roles below allow (administrators keep everything)
    roles:
      payments:
        description: May register and edit what payments owns.
        members: [user:default/ada, group:default/payments]     # or $everyone, $users, $guests, $services
        rules:
          - permission: catalog.entity.*        # a glob, or a list of globs
            action: [update, delete]            # create, read, update, delete; all when absent
            effect: allow                       # or deny
            when:                               # a condition as on Backstage's wire
              rule: IS_ENTITY_OWNER
              resourceType: catalog-entity
              params: {claims: [$ownershipRefs]}

``$ownershipRefs`` in a list stands for the refs that the actor owns, ``$currentUser`` for the actor's own ref.
Errors name file, line and key.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Literal, Mapping, Sequence

from callboard.kernel.errors import InputError
from callboard.kernel.permissions import AllOf, AnyOf, Condition, Not, Permission, RuleCondition
from callboard.model.refs import EntityRef, RefError

if TYPE_CHECKING:
    from callboard.kernel.settings import Settings

GROUPS = ("$everyone", "$users", "$guests", "$services")
_ACTIONS = ("create", "read", "update", "delete")
_RULE_KEYS = frozenset(("permission", "action", "effect", "when", "except"))
_MAX_DEPTH = 20
Fail = Callable[[Sequence[str | int], str], Exception]


class PolicyError(InputError):
    """The policy cannot be used; ``field`` is the key at fault, ``file`` and ``line`` where it stands."""

    code = "permission.policy"

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.file and self.line else f"{self.file}: " if self.file else ""
        return f"{where}{self.message}"


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One line of a role. ``where`` says for people where it stands (``role payments, rule 1``)."""

    permissions: tuple[str, ...]
    actions: frozenset[str]
    effect: Literal["allow", "deny"]
    when: Condition | None
    where: str
    excluding: tuple[str, ...] = ()
    owned: bool = False
    """For the built-in rules: only resources that the actor owns, by whatever rule their feature has for it."""

    def matches(self, permission: Permission) -> bool:
        """Whether the rule speaks of ``permission``. A condition speaks only of its own resource type."""
        if self.actions and permission.action not in self.actions:
            return False
        if not any(fnmatch.fnmatchcase(permission.name, pattern) for pattern in self.permissions):
            return False
        if any(fnmatch.fnmatchcase(permission.name, pattern) for pattern in self.excluding):
            return False
        return self.when is None or resource_type_of(self.when) == permission.resource_type


@dataclass(frozen=True, slots=True)
class PolicyRole:
    """A named set of rules. ``members`` are lower-cased refs and the words of ``GROUPS``."""

    name: str
    members: frozenset[str]
    rules: tuple[PolicyRule, ...]
    description: str = ""


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    roles: tuple[PolicyRole, ...] = ()
    defaults: bool = True


def read_policy(settings: "Settings", *, base: Path | None = None) -> PolicyDocument:
    """The policy that ``permission.policy`` names (``file``) or holds.

    A relative file is looked for beside the settings file, or under ``base``. Raises ``PolicyError``.
    """
    if not settings.has("permission.policy"):
        return PolicyDocument()
    inline = settings.get("permission.policy")
    if not isinstance(inline, dict):
        raise settings.error("permission.policy", "permission.policy must be an object with file, or with roles.")
    if "file" not in inline:
        return parse_policy(inline, lambda path, message: _settings_failure(settings, path, message))
    if len(inline) > 1:
        raise settings.error("permission.policy", "permission.policy has a file, so nothing else beside it.")
    source = settings.source_of("permission.policy.file")
    folder = base or (Path(source.file).parent if source is not None and source.file else Path())
    file = folder / settings.get_str("permission.policy.file")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise settings.error("permission.policy.file", f"The policy {file} cannot be read: {error}") from None
    return parse_policy_text(text, str(file))


def parse_policy_text(text: str, file: str) -> PolicyDocument:
    """A policy file. ``file`` is the name that errors carry. Raises ``PolicyError``."""
    from callboard.kernel.settings.positions import find_position
    from callboard.kernel.settings.sources import parse_yaml

    def fail(path: Sequence[str | int], message: str) -> PolicyError:
        line, column = find_position(text, path) or (None, None)
        return PolicyError(message, field=_text(path), file=file, line=line, column=column)

    try:
        data = parse_yaml(text, Path(file))
    except InputError as error:
        raise PolicyError(error.message, file=file, line=error.line, column=error.column) from None
    return parse_policy({} if data is None else data, fail)


def _settings_failure(settings: "Settings", path: Sequence[str | int], message: str) -> PolicyError:
    source = settings.source_of(("permission", "policy", *path))
    return PolicyError(
        message,
        field=_text(("permission", "policy", *path)),
        file=source.file if source else None,
        line=source.line if source else None,
        column=source.column if source else None,
    )


def parse_policy(data: Any, fail: Fail) -> PolicyDocument:
    """Plain data as a policy. ``fail(path, message)`` makes the error to raise."""
    if not isinstance(data, dict):
        raise fail((), "A policy is an object with roles.")
    for key in data:
        if key not in ("roles", "defaults"):
            raise fail((key,), f"Unknown key {key!r} in a policy; there are roles and defaults.")
    defaults = data.get("defaults", True)
    if not isinstance(defaults, bool):
        raise fail(("defaults",), "defaults is true or false.")
    roles = data.get("roles") or {}
    if not isinstance(roles, dict):
        raise fail(("roles",), "roles is an object: the name of each role, and what it is.")
    return PolicyDocument(
        tuple(_role(str(name), role, ("roles", name), fail) for name, role in roles.items()), defaults
    )


def _role(name: str, data: Any, path: tuple[str | int, ...], fail: Fail) -> PolicyRole:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", name):
        raise fail(path, f"{name!r} cannot be the name of a role.")
    if not isinstance(data, dict):
        raise fail(path, f"The role {name} is an object with members and rules.")
    for key in data:
        if key not in ("members", "rules", "description"):
            raise fail(
                (*path, key), f"Unknown key {key!r} in the role {name}; there are description, members and rules."
            )
    members = data.get("members") or []
    rules = data.get("rules") or []
    if not isinstance(members, list):
        raise fail((*path, "members"), f"members of the role {name} is a list of user and group refs.")
    if not isinstance(rules, list):
        raise fail((*path, "rules"), f"rules of the role {name} is a list.")
    return PolicyRole(
        name,
        frozenset(_member(m, (*path, "members", i), fail) for i, m in enumerate(members)),
        tuple(_rule(name, i, rule, (*path, "rules", i), fail) for i, rule in enumerate(rules)),
        str(data.get("description") or ""),
    )


def _member(member: Any, path: tuple[str | int, ...], fail: Fail) -> str:
    if isinstance(member, str) and member.startswith("$"):
        if member not in GROUPS:
            raise fail(path, f"{member} is nobody; there are {', '.join(GROUPS)}.")
        return member
    if isinstance(member, str) and member.startswith("external:"):
        return member
    try:
        ref = EntityRef.parse(member)
    except RefError as error:
        raise fail(path, f"{error}; write for example user:default/ada or group:default/payments.") from None
    if ref.kind.lower() not in ("user", "group"):
        raise fail(path, f"{member} is neither a user nor a group.")
    return str(ref)


def _rule(role: str, index: int, data: Any, path: tuple[str | int, ...], fail: Fail) -> PolicyRule:
    if not isinstance(data, dict):
        raise fail(path, "A rule is an object with permission, and action, effect, when, except as needed.")
    for key in data:
        if key not in _RULE_KEYS:
            raise fail((*path, key), f"Unknown key {key!r} in a rule; there are {', '.join(sorted(_RULE_KEYS))}.")
    actions = _texts(data.get("action"), (*path, "action"), fail)
    for action in actions:
        if action not in _ACTIONS:
            raise fail((*path, "action"), f"Unknown action {action!r}; use {', '.join(_ACTIONS)}.")
    permissions = _texts(data.get("permission"), (*path, "permission"), fail)
    if not permissions:
        raise fail(
            (*path, "permission") if "permission" in data else path, "A rule names at least one permission; '*' is all."
        )
    effect = data.get("effect", "allow")
    if effect not in ("allow", "deny"):
        raise fail((*path, "effect"), f"effect is allow or deny, not {effect!r}.")
    when = None if data.get("when") is None else parse_condition(data["when"], (*path, "when"), fail)
    return PolicyRule(
        tuple(permissions), frozenset(actions), effect, when, f"role {role}, rule {index + 1}",
        tuple(_texts(data.get("except"), (*path, "except"), fail)),
    )  # fmt: skip


def _texts(value: Any, path: Sequence[str | int], fail: Fail) -> list[str]:
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) and item for item in items):
        raise fail(path, f"{path[-1]} is text or a list of texts.")
    return items


def parse_condition(data: Any, path: Sequence[str | int], fail: Fail, depth: int = 0) -> Condition:
    """Backstage's form of a condition. All rules in it are of one resource type."""
    if not isinstance(data, Mapping):
        raise fail(path, "A condition is {rule, resourceType, params}, {anyOf}, {allOf} or {not}.")
    if depth > _MAX_DEPTH:
        raise fail(path, f"A condition nests at most {_MAX_DEPTH} levels.")
    for word, kind in (("anyOf", AnyOf), ("allOf", AllOf)):
        if word in data:
            parts = data[word]
            if len(data) > 1 or not isinstance(parts, list) or not parts:
                raise fail((*path, word), f"{word} is a list of at least one condition, and stands alone.")
            found = tuple(parse_condition(p, (*path, word, i), fail, depth + 1) for i, p in enumerate(parts))
            if len({resource_type_of(part) for part in found}) > 1:
                raise fail((*path, word), "The parts of a condition must be of one resourceType.")
            return kind(found)
    if "not" in data:
        if len(data) > 1:
            raise fail((*path, "not"), "not stands alone.")
        return Not(parse_condition(data["not"], (*path, "not"), fail, depth + 1))
    rule, resource_type, params = data.get("rule"), data.get("resourceType"), data.get("params", {})
    if not isinstance(rule, str) or not isinstance(resource_type, str):
        raise fail(path, "A condition is {rule, resourceType, params}, {anyOf}, {allOf} or {not}.")
    if extra := set(data) - {"rule", "resourceType", "params"}:
        raise fail((*path, min(extra)), f"Unknown key {min(extra)!r} in a condition.")
    if not isinstance(params, Mapping):
        raise fail((*path, "params"), "params is an object.")
    return RuleCondition(rule, resource_type, params)


def resource_type_of(condition: Condition) -> str:
    """The one resource type that a condition speaks of."""
    while not isinstance(condition, RuleCondition):
        condition = condition.condition if isinstance(condition, Not) else condition.conditions[0]
    return condition.resource_type


def format_condition(condition: Condition) -> dict[str, Any]:
    """Backstage's wire form; ``params`` is left out when there are none."""
    match condition:
        case AnyOf(parts):
            return {"anyOf": [format_condition(part) for part in parts]}
        case AllOf(parts):
            return {"allOf": [format_condition(part) for part in parts]}
        case Not(part):
            return {"not": format_condition(part)}
        case RuleCondition(rule, resource_type, params):
            return {"rule": rule, "resourceType": resource_type, **({"params": dict(params)} if params else {})}
    raise TypeError(condition)


def _text(path: Sequence[str | int]) -> str:
    out = ""
    for part in path:
        out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else str(part)
    return out

"""What the defaults and a written policy decide."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callboard.kernel.auth.actor import ANONYMOUS, SYSTEM, AccessRestriction, Actor
from callboard.kernel.errors import AuthenticationError, InputError, NotAllowedError
from callboard.kernel.permissions import Permission, PermissionRule
from callboard.kernel.policy import PolicyPermissions, UnknownRule
from callboard.kernel.policy_file import PolicyError, format_condition, parse_policy_text
from callboard.kernel.settings import Settings
from callboard.model.predicates import matches

READ = Permission("catalog.entity.read", "read", "catalog-entity")
CREATE = Permission("catalog.entity.create", "create")
UPDATE = Permission("catalog.entity.update", "update", "catalog-entity")
DELETE = Permission("catalog.entity.delete", "delete", "catalog-entity")
UNREGISTER = Permission("catalog.location.delete", "delete")
AUDIT = Permission("audit.event.read", "read")
PERMISSIONS = (READ, CREATE, UPDATE, DELETE, UNREGISTER, AUDIT)

GUEST = Actor("user", "user:development/guest", frozenset({"user:development/guest"}))
ADA = Actor("user", "user:default/ada", frozenset({"user:default/ada", "group:default/payments"}))
ROOT = Actor("user", "user:default/root", frozenset({"user:default/root"}), roles=frozenset({"admin"}))
CI = Actor("service", "external:ci")


def _values(key: str) -> Any:
    from callboard.model.predicates import has_value

    return lambda params: has_value(key, params["values" if key == "kind" else "claims"])


def _schema(name: str) -> dict[str, Any]:
    texts = {"type": "array", "items": {"type": "string"}}
    return {"type": "object", "properties": {name: texts}, "required": [name], "additionalProperties": False}


RULES = (
    PermissionRule("IS_ENTITY_OWNER", "", "catalog-entity", _schema("claims"), _values("relations.ownedby")),
    PermissionRule("IS_ENTITY_KIND", "", "catalog-entity", _schema("values"), _values("kind")),
)


def policy(text: str = "", **options: Any) -> PolicyPermissions:
    made = PolicyPermissions(parse_policy_text(text, "policy.yaml"), **options)
    made.register(PERMISSIONS, RULES)
    return made


@pytest.mark.parametrize(
    ("actor", "permission", "result"),
    [
        (ANONYMOUS, READ, "DENY"), (GUEST, READ, "ALLOW"), (GUEST, CREATE, "DENY"), (GUEST, UPDATE, "DENY"),
        (GUEST, AUDIT, "DENY"), (ADA, READ, "ALLOW"), (ADA, CREATE, "ALLOW"), (ADA, UPDATE, "CONDITIONAL"),
        (ADA, DELETE, "CONDITIONAL"), (ADA, UNREGISTER, "DENY"), (ADA, AUDIT, "DENY"), (ROOT, AUDIT, "ALLOW"),
        (ROOT, UNREGISTER, "ALLOW"), (CI, DELETE, "ALLOW"), (SYSTEM, AUDIT, "ALLOW"),
    ],
)  # fmt: skip
def test_the_defaults(actor: Actor, permission: Permission, result: str) -> None:
    """The documented table: guests read, users create and change what they own, administrators and services everything."""
    assert policy().decide(actor, permission).result == result


def test_owned_means_by_the_features_own_rule() -> None:
    """The condition names the owner rule with the refs the user owns, and compiles to its predicate."""
    decided = policy()
    decision = decided.decide(ADA, UPDATE)
    assert decision.condition is not None
    claims = ["group:default/payments", "user:default/ada"]
    assert format_condition(decision.condition) == {
        "rule": "IS_ENTITY_OWNER", "resourceType": "catalog-entity", "params": {"claims": claims},
    }  # fmt: skip
    predicate = decided.compile(decision.condition)
    assert matches(predicate, {"relations.ownedby": {"group:default/payments": "group:default/payments"}})
    assert not matches(predicate, {"relations.ownedby": {"group:default/search": "group:default/search"}})


def test_a_guest_of_a_demo_may_edit() -> None:
    """All but what is the administrators'."""
    assert policy(demo=True).decide(GUEST, DELETE).result == "ALLOW"
    assert policy(demo=True).decide(GUEST, AUDIT).result == "DENY"


def test_disabled_permission_allows_everybody_known() -> None:
    """As Backstage; nobody and restricted tokens stay out."""
    off = policy(enabled=False)
    assert off.decide(GUEST, DELETE).result == "ALLOW"
    assert off.decide(ANONYMOUS, READ).result == "DENY"
    assert off.decide(replace(CI, restrictions=(AccessRestriction("search"),)), READ).result == "DENY"


@pytest.mark.parametrize(
    ("restriction", "permission", "result"),
    [
        (AccessRestriction("catalog"), DELETE, "ALLOW"), (AccessRestriction("search"), READ, "DENY"),
        (AccessRestriction("catalog", permissions=frozenset({"catalog.entity.read"})), READ, "ALLOW"),
        (AccessRestriction("catalog", permissions=frozenset({"catalog.entity.read"})), CREATE, "DENY"),
        (AccessRestriction("catalog", actions=frozenset({"read"})), READ, "ALLOW"),
        (AccessRestriction("catalog", actions=frozenset({"read"})), DELETE, "DENY"),
    ],
)  # fmt: skip
def test_access_restrictions(restriction: AccessRestriction, permission: Permission, result: str) -> None:
    """Plugin, permission and action each narrow what a token may."""
    assert policy().decide(replace(CI, restrictions=(restriction,)), permission).result == result


@pytest.mark.parametrize(
    ("scopes", "permission", "result"),
    [
        ({"read"}, READ, "ALLOW"), ({"read"}, CREATE, "DENY"), ({"write"}, CREATE, "ALLOW"),
        ({"catalog.entity.*"}, CREATE, "ALLOW"), ({"catalog.entity.*"}, UNREGISTER, "DENY"),
        ({"write"}, AUDIT, "DENY"),
    ],
)  # fmt: skip
def test_scopes_of_a_token_narrow_and_never_widen(scopes: set[str], permission: Permission, result: str) -> None:
    """A token gives at most what its owner has."""
    assert policy().decide(replace(ADA, scopes=frozenset(scopes)), permission).result == result


WRITTEN = """
defaults: false
roles:
  reader:
    members: [$everyone]
    rules:
      - permission: catalog.entity.read
        when: {rule: IS_ENTITY_KIND, resourceType: catalog-entity, params: {values: [component]}}
  payments:
    members: [group:default/Payments]
    rules:
      - permission: catalog.*
        action: [read, update]
        when: {rule: IS_ENTITY_OWNER, resourceType: catalog-entity, params: {claims: [$ownershipRefs]}}
      - permission: catalog.entity.read
        effect: deny
        when: {rule: IS_ENTITY_KIND, resourceType: catalog-entity, params: {values: [user]}}
  locked:
    members: [user:default/eve]
    rules:
      - {permission: "*", effect: deny}
"""


def test_allows_add_up_and_denials_take_away() -> None:
    """The union of what the roles allow, and not what one of them denies."""
    written = policy(WRITTEN)
    decision = written.decide(ADA, READ)
    assert decision.condition is not None
    predicate = written.compile(decision.condition)

    def may(kind: str, owner: str) -> bool:
        return matches(predicate, {"kind": {kind: kind}, "relations.ownedby": {owner: owner}})

    assert may("component", "group:default/search")
    assert may("system", "group:default/payments")
    assert not may("system", "group:default/search")
    assert not may("user", "group:default/payments")
    assert written.decide(GUEST, READ).result == "CONDITIONAL"
    assert written.decide(GUEST, UPDATE).result == "DENY"


def test_a_denial_without_condition_is_the_end_of_it() -> None:
    """Whoever allows: administrators, too."""
    written = policy(WRITTEN)
    eve = Actor("user", "user:default/eve", frozenset({"user:default/eve"}), roles=frozenset({"admin"}))
    assert written.decide(eve, READ).result == "DENY"
    assert "role locked, rule 1" in written.decide(eve, READ).reason


def test_without_defaults_only_the_policy_and_administrators_count() -> None:
    """``defaults: false`` leaves services and users with what roles give them."""
    written = policy(WRITTEN)
    assert written.decide(CI, DELETE).result == "DENY"
    assert written.decide(ADA, CREATE).result == "DENY"
    assert written.decide(ROOT, DELETE).result == "ALLOW"


def test_equal_decisions_are_one_object() -> None:
    """The same actor, and two actors with the same outcome, so that caches keyed by the decision are shared."""
    written = policy(WRITTEN)
    other = Actor("user", "user:default/guest2", frozenset({"user:default/guest2"}))
    assert written.decide(ADA, READ) is written.decide(replace(ADA), READ)
    assert written.decide(GUEST, READ) is written.decide(other, READ)
    assert written.compile(written.decide(GUEST, READ).condition) is written.compile(
        written.decide(other, READ).condition
    )


def test_require_tells_nobody_from_somebody() -> None:
    """No credentials is another error than not being allowed."""
    with pytest.raises(AuthenticationError):
        policy().require(ANONYMOUS, READ)
    with pytest.raises(NotAllowedError, match="catalog.entity.create"):
        policy().require(GUEST, CREATE)
    assert policy().require(ADA, UPDATE).result == "CONDITIONAL"


def test_explain_names_roles_and_rules() -> None:
    """Why may Ada read: the roles that speak for her, the member that made it so, each rule that matched."""
    told = policy(WRITTEN).explain(ADA, READ)
    assert told.decision.result == "CONDITIONAL"
    assert list(told.roles) == [("reader", "$everyone"), ("payments", "group:default/payments")]
    assert [(rule.where, rule.effect) for rule in told.rules] == [
        ("role payments, rule 2", "deny"), ("role reader, rule 1", "allow"), ("role payments, rule 1", "allow"),
    ]  # fmt: skip


def test_unknown_rules_and_wrong_parameters_are_errors() -> None:
    """They never read as true."""
    text = "roles: {r: {members: [$users], rules: [{permission: catalog.entity.read, when: {rule: %s, resourceType: catalog-entity, params: %s}}]}}\ndefaults: false"
    unknown = policy(text % ("NO_SUCH", "{}"))
    condition = unknown.decide(ADA, READ).condition
    assert condition is not None
    with pytest.raises(UnknownRule):
        unknown.compile(condition)
    assert unknown.find_problems() == ["role r, rule 1 names the unknown rule NO_SUCH"]
    wrong = policy(text % ("IS_ENTITY_KIND", "{values: 3}"))
    wrong_condition = wrong.decide(ADA, READ).condition
    assert wrong_condition is not None
    with pytest.raises(InputError, match="IS_ENTITY_KIND"):
        wrong.compile(wrong_condition)


@pytest.mark.parametrize(
    ("text", "field", "line"),
    [
        ("role: {}", "role", 1),
        ("roles:\n  a:\n    members: [component:default/x]", "roles.a.members[0]", 3),
        ("roles:\n  a:\n    members: [$nobody]", "roles.a.members[0]", 3),
        ("roles:\n  a:\n    rules:\n      - permission: x\n        action: look", "roles.a.rules[0].action", 5),
        ("roles:\n  a:\n    rules:\n      - permission: x\n        effect: maybe", "roles.a.rules[0].effect", 5),
        ("roles:\n  a:\n    rules:\n      - effect: deny", "roles.a.rules[0]", 4),
        (
            "roles:\n  a:\n    rules:\n      - permission: x\n        when: {anyOf: []}",
            "roles.a.rules[0].when.anyOf",
            5,
        ),
        ("roles:\n  a:\n    rules:\n      - permission: x\n        if: y", "roles.a.rules[0].if", 5),
    ],
)
def test_errors_name_file_line_and_key(text: str, field: str, line: int) -> None:
    """A policy that cannot be used says where."""
    with pytest.raises(PolicyError) as failed:
        parse_policy_text(text, "policy.yaml")
    assert (failed.value.file, failed.value.field, failed.value.line) == ("policy.yaml", field, line)


def test_settings_hold_the_policy_or_name_its_file(tmp_path: Path) -> None:
    """Inline, or a file beside the settings file; a missing one is an error about the key."""
    inline = {
        "permission": {
            "policy": {"defaults": False, "roles": {"r": {"members": ["$guests"], "rules": [{"permission": "*"}]}}}
        }
    }
    assert PolicyPermissions.from_settings(Settings.of(inline)).decide(GUEST, DELETE).result == "ALLOW"
    (tmp_path / "policy.yaml").write_text("defaults: false\n")
    named = Settings.of({"permission": {"policy": {"file": "policy.yaml"}}})
    assert PolicyPermissions.from_settings(named, base=tmp_path).decide(GUEST, READ).result == "DENY"
    with pytest.raises(InputError) as failed:
        PolicyPermissions.from_settings(named, base=tmp_path / "elsewhere")
    assert failed.value.field == "permission.policy.file"

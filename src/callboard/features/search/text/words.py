"""Words of English and German that say little, and the field's own abbreviations.

Weak words hold a question together; they count next to nothing unless there are no others. They are not kept in running text.
"""

from __future__ import annotations

from typing import Literal, Mapping, Sequence

_WEAK = """
    a about after again all also am an and any anybody anyone anything are as at be because been being both but by came can cannot cant
    come could did didnt do does doesnt doing done dont each either else ever every few for from further gave get gets getting give given
    go goes going got had has hasnt have having he hello help her here hers hey hi him his how however i id if ill im in into is isnt it
    its ive just keep keeps know let lets like look looks lot lots made make makes many may me might more most much must my need needs
    never no nor not now of off often ok okay on once one ones only onto or other our ours out over own please quite really s same say
    says see seem seems she should shouldnt show so some somebody someone something still such t take tell than thanks that the their
    theirs them then there these they thing things this those though through to too under until up upon us use used uses using very via
    want wants was wasnt way we well went were what whats when where wheres whether which while who whom whos whose why will with within
    without wont work works would wouldnt yes yet you your yours find happen happens mean means meant actually currently today these days
    aber alle als also am an auch auf aus bei bin bis bitte da damit dann das dass dem den denn der des die dies diese dieser dieses doch
    dort du durch ein eine einem einen einer eines er es etwas finde fuer geht gibt hab habe haben hat ich ihr im in ist ja kann kannst
    kein keine koennen mache machen man mein meine mich mir mit muss nach nicht noch nun nur ob oder sein sich sie sind so soll ueber
    und uns unser von vor wann warum was weil welche welcher welches wenn wer werden wie wir wird wo wurde zu zum zur
"""
WEAK = frozenset(_WEAK.split())

_ASKING = """
    team teams channel channels contact guide guides docs documentation doc instructions instruction steps step info information explain
    explanation example examples tutorial list overview runbook anleitung schritte beispiel liste
"""
ASKING = frozenset(_ASKING.split())
"""Words that say what sort of answer is wanted rather than what about."""

_OWNING = "owns owned owner owners owning maintain maintains maintained maintainer maintainers responsible"
OWNING = frozenset(_OWNING.split())
"""Words that ask whose something is; what is asked for is a thing, not a text about owning."""

_KEEPING = "run runs look looks looking operate operates support supports charge behind built wrote belong belongs"
KEEPING = frozenset(_KEEPING.split())
"""Words that ask the same after *who*, *whose* or *which team*."""
_STEPS = frozenset(
    {("how", "do"), ("how", "to"), ("how", "can"), ("how", "should"), ("how", "would"), ("what", "to"), ("wie", "kann")}
)

Intent = Literal["owner", "steps"] | None


def intent_of(parts: Sequence[str]) -> Intent:
    """What sort of answer a question wants: whose a thing is, or what to do; None where it does not say."""
    said = set(parts)
    if said & OWNING or (said & KEEPING and ({"who", "whose"} & said or {"which", "team"} <= said)):
        return "owner"
    return "steps" if tuple(parts[:2]) in _STEPS else None


ABBREVIATIONS: Mapping[str, tuple[str, ...]] = {
    "admin": ("administrator", "administration"),
    "app": ("application",),
    "apps": ("applications",),
    "args": ("arguments",),
    "auth": ("authentication", "authorisation", "authorization"),
    "ci": ("continuous integration",),
    "cd": ("continuous deployment", "continuous delivery"),
    "config": ("configuration",),
    "creds": ("credentials",),
    "db": ("database",),
    "deps": ("dependencies",),
    "dev": ("development", "developer"),
    "dir": ("directory",),
    "docs": ("documentation",),
    "env": ("environment",),
    "infra": ("infrastructure",),
    "k8s": ("kubernetes",),
    "lib": ("library",),
    "mfa": ("2fa", "two factor", "multi factor"),
    "2fa": ("mfa", "two factor"),
    "oncall": ("on call",),
    "org": ("organisation", "organization"),
    "params": ("parameters",),
    "perf": ("performance",),
    "pg": ("postgresql",),
    "postgres": ("postgresql",),
    "pr": ("pull request",),
    "prod": ("production",),
    "pw": ("password",),
    "repo": ("repository",),
    "repos": ("repositories",),
    "sso": ("single sign on",),
    "svc": ("service",),
    "tf": ("terraform",),
    "vm": ("virtual machine",),
}
"""Each way: who asks for one is shown the other, a little lower."""

RELATED: tuple[tuple[str, ...], ...] = (
    ("delete", "remove"),
    ("create", "add", "new", "set up"),
    ("change", "update", "modify", "edit"),
    ("fix", "resolve", "debug", "troubleshoot", "repair"),
    ("down", "unavailable", "outage"),
    ("roll back", "rollback", "revert"),
    ("disable", "turn off", "switch off"),
    ("enable", "turn on", "switch on"),
    ("restart", "reboot"),
    ("fail", "error", "broken"),
    ("deploy", "release"),
    ("archive", "retire", "decommission"),
    ("password", "credentials"),
    ("permission", "access"),
    ("copy", "sync", "duplicate"),
    ("alert", "alarm"),
    ("hide", "prevent"),
)
"""Words for doing one thing, as documentation and those who ask it choose them differently."""

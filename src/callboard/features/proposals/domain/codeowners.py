"""CODEOWNERS as GitHub, GitLab and Bitbucket read it: who owns a path, by the last rule that fits.

Sources: GitHub documentation, "About code owners"; GitLab documentation, "Code Owners syntax" (sections, optional sections, default
owners, exclusions). On GitLab each section has a winner of its own; here the last section that has one counts, required before optional.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from typing import AbstractSet as Set

from callboard.features.proposals.domain.values import Confidence, Evidence, Owner, Tree, holder_of
from callboard.features.proposals.domain.words import say

PLACES = ("CODEOWNERS", ".github/CODEOWNERS", ".gitlab/CODEOWNERS", ".bitbucket/CODEOWNERS", "docs/CODEOWNERS")
MAX_RULES = 2_000
MAX_LINE = 2_000
MAX_DEEP = 3
MAX_SAMPLE = 100
MAX_ASKED = 300_000
"""Rules times paths that are compared for one repository: what is beyond is judged by fewer of its files."""
_SECTION = re.compile(r"(\^)?\[([^\]]+)\](?:\[\d+\])?\s*(.*)")
_OWNER = re.compile(r"@{1,2}[\w.-]+(?:/[\w.-]+)*|[^\s@<>]+@[\w-]+(?:\.[\w-]+)+")
_BLANK = re.compile(r"(?<!\\)\s+")


@dataclass(frozen=True, slots=True)
class Rule:
    """``owners`` is empty for a pattern that takes ownership away."""

    pattern: str
    owners: tuple[str, ...]
    line: int
    section: str = ""
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class CodeOwners:
    """The rules of one file, in order. ``notes`` tell of lines that no host would take."""

    path: str
    rules: tuple[Rule, ...]
    notes: tuple[str, ...] = ()

    def find(self, path: str) -> Rule | None:
        """The rule that decides for a file; None when none fits."""
        by_section: dict[str, Rule] = {}
        for rule in self.rules:
            if compile_pattern(rule.pattern.removeprefix("!")).match(path) is None:
                continue
            if rule.pattern.startswith("!"):
                by_section.pop(rule.section, None)
            else:
                by_section[rule.section] = rule
        found = sorted(by_section.values(), key=lambda rule: (not rule.is_optional, rule.line))
        return found[-1] if found else None


def read_codeowners(tree: Tree) -> CodeOwners | None:
    """The first of the files that hosts look for."""
    by_name = {path.lower(): path for path in tree.texts}
    for place in PLACES:
        path = by_name.get(place.lower())
        if path is not None:
            return parse_codeowners(path, tree.texts[path])
    return None


def parse_codeowners(path: str, text: str) -> CodeOwners:
    """Rules of a file; at most ``MAX_RULES``, more are told."""
    rules: list[Rule] = []
    notes: list[str] = []
    section, is_optional = "", False
    defaults: tuple[str, ...] = ()
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        head = _SECTION.fullmatch(line)
        if head is not None and not line.startswith("[^"):
            section, is_optional = head[2].strip().lower(), bool(head[1])
            defaults = _owners(head[3])
            continue
        if len(rules) >= MAX_RULES:
            notes.append(f"{path} has more than {MAX_RULES} rules: those from line {number} on were not read.")
            break
        if line.count("**") > MAX_DEEP or len(line) > MAX_LINE:
            notes.append(f"{path}:{number} is longer or more involved than any real rule, and was passed over.")
            continue
        pattern, *rest = _BLANK.split(line, maxsplit=1)
        owners = _owners(rest[0]) if rest else ()
        said = rest[0].partition("#")[0].strip() if rest else ""
        if said and not owners:
            notes.append(f"{path}:{number} names no owner that a host would know: {said[:60]}.")
            continue
        rules.append(Rule(pattern.replace("\\ ", " "), owners or defaults, number, section, is_optional))
    return CodeOwners(path, tuple(rules), tuple(notes))


def _owners(text: str) -> tuple[str, ...]:
    found = (word.rstrip(",;") for word in text.partition(" #")[0].split())
    return tuple(dict.fromkeys(word for word in found if _OWNER.fullmatch(word) and not word.startswith("@@")))


@lru_cache(maxsize=4096)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern of gitignore's kind, over paths from the root. ``docs/*`` is one level, ``docs/`` and ``/docs`` all below.

    No two parts of the expression can give back to each other what they took, so no pattern takes long.
    """
    text = pattern.removeprefix("\\")
    is_rooted = "/" in text.rstrip("/")
    is_folder = text.endswith("/")
    text = text.strip("/")
    out = []
    for part in text.split("/"):
        out.append("(?:[^/]+/)*" if part == "**" else _segment(part) + "/")
    body = "".join(out)
    start = "" if is_rooted else "(?:[^/]+/)*"
    if text.endswith("**"):
        return re.compile(f"{start}{body}.+\\Z")
    body = body.removesuffix("/")
    is_one_level = text.endswith("/*")
    end = "/.+" if is_folder else "" if is_one_level else "(?:/.*)?"
    return re.compile(f"{start}{body}{end}\\Z")


def _segment(text: str) -> str:
    """One name: each star but the last takes as little as it can, and keeps it."""
    first, *rest = (re.escape(part).replace("\\?", "[^/]") for part in re.split(r"\*+", text))
    if not rest:
        return first
    middle = "".join(f"(?>[^/]*?{part})" for part in rest[:-1] if part)
    return f"{first}{middle}[^/]*{rest[-1]}"


class Ownership:
    """Who owns the folders of one tree."""

    def __init__(self, tree: Tree, folders: int) -> None:
        """``folders``: about how many will be asked for."""
        self.file = read_codeowners(tree)
        self._paths = tree.paths
        rules = len(self.file.rules) if self.file else 1
        self._sample = max(3, min(MAX_SAMPLE, MAX_ASKED // max(1, rules * folders)))

    def of_file(self, path: str) -> tuple[Owner, ...]:
        rule = self.file.find(path) if self.file else None
        return self._said(rule, say("proposals.why.last_rule", path=path, rule=rule.pattern), "high") if rule else ()

    def of_folder(self, folder: str, others: Set[str]) -> tuple[Owner, ...]:
        """Owners of most files in the folder, without those in ``others`` inside of it."""
        if self.file is None:
            return ()
        first = bisect_left(self._paths, f"{folder}/") if folder else 0
        last = bisect_left(self._paths, f"{folder}0") if folder else len(self._paths)  # "0" comes after "/"
        wanted = self._sample * 4
        step = max(1, (last - first) // wanted)
        own = [path for path in self._paths[first:last:step] if holder_of(path, others) == folder]
        sample = own[:: max(1, len(own) // self._sample)][: self._sample]
        votes: dict[Rule, int] = {}
        for path in sample:
            rule = self.file.find(path)
            if rule is not None and rule.owners:
                votes[rule] = votes.get(rule, 0) + 1
        if not votes:
            return ()
        by_owner: dict[str, int] = {}
        for rule, count in votes.items():
            by_owner[rule.owners[0]] = by_owner.get(rule.owners[0], 0) + count
        winner = max(by_owner, key=lambda owner: by_owner[owner])
        best = max((rule for rule in votes if rule.owners[0] == winner), key=lambda rule: votes[rule])
        share = by_owner[winner] / len(sample)
        confidence: Confidence = "high" if share >= 0.8 else "likely" if share >= 0.5 else "guess"
        told = {"rule": best.pattern, "n": by_owner[winner], "total": len(sample), "owner": winner}
        sampled = len(own) > len(sample) or step > 1
        why = say("proposals.why.most_sampled", **told) if sampled else say("proposals.why.most_files", **told)
        return self._said(best, why, confidence)

    def _said(self, rule: Rule, reason: str, confidence: Confidence) -> tuple[Owner, ...]:
        assert self.file is not None
        evidence = (Evidence(reason, self.file.path, rule.line),)
        ordered = sorted(rule.owners, key=lambda owner: "/" not in owner)  # teams before people
        return tuple(Owner(owner, confidence, evidence) for owner in ordered)

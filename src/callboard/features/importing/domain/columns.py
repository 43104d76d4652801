"""What the columns of a table mean: from their headers and from what stands below them, with a reason for each guess.

A header proposes roles (``headers``), the values strengthen or weaken them (``profiles``), and the columns then take roles in
the order of how sure they are: the surest owner is the owner, a second one keeps its values as an annotation.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import AbstractSet, Final, NamedTuple, Sequence

from callboard.features.importing.domain.headers import (
    ALERTS,
    LABEL_WORDS,
    LEFT_OUT,
    NOTE_WORDS,
    Said,
    is_export,
    key_of,
    link_title,
    said_by,
)
from callboard.features.importing.domain.naming import clean_name, is_nothing, kind_of_word, words_of
from callboard.features.importing.domain.profiles import Profile, item_share, profiles_of
from callboard.features.importing.domain.words import say
from callboard.features.importing.interface import (
    ONCE,
    ColumnGuess,
    ColumnMapping,
    Role,
    SheetMapping,
    Surroundings,
    Table,
)
from callboard.ui.wording import Wording, joined

ALERTS_CHANNEL: Final = "callboard.dev/alerts-channel"
_LABEL_VALUES: Final = 30
"""Different values that a label may have before it stops being something to filter by."""


class _Candidate(NamedTuple):
    role: Role
    key: str
    score: float
    reason: str


def guess_columns(table: Table, known: Surroundings | None = None) -> list[ColumnGuess]:
    """A guess for every column, in their order. Every column gets one; what fits nothing is an annotation or a label.

    ``known`` lets values that name groups and people of the catalog speak for an owner. At least one column is a ``name`` if
    any column has values of its own. The same table gives the same guesses.
    """
    profiles = profiles_of(table)
    found = _Guessing(table, profiles, _people_names(known)).assign()
    taken: set[tuple[str, str]] = set()
    return [_guess(profile, candidates, taken) for profile, candidates in zip(profiles, found, strict=True)]


def mapping_from(guesses: Sequence[ColumnGuess]) -> SheetMapping:
    """The mapping that takes every guess, the surer of two names first, with the defaults of ``SheetMapping``.

    Kind and type are those that the header of the names speaks of: ``Database`` above them makes resources.
    """
    names = sorted((g for g in guesses if g.mapping.role == "name"), key=lambda g: -g.confidence)
    rest = [g for g in guesses if g.mapping.role != "name"]
    mapping = SheetMapping(tuple(g.mapping for g in (*names, *rest)))
    words = [word for word in words_of(names[0].mapping.column) if word not in ("name", "id")] if names else []
    kind, implied = kind_of_word(" ".join(words))
    return replace(mapping, kind=kind, type=implied or mapping.type) if kind else mapping


def _guess(profile: Profile, candidates: Sequence[_Candidate], taken: set[tuple[str, str]]) -> ColumnGuess:
    """``taken`` are keys of columns before: two annotations of one key would overwrite each other."""
    best = candidates[0]
    if best.role in ("annotation", "label", "field"):
        number = next(n for n in range(1, len(taken) + 2) if (best.role, _numbered(best.key, n)) not in taken)
        best = best._replace(key=_numbered(best.key, number))
        taken.add((best.role, best.key))
    others = dict.fromkeys(c.role for c in candidates[1:] if c.role != best.role)
    for role in ("annotation", "label", "ignore"):
        if role != best.role and len(others) < 3:
            others[role] = None
    return ColumnGuess(
        ColumnMapping(profile.column, best.role, best.key),
        round(min(max(best.score, 0.05), 0.99), 2),
        best.reason,
        profile.samples,
        tuple(others),
    )


def _numbered(key: str, number: int) -> str:
    return key if number == 1 else f"{key}-{number}"


def _people_names(known: Surroundings | None) -> frozenset[str]:
    if known is None:
        return frozenset()
    texts = (text for ref, said in known.people.items() for text in (ref.rsplit("/", 1)[-1], *said))
    return frozenset(clean_name(text)[0].lower() for text in texts)


class _Guessing:
    """The columns of one table competing for roles."""

    def __init__(self, table: Table, profiles: Sequence[Profile], people: AbstractSet[str]) -> None:
        self.table = table
        self.profiles = profiles
        self.people = people
        self.export = is_export(table.columns)
        self.said = [said_by(profile.column, export=self.export) for profile in profiles]
        self.has_kind = any(said and said[0].role == "kind" and said[0].score > 0.9 for said in self.said)
        self.names: AbstractSet[str] = frozenset()

    def assign(self) -> list[list[_Candidate]]:
        """For each column its candidates, the one that it gets first."""
        by_header = [self._by_header(p, said) for p, said in zip(self.profiles, self.said, strict=True)]
        first = self._first_name(by_header)
        if first is not None:
            self.names = self.profiles[first].names
        every = [
            sorted([*by_header[i], *self._by_values(p), self._fallback(p)], key=lambda c: -c.score)
            for i, p in enumerate(self.profiles)
        ]
        if first is None:
            first = self._made_name(every)
        second = None if first is None or self.export else self._second_name(first, by_header)
        out: list[list[_Candidate]] = []
        for i, candidates in enumerate(every):
            if i == first:
                out.append(
                    _put_first(candidates, "name", say("importing.why.nothing_better", values=_tell(self.profiles[i])))
                )
            elif i == second:
                reason = say("importing.why.apart", column=self.profiles[first or 0].column)
                out.append(_put_first(candidates, "name", reason, at_most=_name_score(every, first) - 0.05))
            else:
                out.append([_as_title(c) if c.role == "name" else c for c in candidates])
        fixed = {i for i in (first, second) if i is not None}
        return self._own(self._compete(out, fixed), fixed)

    def _own(self, every: list[list[_Candidate]], fixed: AbstractSet[int]) -> list[list[_Candidate]]:
        """Where nothing says who owns, channels that several rows share do: teams are often called by them."""
        if self.export or any(candidates[0].role == "owner" for candidates in every):
            return every
        for i, p in enumerate(self.profiles):
            if i not in fixed and every[i][0].role == "chat" and p.unique < 0.9 and p.channels >= 0.5:
                reason = say("importing.why.shared_channels")
                every[i] = [_Candidate("owner", "", 0.5, reason), *every[i]]
                break
        return every

    def _compete(self, every: list[list[_Candidate]], fixed: AbstractSet[int]) -> list[list[_Candidate]]:
        """Roles that stand once go to the surest column; the others take what fits them next."""
        taken: set[Role] = set()
        waiting = {i for i in range(len(every)) if i not in fixed}
        while waiting:
            best = max(waiting, key=lambda i: (every[i][0].score, -i))
            role = every[best][0].role
            if role in taken:
                every[best] = [c for c in every[best] if c.role != role] or [self._fallback(self.profiles[best])]
                continue
            if role in ONCE:
                taken.add(role)
            waiting.discard(best)
        return every

    # ---- names -----------------------------------------------------------------------------------------------------

    def _first_name(self, by_header: Sequence[Sequence[_Candidate]]) -> int | None:
        scores = {i: c.score for i, found in enumerate(by_header) for c in found if c.role == "name" and c.score >= 0.3}
        if not scores:
            return None
        best = max(scores, key=lambda i: (scores[i], -i))
        if self.profiles[best].slugs >= 0.5:
            return best
        # beside names for people stands a column that holds just what a ref needs
        refs = [
            i for i in scores if i != best and (p := self.profiles[i]).slugs > 0.95 and p.unique > 0.98 and p.fill > 0.95
            and p.tickets < 0.5 and p.numbers < 0.5
        ]  # fmt: skip
        return refs[0] if refs else best

    def _second_name(self, first: int, by_header: Sequence[Sequence[_Candidate]]) -> int | None:
        """The column whose header speaks of a name and that tells apart, or fills in, what the first name does not."""
        able = [
            (c.score, -i) for i, found in enumerate(by_header) for c in found
            if i != first and c.role == "name" and self._helps(first, i)
        ]  # fmt: skip
        return -max(able)[1] if able else None

    def _helps(self, first: int, second: int) -> bool:
        groups: dict[str, list[str]] = defaultdict(list)
        for row in self.table.rows:
            groups[clean_name(row.cells[first])[0].lower()].append(row.cells[second])
        for name, values in groups.items():
            said = [value for value in values if not is_nothing(value)]
            if said and (not name or (len(values) > 1 and len(set(said)) == len(values))):
                return True
        return False

    def _made_name(self, every: Sequence[Sequence[_Candidate]]) -> int | None:
        """Without a header for it: the repository, else the first column whose values are all different."""
        for i, candidates in enumerate(every):
            if candidates[0].role == "repository" and self.profiles[i].unique > 0.8:
                return i
        able = [
            i for i, p in enumerate(self.profiles)
            if p.fill > 0.7 and p.unique > 0.7 and max(p.urls, p.dates, p.booleans, p.emails) < 0.5 and not p.counts_rows
            and p.numbers < 0.9 and p.mean_words < 6
        ]  # fmt: skip
        if able:
            return max(able, key=lambda i: (self.profiles[i].unique > 0.95, self.profiles[i].slugs > 0.5, -i))
        return next((i for i, p in enumerate(self.profiles) if p.filled), None)

    # ---- candidates ------------------------------------------------------------------------------------------------

    def _by_header(self, p: Profile, said: Sequence[Said]) -> list[_Candidate]:
        if self.export and p.column == LEFT_OUT:
            return [_Candidate("ignore", "", 0.99, say("importing.why.left_out"))]
        found = []
        for word in said:
            key = word.key
            if word.role == "link" and not key and not (self.export or word.literal):
                key = link_title(p.column)
            if not p.filled:
                reason = say(
                    "importing.why.header_only", phrase=word.phrase, meaning=say(f"importing.meaning.{word.role}")
                )
                found.append(_Candidate(word.role, key, word.score * 0.7, reason))
                continue
            factor, evidence = (1.0, "") if self.export or word.literal else self._fit(word.role, p)
            meaning = say(f"importing.meaning.{word.role}")
            reason = say("importing.why.header", phrase=word.phrase.rstrip(":"), meaning=meaning)
            found.append(
                _Candidate(
                    word.role, key, word.score * factor, joined("; ", [reason, evidence]) if evidence else reason
                )
            )
        return found

    def _fit(self, role: Role, p: Profile) -> tuple[float, str]:
        """How well the values suit the role (0 to 1), and what about them is worth telling."""
        if role == "link":
            if p.urls >= 0.5:
                return 1.0, say("importing.why.are_addresses", part=_part(p.urls))
            return (
                (0.9, say("importing.why.no_address"))
                if p.booleans > 0.9
                else (0.25, say("importing.why.few_addresses"))
            )
        if role == "repository":
            if p.repositories >= 0.5:
                return 1.0, say("importing.why.repositories")
            if p.urls >= 0.5:
                return 0.85, say("importing.why.addresses")
            return (0.1, say("importing.why.but_booleans")) if p.booleans > 0.5 else (0.85, "")
        if p.booleans > 0.7:
            return 0.15, say("importing.why.but_booleans")
        if role == "annotation":
            return (0.3, say("importing.why.but_addresses")) if p.urls > 0.5 else (1.0, "")
        if p.urls > 0.5:
            return (0.8, "") if role == "chat" else (0.2, say("importing.why.but_addresses"))
        if role in _FITS:
            return _FITS[role](p)
        if role == "depends_on":
            share = item_share(p, self.table, self.names)
            if p.numbers > 0.8:
                return 0.1, say("importing.why.but_numbers")
            return (1.0, say("importing.why.listed", part=_part(share))) if share >= 0.3 else (0.8, "")
        if role == "owner":
            return self._fit_owner(p)
        if p.mean_words > 7:
            return 0.3, say("importing.why.but_long")
        return (0.15, say("importing.why.but_dates")) if p.dates > 0.5 else (1.0, "")

    def _fit_owner(self, p: Profile) -> tuple[float, str]:
        known = self._known_people(p)
        if known >= 0.3:
            return 1.0, say("importing.why.are_people", part=_part(known))
        if p.channels >= 0.5:
            return 1.0, say("importing.why.team_channels", part=_part(p.channels))
        if p.mean_words > 6 or p.dates > 0.5 or p.numbers > 0.8:
            return 0.3, say("importing.why.but_no_teams")
        return 1.0, say("importing.why.distinct_for", n=p.distinct, rows=p.filled)

    def _known_people(self, p: Profile) -> float:
        return len(p.names & self.people) / len(p.names) if self.people and p.names else 0.0

    def _by_values(self, p: Profile) -> list[_Candidate]:
        """What the values alone say, for headers that say nothing or something else."""
        if not p.filled or self.export:
            return []
        found = []
        words = set(words_of(p.column))
        if p.counts_rows and (not words or len(p.column) <= 3 or p.column.startswith("Column ") or "nr" in words):
            found.append(_Candidate("ignore", "", 0.9, say("importing.why.counts_rows")))
        if p.channels >= 0.5 and words & ALERTS:
            found.append(_Candidate("annotation", ALERTS_CHANNEL, 0.85, say("importing.why.alerts")))
        elif p.channels >= 0.7:
            found.append(_Candidate("chat", "", 0.6, say("importing.why.chat_channels", part=_part(p.channels))))
        if p.kinds >= 0.8 and words & {"type", "kind", "category"} and not self.has_kind and p.distinct > 1:
            found.append(_Candidate("kind", "", 0.97, say("importing.why.kinds_such")))
        elif p.kinds >= 0.95 and p.distinct > 1:
            found.append(_Candidate("kind", "", 0.65, say("importing.why.kinds_of_entities")))
        if p.repositories >= 0.7:
            found.append(
                _Candidate("repository", "", 0.78, say("importing.why.are_repositories", part=_part(p.repositories)))
            )
        if p.urls >= 0.6:
            found.append(
                _Candidate("link", link_title(p.column), 0.7, say("importing.why.are_addresses", part=_part(p.urls)))
            )
        if p.lifecycles >= 0.95 and p.distinct > 1 and not words & {"environment", "env", "environments", "umgebung"}:
            found.append(_Candidate("lifecycle", "", 0.6, say("importing.why.lifecycles")))
        if self._known_people(p) >= 0.6:
            found.append(_Candidate("owner", "", 0.65, say("importing.why.people")))
        elif p.emails >= 0.8 and p.unique < 0.8:
            found.append(_Candidate("owner", "", 0.4, say("importing.why.shared_mails")))
        if p.mean_words >= 5 and p.unique > 0.6:
            found.append(_Candidate("description", "", 0.5, say("importing.why.sentences").capitalized()))
        if (
            self.names
            and p.lists >= 0.2
            and not words & {"apps", "app"}
            and item_share(p, self.table, self.names) >= 0.7
        ):
            found.append(_Candidate("depends_on", "", 0.45, say("importing.why.names_here")))
        return found

    def _fallback(self, p: Profile) -> _Candidate:
        key = key_of(p.column)
        if not p.filled:
            return _Candidate("ignore", "", 0.4, say("importing.why.nothing_below"))
        if not key:
            return _Candidate("ignore", "", 0.3, say("importing.why.no_key"))
        words = set(words_of(p.column))
        is_count = p.numbers > 0.9
        most = max(1 if is_count else 2, min(_LABEL_VALUES, p.filled * (0.3 if is_count else 0.6)))
        few = p.distinct <= most or (p.distinct <= _LABEL_VALUES and bool(words & LABEL_WORDS)) or p.booleans > 0.9
        if p.label_values > 0.95 and p.dates < 0.5 and p.lists == 0 and few and not words & NOTE_WORDS:
            return _Candidate("label", key, 0.5, say("importing.why.filter_by", n=p.distinct))
        kept = say("importing.why.kept_lists") if p.lists > 0 else say("importing.why.kept", n=p.distinct)
        return _Candidate("annotation", key, 0.4, kept)


def _fit_name(p: Profile) -> tuple[float, str]:
    factor = (0.3 + 0.7 * p.fill) * (0.5 + 0.5 * p.unique)
    if p.mean_words > 6 or p.dates > 0.5 or p.emails > 0.5:
        factor *= 0.4
    if p.counts_rows or p.numbers > 0.9:
        return factor * 0.25, say("importing.why.but_numbers")
    return factor * (0.9 if p.tickets > 0.5 else 1.0), _tell(p)


def _fit_type(p: Profile) -> tuple[float, str]:
    if p.mean_words > 5 or p.dates > 0.5 or p.numbers > 0.8:
        return 0.3, say("importing.why.but_no_types")
    return (0.6 if p.unique > 0.9 and p.filled > 10 else 1.0), say(
        "importing.why.distinct_for", n=p.distinct, rows=p.filled
    )


def _fit_lifecycle(p: Profile) -> tuple[float, str]:
    if p.lifecycles >= 0.3:
        return 0.6 + 0.4 * p.lifecycles, say("importing.why.words_for_one", part=_part(p.lifecycles))
    return 0.5, say("importing.why.but_other")


def _fit_kind(p: Profile) -> tuple[float, str]:
    return (1.0, say("importing.why.kinds")) if p.kinds >= 0.5 else (0.5, say("importing.why.but_other"))


def _fit_description(p: Profile) -> tuple[float, str]:
    if p.mean_words >= 3:
        return 1.0, say("importing.why.sentences")
    return (0.8 if p.unique > 0.5 else 0.5), ""


def _fit_chat(p: Profile) -> tuple[float, str]:
    if p.channels >= 0.5:
        return 1.0, say("importing.why.channels", part=_part(p.channels))
    return (0.2, say("importing.why.but_mails")) if p.emails > 0.5 else (0.8, "")


_FITS: Final = {
    "name": _fit_name, "type": _fit_type, "lifecycle": _fit_lifecycle, "kind": _fit_kind, "description": _fit_description,
    "chat": _fit_chat,
}  # fmt: skip


def _name_score(every: Sequence[Sequence[_Candidate]], index: int | None) -> float:
    """How sure the name column at ``index`` is of being one."""
    return max((c.score for c in every[index or 0] if c.role == "name"), default=0.35)


def _put_first(candidates: Sequence[_Candidate], role: Role, reason: Wording, at_most: float = 1.0) -> list[_Candidate]:
    """The candidate of this role at the head, made where there is none."""
    own = next((c for c in candidates if c.role == role), None)
    if own is None:
        own = _Candidate(role, "", 0.3, reason if at_most == 1.0 else reason.capitalized())
    elif at_most < 1.0:
        own = own._replace(score=min(own.score, at_most), reason=joined("; ", [own.reason, reason]))
    return [own, *(c for c in candidates if c.role != role)]


def _as_title(candidate: _Candidate) -> _Candidate:
    """A further column with names is what people call the thing."""
    return candidate._replace(
        role="title",
        score=candidate.score * 0.7,
        reason=joined("; ", [candidate.reason, say("importing.why.other_name")]),
    )


def _part(share: float) -> Wording:
    return say("importing.part.all") if share >= 0.995 else say("importing.part.percent", n=round(share * 100))


def _tell(p: Profile) -> Wording:
    if p.distinct == p.rows:
        return say("importing.why.all_different")
    return say("importing.why.distinct_in", n=p.distinct, rows=p.rows)

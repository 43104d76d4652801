"""Who a sheet means by its owners: groups and people of the catalog, found by name, channel or mail, typos included.

The surest way wins: a person's own word, a ref, the same name written another way, the same words without ``team``, then a
typo or two. Names that differ by a number or by a short word (``payments-eu``, ``payments-us``) are never one.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final, Iterable, Mapping, Sequence

from callboard.features.importing.domain.naming import clean_name, is_nothing, one_line, short, to_ascii, word_set
from callboard.features.importing.domain.words import say
from callboard.features.importing.interface import OwnerMatch
from callboard.model.refs import DEFAULT_NAMESPACE, EntityRef, RefError
from callboard.model.validation import is_dns_label, is_object_name

CHAT_CHANNEL: Final = "callboard.dev/chat-channel"
NEW: Final = "new"
"""What a person says (``SheetMapping.owner_refs``) for an owner that is to be made, whatever it looks like."""

_SIMILAR: Final = 0.84
"""Ratio from which two words may be one with a typo: one letter in six."""
_SAME: Final = 0.03
"""Two candidates that are nearer than this are equally good: that is told."""
_LOOKED_AT: Final = 500
_COMPARED: Final = 20
"""Names that share letters with an owner, and of these the nearest, which are compared letter by letter."""
_RARE: Final = 2
"""Rows in which a name may stand and still be a typo of one that the same sheet has more often."""
_FILLERS: Final = word_set("team teams squad group the crew gruppe équipe equipe")
_EMAIL: Final = re.compile(r"([^@\s<>]+)@([\w.-]+\.\w+)")
_NAMED_EMAIL: Final = re.compile(r"(.*?)\s*<([^@\s<>]+@[\w.-]+\.\w+)>")
_GROUP_WORDS: Final = word_set(
    "team teams squad group dev devs ops support platform engineering info contact admin admins"
)
_PARTS: Final = re.compile(r"[;|\n]|, | / | (?:and|und|et) (?=[#@])")
_BLANKS: Final = re.compile(r"[^\S\n]+")
MAX_OWNER: Final = 300
"""Characters of a text that may name an owner; a longer one is a story, and costs more to compare than it can tell."""


def match_owners(
    said: Sequence[str],
    people: Mapping[str, Sequence[str]],
    *,
    create: bool,
    namespace: str = DEFAULT_NAMESPACE,
    chosen: Mapping[str, str] | None = None,
    exact: bool = False,
) -> dict[str, OwnerMatch]:
    """A match for every different text of ``said``; how often it is said is its ``rows``.

    Args:
        said: What cells say, one entry a row, trimmed and not empty.
        people: Refs of groups and users to the texts that name them.
        create: Whether owners that match nobody are to be made; else they keep a ref that nothing stands under.
        namespace: Of owners that are made.
        chosen: A person's word, by lower-cased text: a ref, or ``NEW``.
        exact: Match refs and whole names only, as for a sheet that the catalog wrote itself.
    """
    counts = Counter(said)
    chosen = {one_line(text).casefold(): ref for text, ref in (chosen or {}).items()}
    matching = _Matching(Directory(people), counts, create=create, namespace=namespace, exact=exact)
    # The frequent ones first: what is said twice is a typo of what is said forty times, not the reverse.
    for text in sorted(counts, key=lambda text: (-counts[text], text)):
        matching.add(text, chosen.get(one_line(text).casefold(), ""))
    return {text: matching.found[text] for text in counts}


def split_owners(text: str) -> list[str]:
    """The owners that a cell names, the first one first: ``a, b``, ``a / b``, one a line."""
    parts = [part.strip() for part in _PARTS.split(_BLANKS.sub(" ", text))]
    return [part for part in parts if part and not is_nothing(part)]


@dataclass(frozen=True, slots=True)
class _Named:
    """A text that names somebody, taken apart: ``key`` for the same name, ``bare`` without fillers, ``words`` for typos."""

    ref: str
    key: str
    bare: str
    words: tuple[str, ...]


class Directory:
    """Groups and people by everything that names them. Grows by owners that a sheet makes."""

    def __init__(self, people: Mapping[str, Sequence[str]]) -> None:
        self.refs: set[str] = set()
        self._keys: dict[str, list[str]] = defaultdict(list)
        self._bare: dict[str, list[str]] = defaultdict(list)
        self._named: list[_Named] = []
        self._trigrams: dict[str, list[int]] = defaultdict(list)
        for ref in sorted(people, key=_group_first):
            self.add(ref, [ref.rsplit("/", 1)[-1], *people[ref]])

    def add(self, ref: str, texts: Iterable[str]) -> None:
        self.refs.add(ref)
        seen = set()
        for text in texts:
            named = _named(text, ref)
            if not named.key or named.key in seen:
                continue
            seen.add(named.key)
            _add_once(self._keys[named.key], ref)
            if named.bare:
                _add_once(self._bare[named.bare], ref)
            self._named.append(named)
            for gram in _trigrams(named.bare or named.key):
                self._trigrams[gram].append(len(self._named) - 1)

    def by_key(self, text: str) -> list[str]:
        return self._keys.get(_named(text).key, [])

    def by_bare(self, text: str) -> list[str]:
        bare = _named(text).bare
        return self._bare.get(bare, []) if len(bare) > 2 else []

    def by_likeness(self, text: str) -> list[tuple[float, str]]:
        """Refs whose names may be this one with a typo, the likest first."""
        asked = _named(text)
        own = asked.bare or asked.key
        if len(own) < 5:
            return []
        shared: Counter[int] = Counter()
        # The rarest letters tell most; where thousands of names share theirs, looking at all would take minutes.
        for gram in sorted(_trigrams(own), key=lambda gram: (len(self._trigrams.get(gram, ())), gram)):
            shared.update(self._trigrams.get(gram, [])[:_LOOKED_AT])
            if shared.total() >= _LOOKED_AT:
                break
        best: dict[str, float] = {}
        for place, _count in sorted(shared.items(), key=lambda item: (-item[1], item[0]))[:_COMPARED]:
            named = self._named[place]
            ratio = _likeness(asked.words, named.words)
            if ratio >= _SIMILAR:
                best[named.ref] = max(ratio, best.get(named.ref, 0.0))
        return sorted(((ratio, ref) for ref, ratio in best.items()), key=lambda item: (-item[0], item[1]))


class _Matching:
    """Matches the owners of one sheet, one after the other."""

    def __init__(
        self, directory: Directory, counts: Mapping[str, int], *, create: bool, namespace: str, exact: bool
    ) -> None:
        self.directory = directory
        self.counts = counts
        self.create = create
        self.namespace = namespace
        self.exact = exact
        self.new: dict[str, str] = {}
        self.found: dict[str, OwnerMatch] = {}

    def add(self, text: str, chosen: str) -> None:
        if len(text) > MAX_OWNER:
            self.found[text] = OwnerMatch(text, "", False, 0.0, say("importing.match.too_long"), self.counts[text])
            return
        ref, confidence, reason = self._chosen(text, chosen) if chosen else self._find(text)
        self.found[text] = OwnerMatch(text, ref, ref in self.new, confidence, reason, self.counts[text])

    def _chosen(self, text: str, chosen: str) -> tuple[str, float, str]:
        if chosen == NEW:
            return self._make(text, say("importing.match.to_make"))
        try:
            ref = str(EntityRef.parse(chosen, default_kind="Group", default_namespace=self.namespace))
        except RefError:
            return self._find(text)
        known = ref in self.directory.refs
        return ref, 1.0, say("importing.match.chosen") if known else say("importing.match.chosen_unknown")

    def _find(self, text: str) -> tuple[str, float, str]:
        ref = ref_of(text, self.namespace) if ":" in text or self.exact else None
        if ref is not None and ref in self.directory.refs:
            return ref, 1.0, say("importing.match.ref")
        if ref is not None:
            return self._make(text, say("importing.match.no_ref"), ref)
        for forms, confidence, way in self._ways(text):
            for form in forms:
                refs = self.directory.by_key(form) if way != "bare" else self.directory.by_bare(form)
                if refs:
                    return self._one_of(refs, confidence, say(f"importing.match.way.{way}"))
        like = [] if self.exact else self.directory.by_likeness(text)
        like = [(ratio, ref) for ratio, ref in like if ref not in self.new or self._is_rare_beside(text, ref)]
        if like:
            ratio = like[0][0]
            near = [ref for r, ref in like if ratio - r <= _SAME]
            return self._one_of(near, round(0.4 + 0.5 * (ratio - 0.5), 2), say("importing.match.like"))
        return self._make(text, "")

    def _ways(self, text: str) -> Iterable[tuple[Sequence[str], float, str]]:
        named = _NAMED_EMAIL.fullmatch(text)
        forms = [text] if named is None else [named.group(2), named.group(1)]
        yield forms, 1.0, "key"
        if self.exact:
            return
        mail = _EMAIL.fullmatch(forms[0])
        if mail:
            yield [mail.group(1)], 0.85, "mail"
        yield forms, 0.9, "bare"

    def _one_of(self, refs: Sequence[str], confidence: float, reason: str) -> tuple[str, float, str]:
        """The first of ``refs``, groups before people; that others fit as well is told."""
        ordered = sorted(refs, key=_group_first)
        same_kind = [ref for ref in ordered if ref.split(":")[0] == ordered[0].split(":")[0]]
        if len(same_kind) > 1:
            others = ", ".join(same_kind[1:4])
            return same_kind[0], 0.4, say("importing.match.ambiguous", n=len(same_kind) - 1, refs=others)
        return ordered[0], confidence, reason

    def _is_rare_beside(self, text: str, ref: str) -> bool:
        """Whether a text is so rare beside an owner that the sheet itself makes that it may be a typo of it."""
        return self.counts[text] <= _RARE and self.counts[self.new[ref]] >= 3 * self.counts[text]

    def _make(self, text: str, why: str, ref: str | None = None) -> tuple[str, float, str]:
        ref = ref or made_ref(text, self.namespace)
        if ref is None:
            return "", 0.0, say("importing.note.no_name", text=short(text)).capitalized()
        if ref in self.directory.refs:
            return ref, 1.0, say("importing.match.way.key")
        if not self.create:
            return ref, 0.0, say("importing.match.not_made", why=why or say("importing.match.nobody"))
        self.new[ref] = text
        self.directory.add(ref, [text, ref.rsplit("/", 1)[-1]])
        return ref, 0.9, say("importing.match.made", why=why or say("importing.match.nobody"))


def ref_of(text: str, namespace: str = DEFAULT_NAMESPACE) -> str | None:
    """The ref that a text is to the letter (``group:default/pay``, ``pay``), lower-cased; None if it is no valid one."""
    try:
        ref = EntityRef.parse(text.strip(), default_kind="Group", default_namespace=namespace)
    except RefError:
        return None
    is_owner = ref.kind.lower() in ("group", "user")
    return str(ref) if is_owner and is_dns_label(ref.namespace.lower()) and is_object_name(ref.name) else None


def made_ref(text: str, namespace: str = DEFAULT_NAMESPACE) -> str | None:
    """The ref of an owner that is made of a text: a User of a person's mail address, a Group of everything else."""
    if len(text) > MAX_OWNER:
        return None
    named = _NAMED_EMAIL.fullmatch(text.strip())
    mail = _EMAIL.fullmatch(named.group(2) if named else text.strip())
    if mail:
        name, _note = clean_name(mail.group(1))
        kind = "group" if set(re.split(r"[^a-z]+", mail.group(1).lower())) & _GROUP_WORDS else "user"
    else:
        name, _note = clean_name(text.strip().lstrip("#@").strip())
        kind = "group"
    return f"{kind}:{namespace}/{name}".lower() if name else None


def made_entity(ref: str, said: Sequence[str]) -> dict[str, Any]:
    """The document of an owner that a sheet makes. ``said`` are the texts that mean it, the most frequent first."""
    kind, _, rest = ref.partition(":")
    namespace, _, name = rest.partition("/")
    text = said[0]
    metadata: dict[str, Any] = {"name": name, "namespace": namespace}
    title = _title(text)
    if title and title.lower() != name:
        metadata["title"] = title
    channel = next((one for one in said if re.fullmatch(r"#[\w.-]+", one)), None)
    if channel:
        metadata["annotations"] = {CHAT_CHANNEL: channel}
    email = next((mail.group() for one in said if (mail := _EMAIL.search(one))), None)
    spec: dict[str, Any] = {"memberOf": []} if kind == "user" else {"type": "team", "children": []}
    if email:
        spec = {**spec, "profile": {"displayName": title, "email": email} if title else {"email": email}}
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "User" if kind == "user" else "Group",
        "metadata": metadata,
        "spec": spec,
    }


def _title(text: str) -> str:
    """What people call the owner; empty for refs, channels and bare mail addresses."""
    named = _NAMED_EMAIL.fullmatch(text.strip())
    if named:
        return one_line(named.group(1).strip('"'))
    if text.startswith(("#", "@")) or _EMAIL.fullmatch(text) or ref_of(text) is not None:
        return ""
    return one_line(text)[:200]


# ---- likeness ------------------------------------------------------------------------------------------------------------


def _named(text: str, ref: str = "") -> _Named:
    ascii_text, _lost = to_ascii(text.strip().lstrip("#@"))
    folded = (ascii_text if ascii_text.strip() else text).casefold()
    if _EMAIL.fullmatch(folded):
        return _Named(ref, folded, "", (folded,))
    words = tuple(word for word in re.split(r"[^\w]+|_", folded) if word)
    bare = tuple(word for word in words if word not in _FILLERS) or words
    return _Named(ref, "".join(words), "".join(sorted(bare)), bare)


def _trigrams(text: str) -> set[str]:
    return {text[i : i + 3] for i in range(len(text) - 2)} or {text}


def _likeness(one: Sequence[str], other: Sequence[str]) -> float:
    """How like two names are word by word; 0 as soon as a short word or a number differs."""
    if len(one) != len(other):
        return 0.0
    ratios = [_word_likeness(a, b) for a, b in zip(one, other, strict=True)]
    if not ratios or min(ratios) == 0.0:
        return 0.0
    return sum(ratio * len(word) for ratio, word in zip(ratios, one, strict=True)) / sum(len(word) for word in one)


def _word_likeness(a: str, b: str) -> float:
    if a == b:
        return 1.0
    if min(len(a), len(b)) < 5 or a[0] != b[0] or re.findall(r"\d+", a) != re.findall(r"\d+", b):
        return 0.0
    if sorted(a) == sorted(b):
        return 0.9  # letters that changed places
    ratio = SequenceMatcher(None, a, b, autojunk=False).ratio()
    return ratio if ratio >= _SIMILAR else 0.0


def _group_first(ref: str) -> tuple[bool, str]:
    return (not ref.startswith("group:"), ref)


def _add_once(refs: list[str], ref: str) -> None:
    if ref not in refs:
        refs.append(ref)

"""What people write above their columns, as data: phrases for every role in several languages, and keys that tools know.

Phrases are the words of a header as ``naming.words_of`` gives them. A tier says how sure the phrase alone makes us.
"""

from __future__ import annotations

import re
from typing import Final, Mapping, NamedTuple

from callboard.features.importing.domain.naming import clean_key, spaced, word_set, words_of
from callboard.features.importing.interface import Role
from callboard.model.validation import is_label_key


class Said(NamedTuple):
    """What a header alone says: role, key, how sure (0 to 1), the phrase that says so, and whether it names a field to the letter."""

    role: Role
    key: str
    score: float
    phrase: str
    literal: bool = False


_SURE, _LIKELY, _MAYBE = 0.95, 0.8, 0.6

_PHRASES: Final[tuple[tuple[Role, float, str], ...]] = (
    ("name", _SURE, ("nazwa|usługa|nazwa usługi|имя|название|сервис|наименование|name|service|service name|component|component name|application|application name|app|app name|repo name"
     "|repository name|project name|microservice|microservice name|entity name|entity|software|resource name"
     "|dienst|dienstname|anwendung|anwendungsname|name der anwendung|komponente|nom|nom du service|nom de l application"
     "|nombre|servicio|aplicación|naam|applicatie|nome|servizio")),
    ("name", _LIKELY, ("library|libraries|package|website|database|bucket|queue|job|batch job|lambda|api|project|slug|service id|app id|application id|component id|api name|product name|module|module name"
     "|tool|asset|asset name|system name|ci name|bezeichnung|projekt|projet|proyecto|bezeichner|workload|team name of record")),
    ("name", _MAYBE, "id|identifier|key|code|short name|kurzname|label name|item|what|kürzel|short code|service code"),
    ("title", _SURE, "title|display name|full name|friendly name|human name|titel|anzeigename|titre|título|long name|nom complet"),
    ("description", _SURE, ("opis|описание|description|desc|summary|purpose|about|what it does|what does it do|short description|beschreibung"
     "|kurzbeschreibung|zweck|descripción|descripcion|omschrijving|descrizione|function|service description")),
    ("description", _MAYBE, "details|overview|info|information|notes|comment|comments|remarks|bemerkung|bemerkungen|kommentar|remarques"),
    ("owner", _SURE, ("zespół|właściciel|команда|владелец|owner|owners|team|team name|owning team|owned by|owner team|service owner|maintainer|maintainers"
     "|responsible|responsible team|squad|tribe squad|technical owner|tech owner|eigentümer|besitzer|verantwortlich"
     "|verantwortliches team|verantwortlicher|verantwortliche|inhaber|zuständig|zuständigkeit|zuständiges team|équipe|equipe|équipe responsable|propriétaire|responsable|equipo"
     "|propietario|eigenaar|dev team|development team|engineering team|code owner|codeowner|codeowners|accountable team")),
    ("owner", _LIKELY, ("maintained by|managed by|dri|tech lead|technical lead|lead|crew|group|abteilung|ansprechpartner|run by|squad name|team slug"
     "|team channel|contact team|product owner|point of contact|poc|steward|custodian")),
    ("owner", _MAYBE, "section|abschnitt|contact|contacts|person|business owner|department|support team|kontakt|who|email|e mail|owner email|unit|author"),
    ("kind", _SURE, "kind|entity kind|art des eintrags"),
    ("kind", _MAYBE, "object type|entity type|class|element type|ci type"),
    ("type", _SURE, "тип|type|component type|service type|app type|application type|typ|art|tipo|resource type|api type"),
    ("type", _LIKELY, "category|kategorie|catégorie|categoría|software type|sort|classification"),
    ("lifecycle", _SURE, "lifecycle|life cycle|lifecycle stage|lifecycle status|lifecycle state|lebenszyklus|cycle de vie|ciclo de vida"),
    ("lifecycle", _LIKELY, "stage|status|state|phase|maturity|maturity level|statut|estado|zustand|service status"),
    ("system", _SURE, "system|platform system|part of|part of system|système|sistema|systeem|parent system|system name"),
    ("system", _LIKELY, "product|product line|platform|suite|solution|produkt|produit|producto|product group|application group"),
    ("domain", _SURE, "domain|business domain|bounded context|domäne|fachdomäne|domaine|dominio"),
    ("domain", _LIKELY, "business area|business unit|area|business capability|capability|value stream|tribe|fachbereich|bereich|subdomain"),
    ("namespace", _SURE, "namespace|catalog namespace|entity namespace"),
    ("repository", _SURE, ("repozytorium|репозиторий|repository|repo|repository url|repo url|repository link|repo link|git repo|git repository|git url|github"
     "|github url|github repo|github repository|github link|gitlab|gitlab url|gitlab project|bitbucket|source code|source"
     "|source repository|source repo|source code url|code repository|scm|scm url|vcs|code|git|quellcode|quelltext|dépôt|depot|repositorio|code location")),
    ("tags", _SURE, "tags|tag|keywords|keyword|schlagworte|schlagwörter|stichworte|mots clés|etiquetas|trefwoorden|topics"),
    ("tags", _LIKELY, ("technologies|technology|tech stack|stack|languages|language|programming language|frameworks|framework|tech"
     "|technologie|technologien|sprache|programmiersprache|langage|lenguaje|written in")),
    ("chat", _SURE, ("slack|slack channel|slack room|chat|chat channel|channel|teams channel|ms teams|mattermost|discord|rocket chat"
     "|support channel|chat room|kanal|canal|slack support channel|irc")),
    ("depends_on", _SURE, ("depends on|dependencies|dependency|dependson|depends upon|upstream|upstream services|upstreams|requires"
     "|service dependencies|abhängigkeiten|abhängigkeit|abhängig von|hängt ab von|benötigt|braucht|voraussetzungen|dépendances|dépend de|dependencias|depende de|afhankelijkheden|needs")),
    ("depends_on", _LIKELY, "uses|ruft auf|verwendet|utilise|usa|calls|talks to|connects to|consumes services|backing services|databases|resources|nutzt|datastores"),
    ("provides_apis", _SURE, "provides apis|provides api|providesapis|provided apis|apis provided|exposes|exposed apis|apis exposed|api provided"),
    ("provides_apis", _MAYBE, "apis|provides"),
    ("consumes_apis", _SURE, "consumes apis|consumes api|consumesapis|consumed apis|apis consumed|apis used|uses apis|consumes"),
    ("link", _SURE, "url|link|links|urls|website|homepage|home page|web site|webseite|enlace|lien|service url|app url|production url|public url"),
    ("link", _LIKELY, ("docs|documentation|wiki|runbook|runbooks|dashboard|dashboards|grafana|confluence|dokumentation|doku|monitoring"
     "|logs|kibana|sentry|datadog|new relic|swagger|openapi|jenkins|ci|pipeline|sharepoint|readme|adr|playbook|status page|backlog|jira board")),
)  # fmt: skip


def _lexicon() -> Mapping[str, tuple[Said, ...]]:
    found: dict[str, list[Said]] = {}
    for role, score, phrases in _PHRASES:
        for phrase in phrases.split("|"):
            found.setdefault(phrase, []).append(Said(role, "", score, phrase))
    return {phrase: tuple(sorted(meanings, key=lambda said: -said.score)) for phrase, meanings in found.items()}


_LEXICON: Final = _lexicon()
_ENDINGS_BY_ROLE: Final[tuple[tuple[Role, float, str], ...]] = (
    ("link", 0.85, "url urls link links uri href website homepage"),
    ("link", 0.7, "dashboard runbook wiki docs documentation page board"),
    ("owner", 0.8, "owner owners team squad maintainer maintainers"),
    ("repository", 0.8, "repo repository"),
    ("chat", 0.85, "channel slack"),
    ("name", 0.75, "name"),
    ("description", 0.8, "description summary beschreibung"),
    ("tags", 0.8, "tags keywords"),
    ("type", 0.7, "type"),
    ("lifecycle", 0.75, "lifecycle"),
    ("depends_on", 0.75, "dependencies"),
    ("system", 0.6, "system"),
    ("domain", 0.6, "domain"),
)
_ENDINGS: Final[Mapping[str, Said]] = {
    word: Said(role, "", score, word) for role, score, words in _ENDINGS_BY_ROLE for word in words.split()
}
"""The last word of a longer header."""

QUALIFIERS: Final = word_set(
    "alert alerts alerting alarm alarms oncall call support backup secondary former previous old deputy escalation second"
    " business security incident incidents legal cost finance product vendor pager paging notification notifications former"
    " test qa approver reviewer created updated modified"
)
"""Words before ``team``, ``owner`` or ``name`` that make it another one than the entity's own."""
ALERTS: Final = word_set(
    "alert alerts alerting alarm alarms alarming incident incidents pager paging notification notifications"
)

LABEL_WORDS: Final = word_set(
    "tier criticality critical priority region zone env environment environments hosting hosted platform visibility private"
    " public severity classification confidentiality umgebung kritikalität prio country site datacenter sla"
)
"""Words for things with few values, which people filter by."""
NOTE_WORDS: Final = word_set("note notes comment comments remark remarks bemerkung bemerkungen kommentar")

_TOOL_KEYS: Final[Mapping[str, str]] = {
    "jira": "jira/project-key", "jira key": "jira/project-key", "jira project": "jira/project-key",
    "jira project key": "jira/project-key", "jira component": "jira/component",
    "sonarqube key": "sonarqube.org/project-key", "sonar key": "sonarqube.org/project-key",
    "sonarqube project": "sonarqube.org/project-key", "sonarqube project key": "sonarqube.org/project-key",
    "pagerduty id": "pagerduty.com/service-id", "pagerduty service": "pagerduty.com/service-id",
    "pagerduty service id": "pagerduty.com/service-id", "pagerduty key": "pagerduty.com/integration-key",
    "opsgenie team": "opsgenie.com/team", "sentry project": "sentry.io/project-slug",
    "sentry project slug": "sentry.io/project-slug", "sentry slug": "sentry.io/project-slug",
    "kubernetes namespace": "backstage.io/kubernetes-namespace", "k8s namespace": "backstage.io/kubernetes-namespace",
    "kubernetes id": "backstage.io/kubernetes-id", "k8s id": "backstage.io/kubernetes-id",
    "argocd app": "argocd/app-name", "argocd app name": "argocd/app-name", "argo cd app": "argocd/app-name",
    "argo cd app name": "argocd/app-name", "techdocs": "backstage.io/techdocs-ref", "techdocs ref": "backstage.io/techdocs-ref",
    "github slug": "github.com/project-slug", "github project slug": "github.com/project-slug",
    "gitlab slug": "gitlab.com/project-slug", "jenkins job": "jenkins.io/job-full-name",
    "grafana dashboard selector": "grafana/dashboard-selector",
}  # fmt: skip
"""Annotation keys that integrations of Backstage read, by what people call them."""

EXPORT_HEADERS: Final = word_set(
    "kind namespace name title description owner type lifecycle system domain tags depends_on provides_apis consumes_apis"
)
LEFT_OUT: Final = "left out"
"""The column in which an export names what was too long for a cell."""
_SORTED: Final = re.compile(r"(label|annotation|link)s?\s*[:=]\s*(\S.*)", re.DOTALL)
_MAPPED_PATH: Final = re.compile(r"metadata\.(label|annotation)s\.(\S+)")
_PATH: Final = re.compile(r"(?:metadata|spec)(?:\.[A-Za-z0-9_$-]+)*|apiVersion")
_ROLE_OF_PATH: Final[Mapping[str, Role]] = {
    "metadata.name": "name", "metadata.namespace": "namespace", "metadata.title": "title",
    "metadata.description": "description", "metadata.tags": "tags", "spec.owner": "owner", "spec.type": "type",
    "spec.lifecycle": "lifecycle", "spec.system": "system", "spec.domain": "domain", "spec.dependsOn": "depends_on",
    "spec.providesApis": "provides_apis", "spec.consumesApis": "consumes_apis",
}  # fmt: skip


def is_export(columns: tuple[str, ...]) -> bool:
    """Whether a table has all the columns that an export of the catalog has: then cells are taken to the letter."""
    return set(columns) >= EXPORT_HEADERS


def said_by(header: str, *, export: bool = False) -> list[Said]:
    """What a header says, the surest first; several where a word has several meanings; empty where it says nothing.

    In an ``export`` a path is always that field, beside the column of the plain word for texts that are no JSON.
    """
    return _explicit(header, export=export) or _by_words(header)


def _explicit(header: str, *, export: bool) -> list[Said]:
    """Headers that name a field to the letter, as an export and people who know the format write them."""
    sort = _SORTED.fullmatch(header)
    if sort:
        role, key = sort.group(1), sort.group(2).strip()
        if role == "link":
            return [Said("link", key, 0.99, "link:", literal=True)]
        return [Said("label" if role == "label" else "annotation", key, 0.99, f"{role}:", literal=True)]
    mapped = _MAPPED_PATH.fullmatch(header)
    if mapped:
        return [
            Said("label" if mapped.group(1) == "label" else "annotation", mapped.group(2), 0.98, header, literal=True)
        ]
    if _PATH.fullmatch(header):
        by_path = Said("field", header, 0.93, header, literal=True)
        native = None if export else _ROLE_OF_PATH.get(header)
        return [Said(native, "", 0.94, header, literal=True), by_path] if native else [by_path]
    if "/" in header and " " not in header and "." in header.partition("/")[0] and is_label_key(header):
        return [Said("annotation", header, 0.95, header, literal=True)]
    return []


def _by_words(header: str) -> list[Said]:
    words = words_of(header)
    phrase = header.casefold() if header.casefold() in _LEXICON else " ".join(words)
    tool = _TOOL_KEYS.get(phrase)
    found = [Said("annotation", tool, 0.9, phrase)] if tool else []
    found += _LEXICON.get(phrase, ())
    if header == phrase.replace(" ", "_") and header in EXPORT_HEADERS and found:
        found[0] = found[0]._replace(score=0.98)
    if not found and " / " in header:  # of two header rows the lower one says what it is
        found = [said._replace(score=said.score * 0.95) for said in _by_words(header.rpartition(" / ")[2])]
    if not found and len(words) > 1:
        found = _by_parts(words)
    return sorted(found, key=lambda said: -said.score)


def _by_parts(words: tuple[str, ...]) -> list[Said]:
    """A known phrase at the end of a longer header (``our service owner``), else at its beginning (``owner of record``)."""
    qualified = any(word in QUALIFIERS for word in words[:-1])
    for at in range(1, len(words)):
        phrase = " ".join(words[at:])
        known = _LEXICON.get(phrase)
        if known is None or (len(words) - at == 1 and phrase in _ENDINGS):
            continue
        return [said._replace(score=said.score * (0.4 if qualified else 0.75)) for said in known]
    ending = _ENDINGS.get(words[-1])
    if ending is not None:
        weak = qualified and ending.role not in ("link", "chat")
        return [ending._replace(score=ending.score * (0.4 if weak else 1.0))]
    for end in range(len(words) - 1, 0, -1):
        known = _LEXICON.get(" ".join(words[:end]))
        if known is not None:
            return [said._replace(score=said.score * 0.55) for said in known]
    return []


_NO_TITLE: Final = word_set("url urls link links uri href")


_UNNAMED: Final = re.compile(r"Column [A-Z]{1,3}")


def link_title(header: str) -> str:
    """The title of a link from its header: ``production_url`` is ``Production``; empty where only ``url`` stands there."""
    if _UNNAMED.fullmatch(header):
        return ""
    words = [
        word for word in re.split(r"[\s_]+", spaced(header).replace(" / ", " ")) if word.casefold() not in _NO_TITLE
    ]
    text = " ".join(words).strip(" -:/")
    return text[:1].upper() + text[1:]


def key_of(header: str) -> str:
    """The key under which the values of a column without a better meaning are kept."""
    repeat = re.fullmatch(r"([^()]*)\((\d+)\)", header)
    return clean_key(f"{spaced(repeat.group(1).strip())}-{repeat.group(2)}" if repeat else header)

"""Which texts look like the label of a column and which like a value, and words that sheets use around their data.

English first, with the words of other languages that inventories are kept in. A word that is missing costs a weaker guess, never
a row.
"""

from __future__ import annotations

import re

_VALUE = re.compile(
    r"""
    [-+]?[\d.,'\u00a0 ]*\d\.?\s*(%|€|\$|£|[kKMG]i?B|ms|h)?                     # a number
    | \d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]\d{1,2}:\d{2}(:\d{2})?)?          # a date
    | (https?|ssh|git|ftp)://.*  | www\..*  | git@.*                        # an address
    | [^@\s]+@[^@\s]+\.[a-z]{2,}                                            # e-mail
    | true | false | yes | no | ja | nein | oui | non | [xX✓✔✗–-] | n/?a
    | [\#@][\w][\w.-]+                                                      # a channel, a person
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_HAS_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LABEL_WORDS = _words(
    """
    name names service services microservice component components app application applications system systems module modules
    title description desc summary purpose about owner owners owned owning team teams squad tribe group contact contacts lead
    maintainer maintainers responsible type kind category class lifecycle stage status state phase tier maturity repo repos
    repository repositories git github gitlab bitbucket source code scm url urls link links website homepage docs documentation wiki
    runbook playbook dashboard dashboards monitoring logs grafana kibana sentry datadog slack channel chat email mail tag tags
    label labels keywords dependency dependencies depends dependent uses upstream downstream calls requires api apis provides
    consumes endpoint endpoints domain area product project programme portfolio subsystem language languages tech technology stack
    framework runtime version environment environments env hosted hosting host hosts region cloud platform provider production
    prod staging note notes comment comments remark remarks id no nr number key ref reference criticality critical priority
    importance risk sla slo date since updated created reviewed modified cost costs budget private public visibility access
    security pii data database databases db storage queue topic topics oncall pager pagerduty escalation alerts support manager
    department unit business function location country namespace cluster port image registry pipeline ci cd build deploy deployed
    deployment size loc users role

    dienst dienste anwendung anwendungen bezeichnung beschreibung verantwortlich verantwortlicher verantwortliche zuständig
    ansprechpartner besitzer abteilung gruppe bereich fachbereich art typ kategorie zustand stand bemerkung bemerkungen kommentar
    kosten abhängigkeit abhängigkeiten schnittstelle schnittstellen produkt projekt sprache umgebung kritikalität kanal betrieb
    zweck titel anmerkung anmerkungen quelle quellcode

    nom service équipe equipe responsable propriétaire proprietaire statut état lien liens dépôt depot commentaire commentaires
    catégorie categorie domaine produit dépendances dependances canal langage objet

    nombre servicio equipo descripción descripcion dueño propietario estado enlace repositorio comentarios tipo dominio producto
    nome serviço descrição proprietário equipa squadra descrizione proprietario stato collegamento
    naam dienst omschrijving eigenaar beheerder opmerkingen soort
    nazwa usługa zespół opis właściciel stan repozytorium uwagi
    """
)
"""What columns of inventories are called, word by word."""

_SMALL_WORDS = _words("of the for in on by to a and or is s der die das des von für de du la le el")

TOTAL = re.compile(
    r"""
    (grand\s+|sub[\s-]?|overall\s+)?totals?(\s+\w+){0,2} | (summe|gesamt|gesamtsumme|insgesamt|zwischensumme|anzahl)(\s+\w+)?
    | sums? | count | average | mean | avg\.? | mittelwert | durchschnitt | (sous-)?total(\s+général)? | (sub)?totale?s? | totaal
    | suma | razem | somme
    """,
    re.VERBOSE | re.IGNORECASE,
)
REMARK = re.compile(
    r"\s*([*†©]|\(c\)|(notes?|nb|n\.b\.|legend|key|sources?|last updated|updated|as of|stand|legende|quelle|hinweis|"
    r"generated|exported|see|todo|confidential|page \d)\b)",
    re.IGNORECASE,
)
HEADING = re.compile(
    r"(team|squad|tribe|group|department|domain|area|section|division|unit|abteilung|bereich|gruppe|domäne|équipe|equipe|"
    r"domaine|equipo|zespół)\b",
    re.IGNORECASE,
)
HINT = re.compile(
    r"\(.*\)|\[.*\]|<.*>|(e\.g\.|eg\.?|z\. ?b\.|p\. ?ex\.|ex\.|example|i\.e\.)\W.*|(mandatory|required|optional|pflichtfeld|pflicht|free text|"
    r"text|string|freitext|drop-?down|choose|select)\b.{0,40}",
    re.IGNORECASE | re.DOTALL,
)

LONGEST_LABEL = 80
_YEAR = re.compile(r"(19|20)\d\d")


def is_value(text: str) -> bool:
    """Whether it is a number, a date, an address, a yes or no, a channel: what stands below a header, hardly ever in one."""
    return len(text) <= 500 and _VALUE.fullmatch(text.strip()) is not None


def is_number(text: str) -> bool:
    """Digits with what people put between and after them."""
    return bool(text) and not _HAS_LETTER.search(text.rstrip("kKMGiBmsh")) and any(c.isdigit() for c in text)


def is_label(text: str) -> bool:
    """Whether it could name a column. Years do."""
    if text in ("#", "№") or _YEAR.fullmatch(text):
        return True
    return (
        len(text) <= LONGEST_LABEL and text.count("\n") <= 3 and bool(_HAS_LETTER.search(text)) and not is_value(text)
    )


def is_known_label(text: str) -> bool:
    """Whether it is made of words that columns of inventories are called by."""
    if text in ("#", "№"):
        return True
    if len(text) > LONGEST_LABEL:
        return False
    words = [word.lower() for word in _WORD.findall(text)]
    words = [word for word in words if word not in _SMALL_WORDS]
    known = sum(word in _LABEL_WORDS or word.rstrip("s") in _LABEL_WORDS for word in words)
    return bool(words) and known > len(words) / 2

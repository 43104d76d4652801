"""The message catalogues, and that every word of a page comes from them."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markupsafe import Markup

import callboard
from callboard.ui.messages import MessageError, Messages, Text

SOURCE = Path(callboard.__file__).parent
TEMPLATES = sorted(SOURCE.glob("**/templates/**/*.html"))
# The gallery names parts and shows invented values; both are for those who build pages.
SHOWS_SAMPLES = {"gallery.html"}
# Ids that are put together at run time, by what they begin with.
COMPOSED = (
    "time.", "keys.", "language.", "error.", "nav.", "catalog.relation.", "catalog.facet.", "catalog.column.", "catalog.change.", "catalog.health.",
    "catalog.severity.", "catalog.step.", "catalog.state.", "catalog.why.outcome.", "catalog.tab.", "catalog.fact.", "catalog.kind.",
    "catalog.cause.", "catalog.file.", "graph.direction.", "importing.step.", "importing.stage.", "importing.count.", "importing.planned.", "importing.role.",
    "importing.roles.",
    "importing.confidence.", "importing.fact.", "importing.action.", "importing.cell.", "importing.sum.", "importing.tab.",
    "editing.field.", "editing.help.", "editing.group.", "importing.progress.", "importing.drift.", "importing.nothing_",
    "apis.rule.", "apis.why.", "apis.part.", "apis.fact.", "apis.mark.", "apis.level.", "apis.show.", "explore.card.", "explore.health.", "explore.consumers.none.", "explore.part.",
    "catalog.location.state.", "catalog.preview.", "editing.bulk.", "catalog.kinds.origin.", "catalog.kinds.change.", "catalog.kinds.type.",
    "github_actions.tab", "github_actions.word.", "github_actions.trouble.", "github_actions.do.", "github_actions.rerun.", "preferences.shortcuts", "preferences.visits", "home.card.", "admin.audit.", "admin.done.", "admin.job.", "admin.jobs.none.", "admin.plugin.state.", "admin.source.health.", "admin.tab.",
    "admin.token.", "admin.tokens.none.", "admin.way.", "admin.user.again", "admin.user.none", "admin.user.not_self", "editing.decisions.",
    "editing.laid.card", "editing.said.", "announcements.said.", "setup.step.", "setup.accent.", "setup.sample.", "setup.source.", "setup.fault.", "setup.check.", "setup.github_", "setup.gitlab_",
    "notifications.severity.", "notifications.from_severity.", "notifications.channel.", "notifications.do.", "notifications.rhythm.",
    "notifications.view.", "notifications.weekday.", "notifications.webhook.", "announcements.none.", "announcements.severity.",
    "announcements.when.", "settings.password.", "preferences.theme.", "importing.meaning.", "importing.match.way.", "importing.outcome.system", "importing.outcome.domain",
    "proposals.count.", "proposals.counted.", "proposals.confidence.", "proposals.facet.", "proposals.field.", "proposals.kind.", "proposals.none.",
    "catalog.mine.", "ownership.alias.", "ownership.card", "ownership.done.", "ownership.duplicates.", "ownership.field.", "ownership.handover.",
    "ownership.home", "ownership.means.", "ownership.merge.", "ownership.none_chosen", "ownership.outcome.", "ownership.owned.", "ownership.reason.",
    "ownership.reorganise.", "ownership.show.", "ownership.state.", "ownership.tell.", "ownership.trouble.", "ownership.way.", "ownership.way_of.",
    "proposals.one.", "proposals.scan.reads.", "proposals.stage.", "proposals.state.", "proposals.target.", "proposals.told.",
    "scaffolder.approve.", "scaffolder.day_two.", "scaffolder.lint.",
    "scaffolder.update.card", "scaffolder.update.made_from", "scaffolder.update.outcome.", "scaffolder.update.reason.",
    "scaffolder.form.fault.", "scaffolder.form.repository.",
    "scaffolder.page.card.title", "scaffolder.page.edit.made.", "scaffolder.page.edit.pane.", "scaffolder.page.facet.", "scaffolder.page.home.title",
    "catalog.search.entities", "preferences.searches", "search.facet.", "search.why.", "search.recent.cleared", "search.recent.forgotten", "search.none.told",
    "search.unanswered.",
    "search.synonyms.show.",
    "search.synonyms.source.",
    "search.synonyms.told.",
    "techdocs.render.", "techdocs.care.", "techdocs.column.", "techdocs.feedback.", "techdocs.problem.", "techdocs.problems.", "techdocs.reason.",
    "techdocs.search.type", "techdocs.show.", "techdocs.tab", "techdocs.title", "techdocs.card.read",
    "scaffolder.page.mark.", "scaffolder.page.state.", "scaffolder.page.tab.", "scaffolder.page.tasks.", "scaffolder.page.told.",
)  # fmt: skip
CATALOGUES = sorted({file.parent for file in SOURCE.glob("**/i18n/*.json")})
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_EXPRESSION = re.compile(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_USED = re.compile(r"""\b(?:t|translate|say|_?say\(request,\s*)\(?\s*["']([a-z_]+\.[a-z0-9_.]+)["']""")


class _Words(HTMLParser):
    """Collects text that a reader would see or hear, outside of code samples."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._quiet = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("code", "kbd", "script", "pre"):
            self._quiet += 1
        for name, value in attrs:
            if name in ("title", "aria-label", "placeholder", "alt") and value and re.search("[A-Za-z]{2}", value):
                if not value.startswith("https://"):  # an example of what to type is the same in every language
                    self.found.append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("code", "kbd", "script", "pre"):
            self._quiet -= 1

    def handle_data(self, data: str) -> None:
        if not self._quiet and re.search("[A-Za-z]{2}", data):
            self.found.append(data.strip())


def raw_words(template: str) -> list[str]:
    """Words in a template that no message gives."""
    parser = _Words()
    parser.feed(_EXPRESSION.sub("", template).replace("&nbsp;", ""))
    return [w for w in parser.found if w != "esc"]


def test_the_check_for_raw_words_finds_text_and_spoken_attributes() -> None:
    """The check itself: it reports text and labels, and passes over code and expressions."""
    assert raw_words('<p>{{ t("a.b") }}</p><code>GET</code><kbd>j</kbd>') == []
    assert raw_words('<p>Hello</p><a title="More">{{ x }}</a>') == ["Hello", "More"]


@pytest.mark.parametrize("path", [p for p in TEMPLATES if p.name not in SHOWS_SAMPLES], ids=lambda p: p.name)
def test_templates_hold_no_raw_words(path: Path) -> None:
    """Every word that a page says is a message."""
    assert raw_words(path.read_text("utf-8")) == []


def _used_ids() -> set[str]:
    files = [
        *TEMPLATES,
        *SOURCE.glob("ui/**/*.py"),
        *SOURCE.glob("features/*/pages/*.py"),
        *SOURCE.glob("features/*/views/*.py"),
        *SOURCE.glob("features/*/channels/*.py"),
        *SOURCE.glob("features/*/mails/*"),
        *SOURCE.glob("features/*/pages.py"),
        *SOURCE.glob("features/*/views.py"),
        *SOURCE.glob("features/*/graph/*.py"),
        *SOURCE.glob("features/*/plugin.py"),
        *SOURCE.glob("features/*/apis/*.py"),
        *SOURCE.glob("features/*/explore/*.py"),
        *SOURCE.glob("features/*/personal/*.py"),
        *SOURCE.glob("features/*/forms/*.py"),
        *SOURCE.glob("features/*/approvals/*.py"),
        *SOURCE.glob("features/*/day_two/*.py"),
        *SOURCE.glob("features/*/linting/*.py"),
        *SOURCE.glob("features/*/updates/**/*.py"),
        *SOURCE.glob("features/*/domain/**/*.py"),
        *SOURCE.glob("features/*/planner.py"),
        *SOURCE.glob("features/*/people.py"),
        *SOURCE.glob("features/*/queue.py"),
        *SOURCE.glob("integrations/*/*.py"),
    ]
    files += SOURCE.glob("kernel/web/*.py")
    return {id for file in files for id in _USED.findall(file.read_text("utf-8"))}


def test_every_message_that_is_named_exists(messages: Messages) -> None:
    """No page asks for a message that is not there."""
    assert {id for id in _used_ids() if id not in messages.catalogues["en"] and not id.endswith(".")} == set()


def test_every_message_is_used(messages: Messages) -> None:
    """A message that nothing names is taken out of the catalogue."""
    used = _used_ids()
    assert [id for id in messages.catalogues["en"] if id not in used and not id.startswith(COMPOSED)] == []


def _forms(text: Text) -> dict[str, str]:
    return {"": text} if isinstance(text, str) else dict(text)


def _lacks(english: dict[str, Text], other: dict[str, Text]) -> list[str]:
    """What is wrong with a translation, a line for each message."""
    found = [f"{id}: is not translated" for id in english if id not in other]
    found += [f"{id}: is no message any more" for id in other if id not in english]
    for id in english.keys() & other.keys():
        ours, theirs = _forms(english[id]), _forms(other[id])
        if isinstance(english[id], str) != isinstance(other[id], str) or ("zero" in ours) != ("zero" in theirs):
            found.append(f"{id}: has other plural forms")
        wanted, given = (
            {name for text in forms.values() for name in _PLACEHOLDER.findall(text)} for forms in (ours, theirs)
        )
        if wanted != given:
            found.append(f"{id}: names {sorted(given)} instead of {sorted(wanted)}")
        if not all(text.strip() for text in theirs.values()):
            found.append(f"{id}: is empty")
    return sorted(found)


@pytest.mark.parametrize("folder", CATALOGUES, ids=lambda folder: folder.parent.name)
def test_german_is_complete(folder: Path) -> None:
    """Each package with words has all of them in German, with the same arguments and plural forms."""
    english, german = (
        json.loads(file.read_text("utf-8")) if file.exists() else {}
        for file in (folder / "en.json", folder / "de.json")
    )
    assert _lacks(english, german) == [], f"of {folder.relative_to(SOURCE)}/de.json"


def test_what_a_translation_lacks_is_named() -> None:
    """The check itself: a message that is missing, one too many, another argument, another form, nothing in it."""
    english: dict[str, Text] = {"a": "x", "b": "{n}", "c": {"one": "1", "other": "{n}"}, "d": "x"}
    assert _lacks(english, dict(english)) == []
    assert _lacks(english, {"b": "{m}", "c": "{n}", "d": " ", "e": "y"}) == [
        "a: is not translated", "b: names ['m'] instead of ['n']", "c: has other plural forms", "d: is empty",
        "e: is no message any more",
    ]  # fmt: skip


def test_plural_forms_follow_the_language() -> None:
    """One, few and many are picked by the rules of the locale."""
    texts = Messages(
        {
            "en": {"x": {"one": "{n} row", "other": "{n} rows"}},
            "uk": {"x": {"one": "1", "few": "2", "many": "5", "other": "x"}},
        }
    )
    english, ukrainian = texts.translator("en"), texts.translator("uk")
    assert [english("x", n=n) for n in (0, 1, 2, 12345)] == ["0 rows", "1 row", "2 rows", "12,345 rows"]
    assert [ukrainian("x", n=n) for n in (1, 2, 5, 11, 21)] == ["1", "2", "5", "5", "1"]


def test_markup_arguments_keep_the_rest_escaped() -> None:
    """A message with a link in it stays safe: its text and its plain arguments are escaped."""
    t = Messages({"en": {"x": "<b> {who} {link}"}}).translator("en")
    said = t("x", who="<i>", link=Markup("<a>ok</a>"))
    assert said == Markup("&lt;b&gt; &lt;i&gt; <a>ok</a>")


def test_unknown_messages_and_missing_arguments_are_errors() -> None:
    """Neither is papered over with the id."""
    t = Messages({"en": {"x": "{who}"}}).translator("en")
    with pytest.raises(MessageError):
        t("y")
    with pytest.raises(MessageError):
        t("x", whom="z")

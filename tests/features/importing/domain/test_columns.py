"""What columns mean: headers in many words, values that speak for or against them, one owner a sheet."""

from __future__ import annotations

import pytest

from callboard.features.importing.domain import guess_columns, mapping_from
from callboard.features.importing.interface import ONCE, Surroundings, Table
from tests.features.importing.domain.tables import roles, table


def guessed(header: str, *values: str) -> str:
    """The role of a column beside a column of names."""
    rows = [(f"service-{n}", value) for n, value in enumerate(values)]
    return roles(guess_columns(table(["Service", header], *rows)))[header]


@pytest.mark.parametrize(
    ("header", "values", "role"),
    [
        ("Team", ["Money", "Sales", "Money"], "owner"),
        ("Responsible team", ["Money", "Sales"], "owner"),
        ("Zuständiges Team", ["Geld", "Post"], "owner"),
        ("Équipe", ["Trésorerie", "Données"], "owner"),
        ("Our service owner", ["Money", "Sales"], "owner"),
        ("Team / Name", ["Money", "Sales"], "owner"),
        ("Beschreibung", ["Prüft alle Rechnungen", "Zahlt Löhne aus"], "description"),
        ("Hängt ab von", ["Hauptbuch", "Kasse, Lager"], "depends_on"),
        ("Display Name", ["Pay Me", "Shop Now"], "title"),
        ("Type", ["service", "library", "service"], "type"),
        ("Category", ["batch", "web", "web"], "type"),
        ("Status", ["live", "retired", "beta"], "lifecycle"),
        ("Lifecycle", ["production", "experimental"], "lifecycle"),
        ("Product", ["Checkout", "Search"], "system"),
        ("Business domain", ["Sales", "Money"], "domain"),
        ("Repo", ["https://github.com/acme/pay", "https://github.com/acme/shop"], "repository"),
        ("Links / Repository", ["https://code.example/pay", "https://code.example/shop"], "repository"),
        ("Where the code is", ["https://github.com/acme/pay", "https://github.com/acme/shop"], "repository"),
        ("Runbook", ["https://wiki.example/a", ""], "link:Runbook"),
        ("URL", ["https://a.example", "https://b.example"], "link"),
        ("See", ["https://a.example", "https://b.example"], "link:See"),
        ("metrics_dashboard_url", ["", "false"], "link:Metrics dashboard"),
        ("Tech stack", ["java, kotlin", "go"], "tags"),
        ("Slack", ["#pay", "#shop"], "chat"),
        ("Depends on", ["service-1", "service-0"], "depends_on"),
        ("Dependencies", ["12", "7"], "annotation:dependencies"),
        ("Consumes APIs", ["pay-api", "shop-api"], "consumes_apis"),
        ("providesApis", ["pay-api", "shop-api"], "provides_apis"),
        ("Namespace", ["shop", "pay"], "namespace"),
        ("PagerDuty service ID", ["PABC12", "PXYZ34"], "annotation:pagerduty.com/service-id"),
        ("Sonar key", ["acme:pay", "acme:shop"], "annotation:sonarqube.org/project-key"),
        ("example.com/cost-centre", ["00123", "00124"], "annotation:example.com/cost-centre"),
        ("Tier", ["1", "2", "1"], "label:tier"),
        ("Criticality", ["high", "low", "high"], "label:criticality"),
        ("Public", ["true", "false", "true"], "label:public"),
        ("Cost", ["120.50", "10.30"], "annotation:cost"),
        ("Notes", ["nightly", "nobody knows"], "description"),
        ("Last updated", ["2026-01-01", "2026-01-02"], "annotation:last-updated"),
        ("Environment", ["prod", "staging", "prod"], "label:environment"),
        ("Former team", ["Money", "Sales", "Money"], "label:former-team"),
        ("Empty", ["", ""], "ignore"),
        ("#", ["1", "2"], "ignore"),
        ("Private repo", ["true", "false", "true"], "label:private-repo"),
        ("annotation:acme.io/x", ["a", "b"], "annotation:acme.io/x"),
        ("metadata.labels.tier", ["gold", "tin"], "label:tier"),
        ("spec.subcomponentOf", ["shop", ""], "field:spec.subcomponentOf"),
        ("spec.owner", ["group:default/a", "group:default/b"], "owner"),
    ],
)  # fmt: skip
def test_a_column_is_guessed_from_its_header_and_values(header: str, values: list[str], role: str) -> None:
    """The words of a header propose, the values decide."""
    assert guessed(header, *values) == role


def test_a_second_owner_is_no_owner() -> None:
    """The surest column has the role that stands once; the other is kept, and offers the role as its next guess."""
    guesses = guess_columns(table("Service|Owner|Business owner", "pay|Money|Ada", "shop|Sales|Bo", "mail|Money|Ada"))
    assert roles(guesses)["Owner"] == "owner"
    assert roles(guesses)["Business owner"].startswith(("label", "annotation"))
    for role in ONCE:
        assert sum(1 for guess in guesses if guess.mapping.role == role) <= 1


def test_the_refs_of_a_sheet_are_names_and_what_people_read_is_the_title() -> None:
    """Beside names for people a column with all different slugs makes the better refs."""
    found = roles(guess_columns(table("Name|Slug", "Payments API|pay-api", "The shop|shop", "Mail, incoming|mail-in")))
    assert found == {"Name": "title", "Slug": "name"}


def test_numbers_and_tickets_are_no_names() -> None:
    """An ID of digits or tickets does not take the place of the name."""
    assert roles(guess_columns(table("ID|Name", "17|Payments API", "18|The shop")))["Name"] == "name"
    assert roles(guess_columns(table("ID|Name", "SVC-17|Payments API", "SVC-18|The shop")))["Name"] == "name"


def test_a_second_name_is_one_only_where_it_helps() -> None:
    """Where the first name repeats, the column that tells its rows apart; else it is the title, or nothing."""
    helps = table("repo|app name", "pay|", "mono|mono-web", "mono|mono-api")
    assert roles(guess_columns(helps)) == {"repo": "repository", "app name": "name"} or [
        guess.mapping.role for guess in guess_columns(helps)
    ] == ["name", "name"]
    plain = table("repo name|app name", "pay|Pay Me", "shop|Shop Now")
    assert roles(guess_columns(plain)) == {"repo name": "name", "app name": "title"}


def test_without_a_header_for_names_something_is_the_name() -> None:
    """The repository, or the first column whose values are all different: a sheet without names could make nothing."""
    repositories = table("Code|Team", "https://github.com/acme/pay|Money", "https://github.com/acme/shop|Money")
    assert roles(guess_columns(repositories)) == {"Code": "name", "Team": "owner"}
    unnamed = table("Column A|Column B|Column C", "1|pay|Money", "2|shop|Money", "3|mail|Sales")
    assert roles(guess_columns(unnamed))["Column B"] == "name"


def test_channels_own_where_nothing_else_does() -> None:
    """Shared channels are teams when no column says who owns; with an owner they are where to chat."""
    rows = ["pay|#money", "shop|#sales", "ledger|#money"]
    assert roles(guess_columns(table("Service|Column B", *rows)))["Column B"] == "owner"
    assert roles(guess_columns(table("Service|Column B|Team", *[f"{row}|Money" for row in rows])))["Column B"] == "chat"


def test_values_that_name_people_of_the_catalog_speak_for_an_owner() -> None:
    """What groups and users are called makes the owner of a column whose header says nothing."""
    sheet = table("Service|Who knows", "pay|money", "shop|Sales Team", "mail|money")
    known = Surroundings(people={"group:default/money": ["money"], "group:default/sales": ["sales", "Sales Team"]})
    assert roles(guess_columns(sheet, known))["Who knows"] == "owner"
    assert roles(guess_columns(sheet))["Who knows"] != "owner"


def test_types_that_are_kinds_are_the_kind() -> None:
    """``Type: Component, API, Resource`` says kinds; with a kind beside it the type stays a type."""
    rows = ["pay|Component", "pay-api|API", "pay-db|Resource"]
    assert roles(guess_columns(table("Name|Type", *rows)))["Type"] == "kind"


def test_the_header_of_the_names_says_what_they_are() -> None:
    """``Database`` above the names makes resources, ``Library`` components of that type."""
    databases = mapping_from(guess_columns(table("Database|Owner", "ledger-db|Money", "shop-db|Sales")))
    assert (databases.kind, databases.type) == ("Resource", "database")
    libraries = mapping_from(guess_columns(table("Library|Team", "sums|Money", "words|Sales")))
    assert (libraries.kind, libraries.type) == ("Component", "library")
    plain = mapping_from(guess_columns(table("Name|Team", "sums|Money", "words|Sales")))
    assert (plain.kind, plain.type) == ("Component", "service")


def test_keys_are_never_used_twice() -> None:
    """Two columns whose headers make one key keep both their values."""
    guesses = guess_columns(table("Name|Cost (EUR)|Cost EUR", "pay|1.20|3.40", "shop|5.60|7.80"))
    keys = [guess.mapping.key for guess in guesses if guess.mapping.role in ("annotation", "label")]
    assert keys == ["cost-eur", "cost-eur-2"]


def test_guesses_tell_samples_and_what_else_would_fit() -> None:
    """Each guess has a reason in words, a few values, and further roles, best first."""
    guess = guess_columns(table("Service|Team", "pay|#money", "shop|#sales", "mail|#money"))[1]
    assert guess.samples == ("#money", "#sales")
    assert guess.mapping.role not in guess.others
    assert "chat" in guess.others
    assert "'team'" in guess.reason


def test_the_surer_name_is_asked_first() -> None:
    """Wherever its column stands: the order of the mapping is the order in which names are asked."""
    sheet = table("App name|Repo name|Team", "|pay|Money", "mono-web|mono|Money", "mono-api|mono|Money")
    names = [column.column for column in mapping_from(guess_columns(sheet)).of("name")]
    assert names == ["Repo name", "App name"]


@pytest.mark.parametrize("sheet", [Table("s", 1, (), ()), table("Name|Team"), table("|", "|")])
def test_sheets_without_anything_are_guessed_too(sheet: Table) -> None:
    """One guess a column, whatever there is."""
    assert len(guess_columns(sheet)) == len(sheet.columns)


def test_guesses_do_not_change() -> None:
    """The same table gives the same guesses."""
    sheet = table("Service|Team|x|y", "pay|a|1|2", "shop|b|3|4")
    assert guess_columns(sheet) == guess_columns(sheet)

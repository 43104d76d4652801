"""What is proposed for a tree: each thing with its name, type, owner and relations, and each field with the line that says so."""

from __future__ import annotations

import json
import time

import pytest

from callboard.features.proposals.domain.proposing import propose
from callboard.features.proposals.domain.values import Limits, RepositoryFacts, Tree
from tests.features.proposals.trees import LEDGER, SHOP, drafts, facts_of, look, values

FILES = {
    "npm": ("package.json", '{"name": "till", "dependencies": {"express": "4"}}'),
    "pyproject": ("pyproject.toml", '[project]\nname = "till"\ndependencies = ["Django>=5", "gunicorn"]\n'),
    "poetry": ("pyproject.toml", '[tool.poetry]\nname = "till"\n[tool.poetry.dependencies]\npython = "^3.12"\nflask = "^3"\n'),
    "setup.cfg": ("setup.cfg", "[metadata]\nname = till\n[options]\ninstall_requires =\n    flask\n    gunicorn\n"),
    "setup.py": ("setup.py", 'import os\nos.abort()\nsetup(name="till", install_requires=["flask", "gunicorn"])\n'),
    "go": ("go.mod", "module example.org/till\n\nrequire (\n\tgithub.com/labstack/echo/v4 v4.1.0\n)\n"),
    "cargo": ("Cargo.toml", '[package]\nname = "till"\n[dependencies]\naxum = "0.8"\n'),
    "maven": (
        "pom.xml",
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><artifactId>till</artifactId><packaging>war</packaging></project>',
    ),
    "gradle": ("build.gradle.kts", 'plugins { id("org.springframework.boot") version "3" }\n// application\n'),
    "gradle, groovy": ("build.gradle", "apply plugin: 'org.springframework.boot'\ndependencies { implementation 'a.b:spring-boot-starter-web:3' }\n"),
    "gemfile": ("Gemfile", "source 'https://rubygems.org'\ngem 'rails', '~> 8'\n"),
    "composer": ("composer.json", '{"name": "acme/till", "require": {"php": ">=8", "laravel/framework": "^11"}}'),
    "dotnet": ("Till.csproj", '<Project Sdk="Microsoft.NET.Sdk.Web"></Project>'),
    "mix": ("mix.exs", "def project do [app: :till, deps: deps()] end\ndefp deps do [{:phoenix, \"~> 1.7\"}] end\n"),
}  # fmt: skip


@pytest.mark.parametrize("sort", FILES)
def test_each_tool_names_a_service(sort: str):
    """Name and type come out of the manifest of every tool that is read; setup.py is not run."""
    path, text = FILES[sort]
    found = drafts({path: text}, facts_of("till"))["component:"]
    assert (found.name, found.fields["spec.type"].value) == ("till", "service")
    assert found.fields["spec.type"].evidence[0].path == path
    assert found.fields["spec.type"].confidence != "guess"


LIBRARIES = {
    "package.json": '{"name": "money", "exports": "./index.js"}',
    "go.mod": "module example.org/money/v3\n",
    "Cargo.toml": '[package]\nname = "money"\n',
    "build.gradle": "plugins { id 'java-library' }\n",
    "money.gemspec": 'Gem::Specification.new do |s|\n  s.name = "money"\nend\n',
    "composer.json": '{"name": "acme/money", "type": "library"}',
    "Money.csproj": '<Project Sdk="Microsoft.NET.Sdk"></Project>',
    "pyproject.toml": '[project]\nname = "money"\n[build-system]\nrequires = ["hatchling"]\n',
}


@pytest.mark.parametrize("path", LIBRARIES)
def test_what_nothing_runs_is_a_library(path: str):
    """Packages that others take in, in every tool that can tell."""
    found = drafts({path: LIBRARIES[path]}, facts_of("money"))["component:"]
    assert (found.name, found.fields["spec.type"].value) == ("money", "library")


def test_a_monorepo_is_a_system_of_its_packages():
    """One component a folder, the repository as their system, an API for each definition, a resource for each store."""
    found = drafts(SHOP)
    assert {key: (draft.name, draft.fields["spec.type"].value if "spec.type" in draft.fields else "") for key, draft in found.items()} == {
        "system:": ("shop", ""),
        "component:packages/money": ("money", "library"), "component:payments": ("payments", "service"),
        "component:services/orders": ("orders", "service"), "component:services/web": ("shop-web", "website"),
        "api:contracts/payments.proto": ("payments", "grpc"), "api:services/orders/openapi.yaml": ("orders-api", "openapi"),
        "resource::db": ("orders-db", "database"), "resource::events": ("orders-events", "message-broker"),
        "group:@acme/platform": ("platform", "team"), "group:@acme/orders": ("orders", "team"),
        "group:@acme/storefront": ("storefront", "team"),
    }  # fmt: skip
    assert all(
        draft.fields["spec.system"].value == "=system:"
        for draft in found.values()
        if draft.kind in ("Component", "API", "Resource")
    )


def test_relations_come_from_packages_services_and_hosts():
    """A workspace's package, what compose starts before it, and a host in an environment variable: each with its line."""
    orders = drafts(SHOP)["component:services/orders"]
    assert values(orders) | {"spec.dependsOn": sorted(orders.fields["spec.dependsOn"].value)} == values(orders) | {
        "spec.dependsOn": ["=component:packages/money", "=component:payments", "=resource::db", "=resource::events"],
        "spec.providesApis": ["=api:services/orders/openapi.yaml"],
        "spec.consumesApis": ["=api:contracts/payments.proto"],
    }
    said = {(one.path, one.line) for one in orders.fields["spec.dependsOn"].evidence}
    assert said == {("services/orders/package.json", 7), ("compose.yaml", 4), ("compose.yaml", 6)}
    assert orders.fields["spec.consumesApis"].confidence == "guess"


def test_every_value_says_where_it_comes_from():
    """No field without a reason, and each line that is named is in its file."""
    for draft in look(SHOP).drafts:
        for field in draft.fields.values():
            assert field.evidence and all(one.reason for one in field.evidence), draft.key
            for one in field.evidence:
                assert not one.path or one.path in SHOP
                assert one.line is None or 1 <= one.line <= SHOP[one.path].count("\n") + 1, one


def test_owners_are_those_of_most_files():
    """Of a folder's own files, without those of packages inside of it."""
    found = drafts(SHOP)
    assert [owner.said for owner in found["component:services/orders"].owners] == ["@acme/orders", "@ada"]
    assert [owner.said for owner in found["component:payments"].owners] == ["pay@acme.example"]
    assert [owner.said for owner in found["system:"].owners] == ["@acme/platform"]
    assert found["component:services/orders"].owners[0].evidence[0].line == 3


def test_addresses_and_slugs_are_those_of_the_host():
    """Annotations by which the catalog and its tools know where code lies, for each kind of host."""
    cases = {
        "github": ("https://github.com/acme/till", "url:https://github.com/acme/till/tree/main/", "github.com/project-slug", "acme/till"),
        "gitlab": ("https://gitlab.com/acme/sub/till", "url:https://gitlab.com/acme/sub/till/-/tree/main/", "gitlab.com/project-slug", "acme/sub/till"),
        "gitea": ("https://git.test/acme/till", "url:https://git.test/acme/till/src/branch/main/", "", ""),
        "azure": ("https://dev.azure.com/acme/shop/_git/till", "url:https://dev.azure.com/acme/shop/_git/till?path=/&version=main", "dev.azure.com/project-repo", "shop/till"),
    }  # fmt: skip
    for kind, (url, where, key, slug) in cases.items():
        said = "acme/shop/till" if kind == "azure" else "/".join(url.split("/")[3:])
        found = values(drafts(LEDGER, RepositoryFacts("till", url, kind, said, "main"))["component:"])
        assert found["metadata.annotations.backstage.io/source-location"] == where
        assert not key or found[f"metadata.annotations.{key}"] == slug


def test_text_comes_from_the_manifest_then_the_readme():
    """What the package says of itself counts first; of a README the title and the first paragraph, without its marks."""
    found = drafts(SHOP)
    assert found["component:services/orders"].fields["metadata.description"].value == "Takes orders and remembers them."
    assert values(found["system:"])["metadata.title"] == "The shop"
    assert values(found["system:"])["metadata.description"] == "Everything that acme sells from, in one repository."


@pytest.mark.parametrize(
    ("files", "lifecycle"),
    [
        ({"README.md": "# X\n\n**DEPRECATED**: use y.\n"}, "deprecated"),
        ({"README.md": "# X\n\nA proof of concept for somebody.\n"}, "experimental"),
        ({"package.json": '{"name": "x", "version": "2.0.0-beta.1"}'}, "experimental"),
        ({".github/workflows/deploy.yml": "", "main.tf": ""}, "production"),
    ],
)
def test_the_lifecycle_is_what_people_wrote(files: dict[str, str], lifecycle: str):
    """A README that speaks of the end, or of the beginning; a version; builds that deploy."""
    assert drafts(files)["component:"].fields["spec.lifecycle"].value == lifecycle


def test_an_archived_repository_is_deprecated():
    """Its host says so."""
    found = drafts(LEDGER, facts_of("ledger", is_archived=True))["component:"]
    assert (found.fields["spec.lifecycle"].value, found.fields["spec.lifecycle"].confidence) == ("deprecated", "high")


def test_charts_bring_what_they_depend_on():
    """A chart of the same name belongs to the component; a database that compose starts, too, is one database."""
    chart = "name: ledger\ndependencies:\n  - name: postgresql\n  - name: redis\n"
    files = {
        **LEDGER,
        "charts/ledger/Chart.yaml": chart,
        "compose.yaml": "services:\n  ledger: {build: .}\n  postgres: {image: 'postgres:16'}\n",
    }
    found = drafts(files, facts_of("ledger"))
    assert sorted(found["component:"].fields["spec.dependsOn"].value) == [
        "=resource::postgres",
        "=resource:charts/ledger:redis",
    ]
    assert len(found["resource::postgres"].evidence) == 2


def test_what_is_described_is_not_proposed_again():
    """A folder with a catalog-info.yaml is told of, and left alone; the others are proposed."""
    found = look({**SHOP, "services/orders/catalog-info.yaml": "kind: Component\n"})
    assert "component:services/orders" not in {draft.key for draft in found.drafts}
    assert any("services/orders/catalog-info.yaml" in note for note in found.notes)


def test_tests_examples_and_what_others_wrote_are_passed_over():
    """Manifests in such folders are no components; how many there are is told."""
    found = look(
        {
            **LEDGER,
            "examples/a/package.json": '{"name": "a"}',
            "tests/b/go.mod": "module b\n",
            "vendor/c/Cargo.toml": '[package]\nname = "c"',
        }
    )
    assert [draft.key for draft in found.drafts if draft.kind == "Component"] == ["component:"]
    assert any("2 manifests" in note for note in found.notes)


def test_a_template_is_not_taken_for_a_value():
    """Skeletons hold ``${{ values.name }}`` where a name will stand."""
    found = drafts(
        {"package.json": '{"name": "${{ values.name }}", "description": "${{ values.about }}"}'}, facts_of("skeleton")
    )
    assert found["component:"].name == "skeleton" and "metadata.description" not in found["component:"].fields


def test_the_corpus_of_templates_is_read_whole(shared):
    """Real skeletons, as found: each gives at least one component and nothing raises."""
    folders = sorted((shared / "corpus" / "templates").glob("*/src"))
    seen = 0
    for folder in folders:
        files = {
            str(path.relative_to(folder)): path.read_bytes().decode("utf-8", "replace")
            for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
        }  # fmt: skip
        for root in {
            path.rpartition("/")[0] for path in files if path.endswith(("package.json", "pom.xml", "pyproject.toml"))
        }:
            inner = {path.removeprefix(f"{root}/"): text for path, text in files.items() if path.startswith(f"{root}/")}
            found = look(inner, facts_of("skeleton"))
            assert any(draft.kind == "Component" for draft in found.drafts) or found.notes
            seen += 1
    assert len(folders) > 30 and seen >= 8


# ---- hostile input ---------------------------------------------------------------------------------------------------------

BOMBS = {
    "pom.xml": '<!DOCTYPE p [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><project><artifactId>&b;</artifactId></project>',
    "package.json": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "a/package.json": '{"name": "a", "x": ' + "[" * 50_000 + "]" * 50_000 + "}",
    "pyproject.toml": "a = " + "[" * 60_000,
    "Cargo.toml": "[package]\nname = 'x'\n" + "[" * 50_000,
    "compose.yaml": "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)},*{chr(97 + n)},*{chr(97 + n)},*{chr(97 + n)},*{chr(97 + n)},*{chr(97 + n)}]\n" for n in range(9)),
    "setup.py": "setup(name=" + "(" * 5_000 + ")" * 5_000 + ")",
    "build.gradle": "/*" * 200_000 + "id 'x'" + '"' * 100_000,
    "Gemfile": "gem '" * 80_000,
    "CODEOWNERS": "*a" * 900 + " @a/b\n" + "**/" * 300 + "x @a/b\n" + "?*" * 300 + " @c/d\n",
    "README.md": "[" * 200_000 + "\n" + "<" * 200_000 + "![" * 100_000,
    "openapi.json": '{"openapi": "3.0.0", "info": ' + "{" * 30 + '"a":1' + "}" * 30 + "}",
    "x.proto": "service A {" * 30_000,
    "schema.graphql": "type " * 90_000 + "\n" * 90_000,
    "b/package.json": '{"name": "\\ud800", "description": "\\udfff and so on, long enough"}',
    "mix.exs": "{:a, " * 60_000,
}  # fmt: skip


@pytest.mark.parametrize("path", BOMBS)
def test_hostile_files_are_refused_quickly(path: str):
    """Entities, depth, aliases, expressions that would go back and forth: read or refused, within a second, and storable."""
    begun = time.monotonic()
    found = look({path: BOMBS[path], "src/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/main.c": ""})
    assert time.monotonic() - begun < 2.0
    assert found.drafts
    json.dumps([values(draft) for draft in found.drafts], ensure_ascii=False).encode()
    assert "aaaaaaaaaaaaaaaaaaaa" not in found.drafts[0].name


def test_thousands_of_manifests_are_bounded_and_told():
    """What is over a limit is left out with a note, and it stays quick."""
    files = {
        f"packages/p{n}/package.json": f'{{"name": "p{n}", "dependencies": {{"p{n + 1}": "1"}}}}' for n in range(5_000)
    }
    files |= {"CODEOWNERS": "".join(f"/packages/p{n}/ @acme/t{n}\n" for n in range(3_000))}
    begun = time.monotonic()
    found = look(files)
    assert time.monotonic() - begun < 10
    assert len(found.drafts) <= Limits().drafts
    assert any("2000 are the limit" in note for note in found.notes)
    assert any("parts were found" in note for note in found.notes) and any(
        "more than 2000 rules" in note for note in found.notes
    )


def test_large_files_are_named_and_not_read():
    """A file over the limit is told by name."""
    found = look({**LEDGER, "web/package.json": " " * 600_000})
    assert any("web/package.json" in note for note in found.notes)


def test_an_empty_repository_proposes_nothing():
    """And says so by giving nothing."""
    assert propose(Tree((), {}), facts_of()).drafts == ()


def test_the_same_tree_gives_the_same():
    """Whatever the order in which files came."""
    turned = dict(reversed(list(SHOP.items())))
    assert look(SHOP) == look(turned)


def test_addresses_lose_their_credentials():
    """A homepage with a password in it is shown without."""
    found = drafts({"package.json": '{"name": "x", "homepage": "https://ada:secret@example.org/x"}'})["component:"]
    assert found.fields["metadata.links"].value == [{"url": "https://example.org/x", "title": "Home page"}]


def test_links_that_are_no_web_addresses_are_left_out():
    """Neither scripts nor files become links."""
    assert (
        "metadata.links"
        not in drafts({"package.json": '{"name": "x", "homepage": "javascript:alert(1)"}'})["component:"].fields
    )

"""The fields of a component, each with the evidence that it was taken from."""

from __future__ import annotations

import re
from typing import Mapping, Sequence

from callboard.features.importing.interface.matching import clean_tag
from callboard.features.proposals.domain import addresses
from callboard.features.proposals.domain.manifests.values import LANGUAGES
from callboard.features.proposals.domain.parts import Part
from callboard.features.proposals.domain.readme import shorten
from callboard.features.proposals.domain.values import Evidence, Field, RepositoryFacts, unique
from callboard.features.proposals.domain.words import say

MAX_TAGS = 8
MAX_KEYWORDS = 4
_EARLY = re.compile(r"(?:^|[.-])(?:alpha|beta|rc|dev|snapshot|pre)", re.IGNORECASE)


def title_of(part: Part, facts: RepositoryFacts, name: str) -> Field | None:
    readme = part.readme
    if readme is None or not readme.title or readme.title.lower() in (name, facts.name.lower()):
        return None
    return Field(
        readme.title, "likely", (Evidence(say("proposals.why.readme_headed"), readme.path, readme.title_line),)
    )


def description_of(part: Part, facts: RepositoryFacts, *, is_only: bool) -> Field | None:
    for manifest in sorted(part.manifests, key=lambda one: one is not part.main):
        if len(manifest.description) > 10 and "TODO" not in manifest.description:
            evidence = manifest.says(say("proposals.why.package_says"), manifest.description[:40])
            return Field(shorten(" ".join(manifest.description.split())), "high", (evidence,))
    if part.readme is not None and part.readme.description:
        evidence = Evidence(say("proposals.why.first_paragraph_readme"), part.readme.path, part.readme.description_line)
        return Field(part.readme.description, "likely", (evidence,))
    if facts.description and is_only:
        return Field(
            shorten(facts.description), "high", (Evidence(say("proposals.why.repository_s_description_host")),)
        )
    chart = next(
        (one for one in part.charts if one.description and not one.description.startswith("A Helm chart for")), None
    )
    if chart is not None:
        return Field(shorten(chart.description), "likely", (Evidence(say("proposals.why.chart_says"), chart.path),))
    return None


def lifecycle_of(part: Part, facts: RepositoryFacts, root: Part | None, ci: tuple[str, Evidence, bool] | None) -> Field:
    if facts.is_archived:
        return Field("deprecated", "high", (Evidence(say("proposals.why.repository_archived_host")),))
    for readme in filter(None, (part.readme, root.readme if root else None)):
        if readme.lifecycle:
            evidence = Evidence(say("proposals.why.readme_says", word=readme.word), readme.path, readme.lifecycle_line)
            return Field(readme.lifecycle, "likely", (evidence,))
    main = part.main
    if main is not None and main.version and _EARLY.search(main.version) and not main.version.startswith("0.0.0"):
        evidence = main.says(say("proposals.why.version", version=main.version), main.version)
        return Field("experimental", "guess", (evidence,))
    if ci is not None and ci[2]:
        return Field(
            "production", "likely", (Evidence(say("proposals.why.deploys_or_releases", ci=ci[0]), ci[1].path, 1),)
        )
    return Field("production", "guess", (Evidence(say("proposals.why.nothing_says_anything_else")),))


def tags_of(part: Part, facts: RepositoryFacts, license: tuple[str, Evidence] | None, *, is_only: bool) -> Field | None:
    found: dict[str, Evidence] = {}

    def add(said: str, evidence: Evidence) -> None:
        tag, _ = clean_tag(said)
        if tag and tag not in found and len(found) < MAX_TAGS:
            found[tag] = evidence

    for manifest in sorted(part.manifests, key=lambda one: one is not part.main):
        language = LANGUAGES[manifest.ecosystem]
        if "typescript" in manifest.tags or "kotlin" in manifest.tags:
            language = "typescript" if "typescript" in manifest.tags else "kotlin"
        add(language, Evidence(say("proposals.why.package_one", ecosystem=manifest.ecosystem), manifest.path, 1))
        for tag in manifest.tags:
            add(tag, Evidence(say("proposals.why.uses", tag=tag), manifest.path, manifest.line(tag)))
    for topic in facts.topics if is_only else ():
        add(topic, Evidence(say("proposals.why.topic_repository_host")))
    for manifest in part.manifests:
        for word in manifest.keywords[:MAX_KEYWORDS]:
            add(word, manifest.says(say("proposals.why.keyword_package"), f'"{word}"', word))
    said = next(
        (
            (one.license, one.says(say("proposals.why.package_names_licence"), one.license))
            for one in part.manifests
            if one.license
        ),
        None,
    )
    named = license or (said if said and len(said[0]) < 25 else None)
    if named is not None:
        add(f"license:{named[0]}", named[1])
    return Field(list(found), "high", unique(found.values())) if found else None


def links_of(part: Part, facts: RepositoryFacts, *, is_only: bool) -> Field | None:
    found: dict[str, tuple[str, Evidence]] = {}
    for manifest in part.manifests:
        if manifest.homepage and manifest.homepage.rstrip("/#").partition("#")[0] != facts.url:
            found.setdefault(
                manifest.homepage,
                ("Home page", manifest.says(say("proposals.why.package_names_home_page"), manifest.homepage)),
            )
    if facts.homepage and is_only:
        found.setdefault(facts.homepage, ("Home page", Evidence(say("proposals.why.repository_s_home_page"))))
    if not found:
        return None
    links = [{"url": url, "title": title} for url, (title, _) in found.items()]
    return Field(links, "high", unique(evidence for _, evidence in found.values()))


def annotations_of(
    part: Part, facts: RepositoryFacts, docs: Mapping[str, Evidence], sonar: Mapping[str, tuple[str, Evidence]]
) -> dict[str, Field]:
    """By path (``metadata.annotations.<key>``)."""
    found: dict[str, Field] = {}
    where = addresses.folder_url(facts, part.folder)
    if where:
        found["backstage.io/source-location"] = Field(
            f"url:{where}", "high", (Evidence(say("proposals.why.where_was_read")),)
        )
    slug = addresses.slug_annotation(facts)
    if slug is not None:
        found[slug[0]] = Field(slug[1], "high", (Evidence(say("proposals.why.what_host_calls")),))
    if part.folder in docs:
        found["backstage.io/techdocs-ref"] = Field("dir:.", "high", (docs[part.folder],))
    if part.folder in sonar:
        key, evidence = sonar[part.folder]
        found["sonarqube.org/project-key"] = Field(key, "high", (evidence,))
    return {f"metadata.annotations.{key}": field for key, field in found.items()}


def set_all(fields: dict[str, Field], given: Sequence[tuple[str, Field | None]]) -> None:
    fields.update({path: field for path, field in given if field is not None})

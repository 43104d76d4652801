"""From a tree to drafts: ``propose`` is the door of this package. Pure, bounded, and the same for the same tree.

Components by folder, what defines their APIs, what they are started with, the system that holds several of them, and the teams that
CODEOWNERS names.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Sequence

from callboard.features.importing.interface.matching import clean_name, clean_tag
from callboard.features.proposals.domain import addresses, fields, marks
from callboard.features.proposals.domain.apis import ApiFile, read_apis
from callboard.features.proposals.domain.codeowners import Ownership
from callboard.features.proposals.domain.deployment import read_charts, read_compose, read_dockerfiles
from callboard.features.proposals.domain.manifests import read_manifests
from callboard.features.proposals.domain.naming import GENERIC, free_name, name_part, repository_name
from callboard.features.proposals.domain.parts import Part, described_folders, find_parts
from callboard.features.proposals.domain.readme import Readme, is_readme, read_readme, shorten
from callboard.features.proposals.domain.relations import Needed, relate
from callboard.features.proposals.domain.sorts import sort_of
from callboard.features.proposals.domain.values import (
    DEFAULT_LIMITS,
    Confidence,
    Draft,
    Evidence,
    Field,
    Found,
    Limits,
    Owner,
    RepositoryFacts,
    Tree,
    folder_of,
    holder_of,
    link_to,
    some,
    unique,
    weakest,
)
from callboard.features.proposals.domain.words import say

VERSION = 1
"""Of the detectors. Repositories that an older version read are read again though they did not change."""
MAX_AUTHORS = 2
IF_THERE = "?"
"""Before a ref: only if the catalog has it."""


def propose(tree: Tree, facts: RepositoryFacts, limits: Limits = DEFAULT_LIMITS) -> Found:
    """What could be entities. ``Tree.paths`` must be sorted."""
    return _Proposing(tree, facts, limits).run()


class _Proposing:
    """One repository on its way to drafts."""

    def __init__(self, tree: Tree, facts: RepositoryFacts, limits: Limits) -> None:
        self.tree = tree
        self.facts = facts
        self.limits = limits
        self.notes = list(tree.notes)
        self.taken: dict[str, set[str]] = defaultdict(set)  # by kind: a component and an API may share a name
        self.own = repository_name(facts)

    def run(self) -> Found:
        tree = self.tree
        manifests, notes = read_manifests(tree)
        self.notes += notes
        self.services = read_compose(tree)
        readmes: dict[str, Readme] = {}
        for path in sorted(tree.texts):
            if is_readme(path):
                readmes.setdefault(folder_of(path), read_readme(path, tree.texts[path]))
        parts = find_parts(tree, manifests, read_dockerfiles(tree), self.services, read_charts(tree), readmes)
        parts = self._without_described(parts)
        if len(parts) > self.limits.drafts // 2:
            self.notes.append(
                f"{len(parts)} parts were found: those after the first {self.limits.drafts // 2} are left out."
            )
            parts = parts[: self.limits.drafts // 2]
        self.parts = parts
        self.folders = {part.folder for part in parts}
        self.is_only = len(parts) == 1
        self.root = next((part for part in parts if not part.folder), None)
        self.ownership = Ownership(tree, len(parts) + 1)
        if self.ownership.file is not None:
            self.notes += self.ownership.file.notes[:5]
        self.license = marks.find_license(tree)
        self.docs, self.sonar, self.ci = marks.find_docs(tree), marks.find_sonar(tree), marks.find_ci(tree.paths)
        apis, notes = read_apis(tree, self.limits)
        self.notes += notes
        self.relations = relate(parts, self.services)
        return Found(tuple(self._drafts(apis)[: self.limits.drafts]), tuple(dict.fromkeys(self.notes)))

    def _without_described(self, parts: list[Part]) -> list[Part]:
        described = described_folders(self.tree)
        known = [part for part in parts if part.folder in described]
        if known:
            files = some(sorted(described[part.folder] for part in known))
            self.notes.append(f"Described already, so nothing is proposed for it: {files}. Register it as a location.")
        return [part for part in parts if part.folder not in described]

    # ---- drafts --------------------------------------------------------------------------------------------------------

    def _drafts(self, files: Sequence[ApiFile]) -> list[Draft]:
        has_system = len(self.parts) > 1
        names = {}
        for part in sorted(self.parts, key=lambda one: (one.folder.count("/"), one.folder)):
            names[part.folder] = name_part(part, self.facts, is_only=self.is_only, taken=self.taken["Component"])
            part.name = str(names[part.folder].value)
        provided: dict[str, list[Draft]] = {}
        consumed: dict[str, list[ApiFile]] = {}
        apis = []
        for api in self._distinct(files):
            provider = self._provider(api)
            if api.is_consumed:
                if provider is not None:
                    consumed.setdefault(provider.folder, []).append(api)
                continue
            draft = self._api(api, provider, has_system)
            apis.append(draft)
            if provider is not None:
                provided.setdefault(provider.folder, []).append(draft)
        components = [self._component(part, names[part.folder], provided, consumed, has_system) for part in self.parts]
        resources = [self._resource(one, has_system) for one in self.relations.resources.values()]
        system = [self._system()] if has_system else []
        return [*system, *components, *apis, *resources, *self._groups([*system, *components, *apis])]

    def _component(
        self,
        part: Part,
        name: Field,
        provided: dict[str, list[Draft]],
        consumed: dict[str, list[ApiFile]],
        has_system: bool,
    ) -> Draft:
        facts = self.facts
        own_apis = provided.get(part.folder, [])
        sort = sort_of(part, self.tree, [api.evidence[0] for api in own_apis])
        found: dict[str, Field] = {"metadata.name": name}
        fields.set_all(found, [
            ("metadata.title", fields.title_of(part, facts, part.name)),
            ("metadata.description", fields.description_of(part, facts, is_only=self.is_only)),
            ("spec.type", sort),
            ("spec.lifecycle", fields.lifecycle_of(part, facts, self.root, self.ci)),
            ("spec.system", self._in_system() if has_system else None),
            ("spec.dependsOn", _relation(self.relations.depends.get(part.folder, {}))),
            ("spec.providesApis", _relation({api.key: list(api.evidence[:1]) for api in own_apis})),
            ("spec.consumesApis", self._consumes(part, provided, consumed)),
            ("metadata.tags", fields.tags_of(part, facts, self.license, is_only=self.is_only)),
            ("metadata.links", fields.links_of(part, facts, is_only=self.is_only)),
        ])  # fmt: skip
        found |= fields.annotations_of(part, facts, self.docs, self.sonar)
        evidence = [*part.reasons]
        evidence += [Evidence(say("proposals.why.built_into_container"), one.path, 1) for one in part.dockerfiles[:1]]
        evidence += [
            Evidence(say("proposals.why.runs_as_service", name=one.name), one.path, one.line)
            for one in part.services[:1]
        ]
        is_run = bool(part.dockerfiles or part.services or part.charts)
        sure: Confidence = "high" if part.manifests and (is_run or sort.confidence != "guess") else "likely"
        if not part.manifests and not is_run:
            sure = "guess"
        return Draft(part.key, "Component", part.folder, sure, unique(evidence), found, self._owners(part))

    def _owners(self, part: Part) -> tuple[Owner, ...]:
        found = list(self.ownership.of_folder(part.folder, self.folders))
        main = part.main
        if main is None:
            return tuple(found)
        for author in main.authors[:MAX_AUTHORS]:
            said = re.sub(r"\s*<[^>]*>|\s*\([^)]*\)", "", author).strip()
            if said:
                evidence = main.says(say("proposals.why.package_names_authors"), author[:40])
                found.append(Owner(said, "guess", (evidence,)))
        return tuple(found)

    def _consumes(
        self, part: Part, provided: dict[str, list[Draft]], consumed: dict[str, list[ApiFile]]
    ) -> Field | None:
        found: dict[str, list[Evidence]] = {}
        for folder, evidence in self.relations.calls.get(part.folder, {}).items():
            for api in provided.get(folder, ()):
                found.setdefault(link_to(api.key), []).append(evidence)
        for file in consumed.get(part.folder, ()):
            name = clean_name(file.title)[0].lower() if file.title else ""
            if name:
                reason = Evidence(say("proposals.why.definition_another_s_api"), file.path, file.evidence.line)
                found.setdefault(f"{IF_THERE}api:default/{name}", []).append(reason)
        return Field(list(found), "guess", unique(e for many in found.values() for e in many)) if found else None

    # ---- APIs ----------------------------------------------------------------------------------------------------------

    @staticmethod
    def _distinct(files: Sequence[ApiFile]) -> list[ApiFile]:
        """Without the second form of one definition: YAML beside JSON."""
        seen: set[tuple[str, str, str]] = set()
        found = []
        for api in sorted(files, key=lambda one: (one.path.endswith(".json"), one.path)):
            key = (api.folder, api.type, api.title or api.path)
            if key not in seen:
                seen.add(key)
                found.append(api)
        return sorted(found, key=lambda one: one.path)

    def _provider(self, api: ApiFile) -> Part | None:
        by_folder = {part.folder: part for part in self.parts}
        holder = holder_of(api.path, self.folders)
        if holder:
            return by_folder[holder]
        words = set(re.split(r"[^a-z0-9]+", f"{api.path} {api.title}".lower())) - GENERIC
        named = [part for part in self.parts if part.folder and part.folder.rpartition("/")[2].lower() in words]
        if len(named) == 1:
            return named[0]
        return by_folder[""] if holder == "" else self.parts[0] if self.is_only else None

    def _api(self, api: ApiFile, provider: Part | None, has_system: bool) -> Draft:
        named = bool(clean_name(api.title)[0]) and clean_name(api.title)[0].lower() not in GENERIC
        base = provider.name if provider is not None else self.own
        name = free_name(
            api.title if named else f"{base}-{'api' if api.type != 'asyncapi' else 'events'}", base, self.taken["API"]
        )
        reason = (
            Evidence(say("proposals.why.titled", title=api.title), api.path, api.evidence.line)
            if named
            else Evidence(say("proposals.why.named_after_what_provides"))
        )
        found = {"metadata.name": Field(name, "high" if named else "likely", (reason,))}
        about = (Evidence(say("proposals.why.definition_says"), api.path, api.evidence.line),)
        is_title = named and api.title.lower() != name
        fields.set_all(found, [
            ("metadata.title", Field(api.title, "high", about) if is_title else None),
            ("metadata.description", Field(shorten(api.description), "high", about) if api.description else None),
            ("spec.type", Field(api.type, "high", (api.evidence,))),
            ("spec.lifecycle", fields.lifecycle_of(provider or Part(""), self.facts, self.root, self.ci)),
            ("spec.system", self._in_system() if has_system else None),
            ("spec.definition", Field({"$text": f"./{api.path}"}, "high", (Evidence(say("proposals.why.file_defines"), api.path, 1),))),
        ])  # fmt: skip
        where = addresses.file_url(self.facts, api.path)
        if where:
            found["metadata.annotations.backstage.io/source-location"] = Field(
                f"url:{addresses.folder_url(self.facts, api.folder)}",
                "high",
                (Evidence(say("proposals.why.where_was_read")),),
            )
        owners = self.ownership.of_file(api.path) or (self._owners(provider) if provider is not None else ())
        folder = provider.folder if provider is not None else api.folder
        return Draft(f"api:{api.path}", "API", folder, "high", (api.evidence,), found, owners, api.definition)

    # ---- what stands around components ---------------------------------------------------------------------------------

    def _resource(self, needed: Needed, has_system: bool) -> Draft:
        users = [part for part in self.parts if part.folder in needed.users]
        base = users[0].name if len(users) == 1 else self.own
        called = clean_name(needed.called)[0].lower()
        name = free_name(called if called.startswith(base) else f"{base}-{called}", base, self.taken["Resource"])
        said = tuple(needed.evidence)
        found = {
            "metadata.name": Field(name, "likely", (Evidence(say("proposals.why.named_after_what_uses")),)),
            "metadata.description": Field(f"{needed.technology}, as {said[0].path} starts it.", "likely", said[:1]),
            "spec.type": Field(
                needed.type,
                "high",
                (Evidence(say("proposals.why.it_is", technology=needed.technology), said[0].path, said[0].line),),
            ),
            "metadata.tags": Field([clean_tag(needed.technology)[0]], "high", said[:1]),
        }
        if has_system:
            found["spec.system"] = self._in_system()
        owners = [self._owners(part) for part in users] or [self.ownership.of_file(said[0].path)]
        agreed = tuple(
            Owner(one.said, weakest(one.confidence, "likely"), one.evidence)
            for one in owners[0]
            if one.said.startswith("@")
        )
        sure: Confidence = "likely" if users else "guess"
        return Draft(needed.key, "Resource", folder_of(said[0].path), sure, unique(said), found, agreed)

    def _in_system(self) -> Field:
        return Field(
            link_to("system:"),
            "likely",
            (Evidence(say("proposals.why.one_parts", n=len(self.parts), name=self.facts.name)),),
        )

    def _system(self) -> Draft:
        reason = (Evidence(say("proposals.why.holds_components", name=self.facts.name, n=len(self.parts))),)
        found = {
            "metadata.name": Field(
                self.own, "likely", (Evidence(say("proposals.why.repository_called", name=self.facts.name)),)
            )
        }
        readme = self._root_readme()
        about = Part("", readme=readme)
        fields.set_all(found, [
            ("metadata.title", fields.title_of(about, self.facts, self.own)),
            ("metadata.description", fields.description_of(about, self.facts, is_only=True)),
            ("metadata.links", fields.links_of(about, self.facts, is_only=True)),
        ])  # fmt: skip
        slug = fields.annotations_of(about, self.facts, {}, {})
        return Draft(
            "system:", "System", "", "likely", reason, found | slug, self.ownership.of_folder("", frozenset({""}))
        )

    def _root_readme(self) -> Readme | None:
        path = next((path for path in sorted(self.tree.texts) if "/" not in path and is_readme(path)), None)
        return read_readme(path, self.tree.texts[path]) if path is not None else None

    def _groups(self, drafts: Sequence[Draft]) -> list[Draft]:
        found: dict[str, Draft] = {}
        for owner in (owner for draft in drafts for owner in draft.owners):
            said = owner.said.lower()
            if not said.startswith("@") or "/" not in said or said in found:
                continue
            name, _ = clean_name(owner.said.rpartition("/")[2])
            if not name:
                continue
            values = {
                "metadata.name": Field(name.lower(), "high", owner.evidence),
                "spec.type": Field("team", "likely", (Evidence(say("proposals.why.codeowners_names_teams")),)),
            }
            if self.facts.kind == "github":
                values["metadata.annotations.github.com/team-slug"] = Field(owner.said[1:], "high", owner.evidence)
            found[said] = Draft(f"group:{said}", "Group", "", "likely", owner.evidence, values)
        return list(found.values())


def _relation(targets: dict[str, list[Evidence]]) -> Field | None:
    if not targets:
        return None
    evidence = unique(one for many in targets.values() for one in many)
    return Field([link_to(key) for key in targets], "high", evidence)

"""Small files that say one thing each: licences, mkdocs.yml, sonar-project.properties, who runs the builds."""

from __future__ import annotations

import re
from typing import Final, Mapping, Sequence

from callboard.features.proposals.domain.values import Evidence, Tree, folder_of
from callboard.features.proposals.domain.words import say

_LICENSES: Final[Sequence[tuple[str, str]]] = (
    ("Apache License", "apache-2.0"), ("MIT License", "mit"), ("Permission is hereby granted, free of charge", "mit"),
    ("GNU AFFERO GENERAL PUBLIC LICENSE", "agpl-3.0"), ("GNU LESSER GENERAL PUBLIC LICENSE", "lgpl-3.0"), ("GNU GENERAL PUBLIC LICENSE", "gpl-3.0"),
    ("Mozilla Public License", "mpl-2.0"), ("Eclipse Public License", "epl-2.0"), ("BSD 3-Clause", "bsd-3-clause"), ("BSD 2-Clause", "bsd-2-clause"),
    ("Redistribution and use in source and binary forms", "bsd"), ("This is free and unencumbered software", "unlicense"),
)  # fmt: skip
_LICENSE_FILE = re.compile(r"(?:licen[cs]e(?:\.(?:md|txt))?|copying|unlicense)", re.IGNORECASE)
_SONAR = re.compile(r"^\s*sonar\.projectKey\s*=\s*([\w:.-]+)\s*$", re.MULTILINE)
_CI: Final[Sequence[tuple[str, str]]] = (
    (".github/workflows/", "GitHub Actions"), (".gitlab-ci.yml", "GitLab CI"), ("azure-pipelines.yml", "Azure Pipelines"),
    ("bitbucket-pipelines.yml", "Bitbucket Pipelines"), (".circleci/config.yml", "CircleCI"), ("Jenkinsfile", "Jenkins"),
    (".gitea/workflows/", "Gitea Actions"), (".forgejo/workflows/", "Forgejo Actions"), (".travis.yml", "Travis CI"),
)  # fmt: skip
_DEPLOY = re.compile(r"deploy|release|publish|cd\.", re.IGNORECASE)


def find_license(tree: Tree) -> tuple[str, Evidence] | None:
    """The identifier (SPDX, in small letters) of the licence at the root."""
    for path, content in tree.texts.items():
        if "/" not in path and _LICENSE_FILE.fullmatch(path):
            head = content[:3_000]
            for words, license in _LICENSES:
                at = head.lower().find(words.lower())
                if at >= 0:
                    return license, Evidence(say("proposals.why.reads", words=words), path, head.count("\n", 0, at) + 1)
    return None


def find_docs(tree: Tree) -> Mapping[str, Evidence]:
    """Folders with an mkdocs.yml."""
    found = {}
    for path in tree.texts:
        if path.rpartition("/")[2].lower() in ("mkdocs.yml", "mkdocs.yaml"):
            found[folder_of(path)] = Evidence(say("proposals.why.mkdocs_builds_documentation_from"), path, 1)
    return found


def find_sonar(tree: Tree) -> Mapping[str, tuple[str, Evidence]]:
    """Keys of SonarQube's projects by folder."""
    found = {}
    for path, content in tree.texts.items():
        if path.rpartition("/")[2] == "sonar-project.properties":
            said = _SONAR.search(content)
            if said:
                line = content.count("\n", 0, said.start(1)) + 1
                found[folder_of(path)] = (
                    said[1],
                    Evidence(say("proposals.why.properties_sonarqube_name_project"), path, line),
                )
    return found


def find_ci(paths: Sequence[str]) -> tuple[str, Evidence, bool] | None:
    """What builds it, the file, and whether one of the files speaks of deploying."""
    for prefix, name in _CI:
        found = [path for path in paths if path == prefix or (prefix.endswith("/") and path.startswith(prefix))]
        if found:
            deploys = next((path for path in found if _DEPLOY.search(path.rpartition("/")[2])), None)
            return (
                name,
                Evidence(say("proposals.why.builds_as", name=name), deploys or found[0], 1),
                deploys is not None,
            )
    return None

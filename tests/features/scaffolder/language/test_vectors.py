"""What the language gives is what the engine of Backstage 1.55 gives, over expressions recorded from it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from callboard.features.scaffolder.language import UNDEFINED, Language, Options, TemplateFault

RECORDED = Path(__file__).with_name("recorded.jsonl")
EXPLAINED: dict[str, str] = {}
"""Templates whose result differs on purpose, with the reason. There are none at present."""


def parse_repo_url(value: Any) -> dict[str, str]:
    host, _, query = value.partition("?")
    assert query
    given = dict(parse_qsl(query))
    return {"host": host, **{key: given[key] for key in ("owner", "organization", "project", "repo") if key in given}}


def parse_entity_ref(value: str) -> dict[str, str]:
    kind, _, rest = value.partition(":")
    assert rest
    namespace, _, name = rest.rpartition("/")
    return {"kind": kind, "namespace": namespace or "default", "name": name}


def pick(value: Any, path: str) -> Any:
    for key in path.split("."):
        value = value.get(key, UNDEFINED) if isinstance(value, dict) else UNDEFINED
    return value


LANGUAGE = Language(
    filters={
        "parseRepoUrl": parse_repo_url,
        "parseEntityRef": parse_entity_ref,
        "pick": pick,
        "projectSlug": lambda value: "{owner}/{repo}".format(**parse_repo_url(value)),
    }
)


def outcome(template: str, context: dict[str, Any], mode: str, given: dict[str, Any] | None = None) -> Any:
    given = given or {}
    options = Options(
        cookiecutter=given.get("cookiecutterCompat", False),
        trim_blocks=given.get("trimBlocks", False),
        lstrip_blocks=given.get("lstripBlocks", False),
    )
    try:
        if mode == "value":
            value = LANGUAGE.render_value(template, context, options)
            return {"undefined": True} if value is UNDEFINED else {"value": value}
        return {"value": LANGUAGE.render_text(template, context, options)}
    except TemplateFault:
        return {"error": True}


def same(one: Any, other: Any) -> bool:
    """As JSON, with order of keys, and 1 the same as 1.0."""

    def tidy(value: Any) -> Any:
        if isinstance(value, float):
            return None if not math.isfinite(value) else int(value) if value == int(value) else value
        if isinstance(value, list):
            return [tidy(item) for item in value]
        return {key: tidy(item) for key, item in value.items()} if isinstance(value, dict) else value

    return json.dumps(tidy(one)) == json.dumps(tidy(other))


def judge(found: list[tuple[str, Any, Any]]) -> None:
    """At least 99 % agree, and what does not is explained."""
    wrong = [(template, wanted, got) for template, wanted, got in found if not same(wanted, got)]
    assert [case for case in wrong if case[0] not in EXPLAINED] == []
    assert len(found) - len(wrong) >= 0.99 * len(found)


def wanted_of(case: dict[str, Any], prefix: str) -> Any:
    if case.get(f"{prefix}_error"):
        return {"error": True}
    return {"undefined": True} if case.get(f"{prefix}_undefined") else {"value": case[prefix]}


def test_template_vectors(shared: Path) -> None:
    """The 267 vectors, each as a value and as text."""
    vectors = json.loads((shared / "facts/template-vectors.json").read_text(encoding="utf-8"))
    found = [
        (case["template"], wanted_of(case, prefix), outcome(case["template"], vectors["context"], mode))
        for case in vectors["cases"]
        for prefix, mode in (("value", "value"), ("string", "file"))
    ]
    assert len(found) == 534
    judge(found)


def test_corpus_of_expressions(shared: Path) -> None:
    """The 145 cases of the corpus, the side of the engine that Backstage ships."""
    context = json.loads((shared / "corpus/nunjucks-context.json").read_text(encoding="utf-8"))
    context["cookiecutter"] = context["values"]
    lines = (shared / "corpus/nunjucks-cases.jsonl").read_text(encoding="utf-8").splitlines()
    found = []
    for case in map(json.loads, lines):
        expected = case["nunjitsu"]
        wanted = {"error": True} if "error" in expected else expected
        found.append((case["template"], wanted, outcome(case["template"], context, case["mode"], case.get("options"))))
    assert len(found) == 145
    judge(found)


def test_generated_expressions() -> None:
    """500 expressions and templates made at random, with what the engine of Backstage made of them."""
    head, *lines = RECORDED.read_text(encoding="utf-8").splitlines()
    context = json.loads(head)["context"]
    found = []
    for case in map(json.loads, lines):
        wanted = {key: case[key] for key in ("value", "undefined", "error") if key in case}
        found.append((case["template"], wanted, outcome(case["template"], context, case["mode"], case.get("options"))))
    assert len(found) == 500
    judge(found)

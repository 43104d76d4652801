"""Real templates: each one's form is walked with real answers, page by page, as a browser without script does."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Mapping

import pytest
import yaml

from callboard.features.scaffolder.forms.paths import MISSING
from tests.features.scaffolder.forms.conftest import entity

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parents[4]
SHARED = Path(os.environ.get("CALLBOARD_SHARED", ROOT.parent / "shared"))


def read_templates(file: Path) -> list[dict[str, Any]]:
    try:
        documents = list(yaml.load_all(file.read_text("utf-8"), Loader=yaml.CSafeLoader))
    except yaml.YAMLError:
        return []
    return [
        json.loads(json.dumps(one, default=str)) for one in documents
        if isinstance(one, dict) and one.get("kind") == "Template" and str(one.get("apiVersion", "")).startswith("scaffolder")
    ]  # fmt: skip


def corpus_templates() -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """(template, answers) by folder."""
    found = {}
    for job in sorted((SHARED / "corpus" / "templates").glob("*/job.json")):
        path = json.loads(job.read_text())["template_path"]
        document = read_templates(job.parent / "src" / path)[0]
        found[job.parent.name] = (document, json.loads((job.parent / "values.json").read_text()))
    return found


def catalog_templates() -> dict[str, dict[str, Any]]:
    """Templates of catalog files that have parameters, without those that a placeholder would fill in."""
    found = {}
    for file in sorted((SHARED / "corpus" / "catalog").glob("*.yaml")):
        for n, document in enumerate(read_templates(file)):
            if "$yaml" not in json.dumps(document.get("spec", {}).get("parameters")):
                found[f"{file.stem}-{n}"] = document
    return found


def named_entities(answers: Any) -> set[str]:
    """Refs that stand among answers."""
    if isinstance(answers, dict):
        return set().union(*map(named_entities, answers.values())) if answers else set()
    if isinstance(answers, list):
        return set().union(*map(named_entities, answers)) if answers else set()
    if (
        isinstance(answers, str)
        and answers.count(":") == 1
        and "/" in answers
        and "?" not in answers
        and " " not in answers
    ):
        return {answers} if not answers.startswith(("http", "..")) else set()
    return set()


def entities_of(documents: Mapping[str, tuple[Any, Any]]) -> list[dict[str, Any]]:
    """An entity for each ref that answers name, so that pickers have them."""
    out = []
    for ref in sorted(set().union(*(named_entities(answers) for _, answers in documents.values()))):
        kind, _, rest = ref.partition(":")
        if kind in ("group", "user", "component", "system", "domain", "resource", "api"):
            out.append(entity(kind.upper() if kind == "api" else kind.capitalize(), rest.rpartition("/")[2]))
    return out


def is_within(wanted: Any, given: Any, path: str = "") -> list[str]:
    """Where ``given`` lacks something of ``wanted`` or says something else."""
    if isinstance(wanted, dict) and isinstance(given, dict):
        return [one for key in wanted for one in is_within(wanted[key], given.get(key, MISSING), f"{path}/{key}")]
    return [] if wanted == given and type(wanted) is type(given) else [f"{path}: {given!r} instead of {wanted!r}"]


async def walk(form: Any) -> None:
    """Through all pages to the review."""
    for _ in range(30):
        if "create" in form.read.buttons and "next" not in form.read.buttons[1:]:
            return
        assert form.answer.status_code == 200, (form.answer.status_code, form.errors, form.words[:3000])
        await form.press("next")
    raise AssertionError("the form has no end")


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared corpora are not here")
async def test_every_template_s_form_renders_validates_and_submits(open_forms: Any) -> None:
    """35 of 35: what is submitted is what the real run was given, and the defaults of the template."""
    templates = corpus_templates()
    assert len(templates) == 35
    documents = {f"t{n}": document for n, (document, _) in enumerate(templates.values())}
    wrong = {}
    async with open_forms(documents=documents, entities=entities_of(templates)) as desk:
        for n, (name, (_, answers)) in enumerate(templates.items()):
            form = await desk.fill(f"t{n}", answers)
            try:
                await walk(form)
                await form.press("create")
                assert form.answer.status_code == 303, (form.answer.status_code, form.errors)
            except AssertionError as error:
                wrong[name] = str(error)[:1500]
                continue
            if lacking := is_within(answers, desk.made[-1].values):
                wrong[name] = str(lacking)
        assert wrong == {}, json.dumps(wrong, indent=1)
        assert len(desk.made) == 35


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared corpora are not here")
async def test_templates_of_catalogs_render_every_page(open_forms: Any) -> None:
    """The forms of real catalogs open, and each page can be drawn."""
    documents = {f"t{n}": document for n, document in enumerate(catalog_templates().values())}
    assert len(documents) > 25
    async with open_forms(documents=documents, entities=()) as desk:
        for name, document in documents.items():
            form = await desk.fill(name)
            assert form.answer.status_code == 200, (document["metadata"]["name"], form.html[-2000:])
            pages = document["spec"].get("parameters") or []
            for page in range(1, len(pages) if isinstance(pages, list) else 1):
                form.read.fields = [(k, str(page) if k == "reached" else v) for k, v in form.read.fields]
                form._take(await desk.client.post(form.url, data=form.body(do=f"go:{page}")))
                assert form.answer.status_code == 200, (document["metadata"]["name"], page)

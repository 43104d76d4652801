"""Templates compile, keep the content policy, and the gallery shows them at work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import callboard
from callboard.kernel.web.templates import Templates
from callboard.testing.clock import FakeClock
from callboard.ui.gallery import Gallery
from callboard.ui.icons import ICONS
from callboard.ui.messages import Messages

SOURCE = Path(callboard.__file__).parent
TEMPLATES = sorted([*SOURCE.glob("ui/templates/**/*.html"), *SOURCE.glob("features/*/templates/**/*.html")])
STYLES = "\n".join(p.read_text("utf-8") for p in sorted((SOURCE / "ui/static/css").glob("*.css")))


def test_all_templates_compile(templates: Templates) -> None:
    """Each template of the design system and of the features is valid Jinja."""
    names = [name for name in templates.environment.list_templates() if name.endswith(".html")]
    assert {"ui/layout.html", "errors/error.html", "auth/sign_in.html", "catalog/list.html"} <= set(names)
    for name in names:
        templates.environment.get_template(name)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.name)
def test_nothing_is_inline(path: Path) -> None:
    """No style attribute, style element, event handler or script body: the content policy would refuse them."""
    text = re.sub(r"\{#.*?#\}", "", path.read_text("utf-8"), flags=re.DOTALL)
    assert not re.search(r"<style\b|\sstyle\s*=|\son[a-z]+\s*=|hx-on|javascript:", text, re.IGNORECASE)
    assert all(
        "src=" in tag and not body.strip()
        for tag, body in re.findall(r"<script\b([^>]*)>(.*?)</script>", text, re.DOTALL)
    )


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.name)
def test_icons_that_templates_name_are_in_the_sprite(path: Path) -> None:
    """A name that the sprite lacks would draw nothing."""
    named = re.findall(r"""\bicon\("([a-z-]+)\"""", path.read_text("utf-8"))
    assert set(named) <= ICONS.keys()


def test_gallery_shows_every_part(
    templates: Templates, messages: Messages, page_request: Any, clock: FakeClock
) -> None:
    """The gallery renders, and calls every macro of ``ui/parts.html`` that draws something."""
    html = templates.render("ui/gallery.html", page_request, Gallery(messages, clock).page(), {})
    assert html.count("<section") >= 18
    gallery = (SOURCE / "ui/templates/ui/gallery.html").read_text("utf-8")
    parts = (SOURCE / "ui/templates/ui/parts.html").read_text("utf-8")
    macros = set(re.findall(r"\{% macro (\w+)\(", parts))
    called = set(re.findall(r"parts\.(\w+)\(", gallery))
    drawn_within_others = {"facet_option", "csrf", "brand_mark", "copy"}
    assert macros - called - drawn_within_others == set()


def test_classes_of_parts_have_styles() -> None:
    """Every class that the parts and layouts write is styled; a typing error would show nowhere else."""
    known = set(re.findall(r"\.([a-zA-Z][\w-]*)", STYLES)) | {"when-closed", "when-open", "todo", "done"}
    unstyled: set[str] = set()
    for path in TEMPLATES:
        for value in re.findall(r'class="([^"{}]*)"', path.read_text("utf-8")):
            unstyled |= {c for c in value.split() if c not in known}
    assert unstyled <= {"thing-actions", "col-type", "col-system", "actions", "palette-option", "relation", "label"}

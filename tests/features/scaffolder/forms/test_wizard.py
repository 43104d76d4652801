"""The wizard as people use it, without script."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.anyio

NAME = {"title": "About", "required": ["name"], "properties": {"name": {"type": "string", "title": "Name"}}}


async def test_a_form_is_walked_to_its_end(open_forms: Any) -> None:
    """Each page is checked where it stands; the review shows all; a task is made of the answers and its page follows."""
    second = {"title": "More", "properties": {"port": {"type": "integer", "title": "Port", "minimum": 1024}}}
    async with open_forms(NAME, second) as desk:
        form = await desk.fill()
        assert form.answer.status_code == 200, form.html
        await form.press("next")
        assert form.answer.status_code == 400 and form.errors == ["Answer this."]
        assert 'href="#f/name"' in form.html
        await form.set("f/name", "till").press("next")
        assert form.answer.status_code == 200, form.html
        await form.set("f/port", "80").press("next")
        assert form.errors == ["Use 1024 or more."]
        await form.set("f/port", "8080").press("next")
        assert "till" in form.words and "8080" in form.words
        assert desk.made == []
        await form.press("create")
        assert (
            form.answer.status_code == 303 and form.answer.headers["location"] == f"/create/tasks/{desk.tasks.ids[0]}"
        )
        assert (
            desk.made[0].values == {"name": "till", "port": 8080}
            and desk.made[0].template_ref == "template:default/form"
        )

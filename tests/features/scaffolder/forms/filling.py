"""Filling in a form as a browser without script does, and what tasks were made of it."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.features.scaffolder.interface import Autocomplete, NewTask, Tasks
from callboard.kernel.auth.actor import Actor
from callboard.kernel.plugins.hooks import hookimpl


class Recorded:
    """The tasks of a portal, and what each was made of."""

    def __init__(self, portal: Any) -> None:
        self.made: list[NewTask] = []
        self.ids: list[str] = []
        tasks = portal.service(Tasks)
        make = tasks.create

        async def create(new: NewTask, *, actor: Actor) -> str:
            id = await make(new, actor=actor)
            self.made.append(new)
            self.ids.append(str(id))
            return str(id)

        tasks.create = create


class Providers:
    """A plugin that suggests what a test says."""

    def __init__(self, providers: Sequence[Autocomplete]) -> None:
        self.providers = providers

    @hookimpl
    def register_autocomplete(self, portal: Any) -> Sequence[Autocomplete]:
        return self.providers


class _Reader(HTMLParser):
    """The controls of the form ``#form`` that a browser would send, and what is written around them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.inside = False
        self.fields: list[tuple[str, str]] = []
        self.controls: dict[str, dict[str, Any]] = {}
        self.options: dict[str, list[str]] = {}
        self.buttons: list[str] = []
        self.words: list[str] = []
        self._select: dict[str, Any] | None = None
        self._area: dict[str, Any] | None = None
        self._list: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        a = dict(attrs)
        if tag == "form":
            self.inside = a.get("id") == "form"
        if tag == "datalist":
            self._list = a.get("id")
            self.options[str(self._list)] = []
        if tag == "option" and self._list is not None:
            self.options[self._list].append(a.get("value") or "")
        if not self.inside:
            return
        if tag == "button" and a.get("name") == "do" and "disabled" not in a:
            self.buttons.append(a.get("value") or "")
        name = a.get("name")
        if tag == "input" and name:
            kind = a.get("type") or "text"
            if kind not in ("hidden", "checkbox"):
                self.controls[name] = a
            elif kind == "checkbox":
                self.controls.setdefault(name, a)
            if "disabled" in a or kind == "file" or (kind in ("checkbox", "radio") and "checked" not in a):
                return
            self.fields.append((name, a.get("value") or ("on" if kind == "checkbox" else "")))
        if tag == "textarea" and name:
            self._area = {"name": name, "text": "", "disabled": "disabled" in a}
            self.controls[name] = a
        if tag == "select" and name:
            self.controls[name] = a
            self._select = {"name": name, "values": [], "chosen": None, "disabled": "disabled" in a}
        if tag == "option" and self._select is not None:
            self._select["values"].append(a.get("value"))
            if "selected" in a:
                self._select["chosen"] = len(self._select["values"]) - 1

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area["text"] += data
            return
        if self._select is not None and self._select["values"] and self._select["values"][-1] is None:
            self._select["values"][-1] = data
        self.words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        if tag == "datalist":
            self._list = None
        if tag == "textarea" and self._area is not None:
            if not self._area["disabled"]:
                text = self._area["text"]
                self.fields.append((self._area["name"], text.removeprefix("\n").replace("\n", "\r\n")))
            self._area = None
        if tag == "select" and self._select is not None:
            chosen, values = self._select["chosen"], self._select["values"]
            self.options[self._select["name"]] = values
            if values and not self._select["disabled"]:
                self.fields.append((self._select["name"], values[chosen if chosen is not None else 0] or ""))
            self._select = None


class Filling:
    """A form in a browser without script: ``set`` what is typed, ``press`` a button."""

    def __init__(self, client: Any, name: str) -> None:
        self.client, self.url = client, f"/create/templates/default/{name}"
        self.answer: Any = None
        self.html = ""
        self.read = _Reader()

    async def open(self, values: Mapping[str, Any] | None = None) -> Filling:
        query = f"?formData={quote(json.dumps(values))}" if values is not None else ""
        return self._take(await self.client.get(self.url + query))

    def _take(self, answer: Any) -> Filling:
        self.answer, self.html, self.read = answer, answer.text, _Reader()
        self.read.feed(self.html)
        return self

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.read.words).split())

    @property
    def names(self) -> set[str]:
        """Names of the controls that people see."""
        return {name for name in self.read.controls if name.startswith("f/")}

    def __getitem__(self, name: str) -> str:
        return next((value for key, value in self.read.fields if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.read.fields if key == name]

    def set(self, name: str, *values: str) -> Filling:
        """Give a control these values, in place of what it has."""
        assert name in self.read.controls, (name, sorted(self.read.controls))
        self.read.fields = [(key, value) for key, value in self.read.fields if key != name]
        self.read.fields += [(name, value) for value in values]
        return self

    def body(self, **more: str) -> dict[str, list[str]]:
        out: dict[str, list[str]] = {}
        for key, value in [*self.read.fields, *more.items()]:
            out.setdefault(key, []).append(value)
        return out

    async def press(self, do: str) -> Filling:
        assert do in self.read.buttons, (do, self.read.buttons)
        return self._take(await self.client.post(self.url, data=self.body(do=do)))

    async def part(self, path: str, **more: str) -> Any:
        return await self.client.post(f"{self.url}/{path}", data=self.body(**more), headers={"hx-request": "true"})

    @property
    def errors(self) -> list[str]:
        import re

        return re.findall(r'class="field-error"[^>]*>.*?<span>(.*?)</span>', self.html, re.DOTALL)

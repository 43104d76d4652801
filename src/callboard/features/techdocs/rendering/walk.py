"""One walk over sanitised HTML that makes a page of it: addresses, ids, classes, headings, passages for search, marks of what is missing.

What comes in was written by the sanitiser, so its shape is known: attributes in double quotes, text without ``<``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape, unescape
from typing import Callable, Mapping, Sequence
from urllib.parse import unquote, urlsplit

from callboard.features.techdocs.interface import Heading, Problem
from callboard.features.techdocs.rendering.links import Resolver, Target, own_anchor
from callboard.features.techdocs.rendering.outline import like
from callboard.features.techdocs.rendering.sanitise import kept_classes
from callboard.features.techdocs.rendering.values import ID_PREFIX, PageLink, Passage, RenderOptions, SitePage, Words

_TOKEN = re.compile(r"<(/?)([a-z][a-z0-9]*)((?:\s+[^\s=<>\"]+(?:=\"[^\"]*\")?)*)\s*/?>|([^<]+)|<")
_ATTRIBUTE = re.compile(r"\s+([^\s=<>\"]+)(?:=\"([^\"]*)\")?")
_BLOCKS = frozenset(
    [
        "p",
        "div",
        "li",
        "ul",
        "ol",
        "dl",
        "dt",
        "dd",
        "table",
        "tr",
        "td",
        "th",
        "pre",
        "blockquote",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "br",
        "details",
        "summary",
        "figure",
        "figcaption",
        "section",
        "article",
        "aside",
        "address",
        "caption",
        "center",
    ]
)
_DATA_IMAGE = re.compile(r"data:image/(?:png|gif|jpeg|webp);base64,[A-Za-z0-9+/=\s]{0,65536}$")
_NUMBER = re.compile(r"\d{1,4}%?$")
_MAX_TARGET = 200
_MAX_PROBLEMS = 500


class SourceLines:
    """Finds the line on which something stands, each next time the next one."""

    def __init__(self, texts: Sequence[tuple[str, str, int]]) -> None:
        self._texts = texts
        self._seen: dict[str, tuple[int, int]] = {}

    def find(self, needle: str) -> tuple[str, int] | None:
        """``(file, line)``; None when it is nowhere as such. ``texts`` are ``(file, text, its first line)``."""
        index, position = self._seen.get(needle, (0, 0))
        for at in range(index, len(self._texts)):
            file, text, first = self._texts[at]
            found = text.find(needle, position if at == index else 0)
            if found >= 0:
                self._seen[needle] = (at, found + len(needle))
                return file, first + text.count("\n", 0, found)
        if needle in self._seen:
            del self._seen[needle]
            return self.find(needle)
        return None


@dataclass(frozen=True, slots=True)
class Context:
    """What the walk asks. ``anchors`` gives the sections of another page by
    ``#name`` and by likeness, with the one asked about among them if it is there. ``slug`` makes an id of a heading's words.
    """

    file: str
    resolver: Resolver
    lines: SourceLines
    words: Words
    options: RenderOptions
    icons: str
    anchors: Callable[[SitePage, str], Mapping[str, str]]
    slug: Callable[[str], str]


@dataclass(slots=True)
class Walked:
    html: str
    toc: list[Heading] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    links: list[PageLink] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    uses: set[str] = field(default_factory=set)


def walk(html: str, context: Context) -> Walked:
    """The page. Costs about as much as sanitising it."""
    return _Walk(html, context).run()


class _Walk:
    def __init__(self, html: str, context: Context) -> None:
        self.source = html
        self.context = context
        self.out: list[str] = []
        self.made = Walked("")
        self.ids = frozenset(unescape(i) for i in re.findall(r"<[a-z][^<>]*?\s(?:id|name)=\"([^\"]+)\"", html))
        self.by_likeness = {like(i): i for i in sorted(self.ids, reverse=True)}
        self.given: set[str] = set()
        self.ends: dict[str, list[str]] = {}  # what stands in place of an end tag, innermost last
        self.heading: tuple[int, str, list[str]] | None = None
        self.path: list[tuple[int, str]] = []
        self.anchor = ""
        self.text: list[str] = []
        self.code: list[str] = []
        self.pre = 0
        self.silent: list[str] = []  # tags whose text is no text for search: line numbers, back links, diagrams
        self.in_link = 0

    def run(self) -> Walked:
        for token in _TOKEN.finditer(self.source):
            text = token.group(4)
            if text is not None:
                self.out.append(text)
                self.say(text)
            elif token.group(2) is None:
                self.out.append("&lt;")
            elif token.group(1):
                self.end(token.group(2))
            else:
                self.begin(token.group(2), token.group(3))
        self.passage()
        self.made.html = "".join(self.out)
        return self.made

    def say(self, text: str) -> None:
        if self.silent:
            return
        if self.heading is not None:
            self.heading[2].append(text)
        elif self.pre:
            self.code.append(text)
        else:
            self.text.append(text)

    # -- elements

    def begin(self, tag: str, raw: str) -> None:
        if tag in _BLOCKS:
            (self.code if self.pre else self.text).append("\n")
        attributes = {n: unescape(v) if v is not None else "" for n, v in _ATTRIBUTE.findall(raw)} if raw else {}
        classes = kept_classes(tag, attributes.pop("class", "")) if "class" in attributes else ""
        if tag == "pre":
            self.pre += 1
        self._silence(tag, classes)
        if tag == "img":
            self._image(attributes, classes)
            return
        if tag == "span" and "data-frame" in attributes:
            self._frame(attributes["data-frame"])
            self.ends.setdefault(tag, []).append("")
            return
        if tag == "span" and "doc-icon" in classes:
            self._icon(classes)
            self.ends.setdefault(tag, []).append("")
            return
        if tag == "input" and not self._may_input(attributes):
            return
        closing = f"</{tag}>"
        title = ""
        if tag == "a":
            self.in_link += 1
            attributes, classes, title = self._link(attributes, classes)
        elif tag in {"video", "audio", "source"}:
            for name in ("src", "poster"):
                if name in attributes:
                    self._media(attributes, name)
        self._ids(tag, attributes)
        if tag[0] == "h" and len(tag) == 2 and tag[1].isdigit():
            self._heading(int(tag[1]), attributes)
        if classes:
            attributes["class"] = classes
        if title:
            attributes["title"] = title
        self.out.append(_open(tag, attributes))
        if tag not in {"br", "hr", "input", "source", "wbr", "col"}:
            self.ends.setdefault(tag, []).append(closing)

    def end(self, tag: str) -> None:
        if self.silent and self.silent[-1] == tag:
            self.silent.pop()
        if tag == "pre":
            self.pre = max(0, self.pre - 1)
            self.code.append("\n")
        if tag == "a":
            self.in_link = max(0, self.in_link - 1)
        if self.heading is not None and tag == f"h{self.heading[0]}":
            self._end_heading()
        if tag in _BLOCKS:
            (self.code if self.pre else self.text).append("\n")
        waiting = self.ends.get(tag)
        self.out.append(waiting.pop() if waiting else "")

    def _silence(self, tag: str, classes: str) -> None:
        names = classes.split()
        if self.silent:
            if tag == self.silent[-1]:
                self.silent.append(tag)
        elif "linenos" in names or "footnote-backref" in names or "mermaid" in names or "diagram-source" in names:
            self.silent.append(tag)
        if "mermaid" in names:
            self.made.uses.add("mermaid")
        elif "arithmatex" in names:
            self.made.uses.add("math")
        elif "tabbed-set" in names:
            self.made.uses.add("tabs")

    def _ids(self, tag: str, attributes: dict[str, str]) -> None:
        for name in ("id", "for", "name"):
            value = attributes.get(name)
            if value is None:
                continue
            if not value.strip():
                del attributes[name]
            else:
                attributes[name] = own_anchor(value)
        made = attributes.get("id")
        if made is not None:
            if made in self.given:
                del attributes["id"]
            self.given.add(made)

    def _may_input(self, attributes: dict[str, str]) -> bool:
        kind = attributes.get("type")
        if kind == "checkbox":
            done = "checked" in attributes
            attributes.clear()
            attributes.update({"type": "checkbox", "disabled": ""})
            attributes["aria-label"] = self.context.words.done if done else self.context.words.to_do
            if done:
                attributes["checked"] = ""
            return True
        return kind == "radio" and attributes.get("name", "").startswith("__tabbed_")

    # -- headings and passages

    def _heading(self, level: int, attributes: dict[str, str]) -> None:
        self.passage()
        if "id" not in attributes:
            base = self.context.slug("") or "section"
            number = 1
            while f"{ID_PREFIX}{base}-{number}" in self.given:
                number += 1
            attributes["id"] = f"{ID_PREFIX}{base}-{number}"
            self.given.add(attributes["id"])
        self.heading = (level, attributes["id"], [])

    def _end_heading(self) -> None:
        assert self.heading is not None
        level, anchor, parts = self.heading
        self.heading = None
        title = _clean("".join(parts))
        if not title:
            return
        self.made.toc.append(Heading(level, anchor, title))
        self.path = [(n, t) for n, t in self.path if n < level] + [(level, title)]
        self.anchor = anchor
        label = escape(f"{self.context.words.permalink}: {title}")
        self.out.append(f'<a class="headerlink" href="#{escape(anchor)}" aria-label="{label}">#</a>')

    def passage(self) -> None:
        text, code = _clean("".join(self.text)), unescape("".join(self.code)).strip()
        if text or code or self.anchor:
            self.made.passages.append(Passage(self.anchor, tuple(t for _, t in self.path), text, code))
        self.text, self.code, self.anchor = [], [], ""

    # -- links and pictures

    def problem(self, code: str, message: str, written: str, *, is_error: bool = True) -> int | None:
        if len(self.made.problems) >= _MAX_PROBLEMS:
            return None
        found = self.context.lines.find(written) or self.context.lines.find(unquote(written))
        file, line = found or (self.context.file, None)
        self.made.problems.append(Problem(code, message, file, line, is_error))  # type: ignore[arg-type]
        return line

    def _link(self, attributes: dict[str, str], classes: str) -> tuple[dict[str, str], str, str]:
        written = attributes.pop("href", None)
        if written is None:
            return attributes, classes, ""
        words = self.context.words
        shown = written[:_MAX_TARGET]
        if written.startswith("#"):
            return self._own_section(written, attributes, classes)
        if written.lower().startswith("data:"):
            self.problem("refused", f"The link {shown[:40]}… holds data instead of an address.", written)
            return attributes, f"{classes} doc-broken".strip(), words.link_broken.format(target=shown[:40])
        target = self.context.resolver.link(written)
        if target.kind in {"broken", "outside"}:
            if target.kind == "outside":
                line = self.problem("refused", f"The link {shown} leads out of the site.", written)
            else:
                line = self.problem("link", f"The link {shown} leads to no page or file of the site.", written)
            self.made.links.append(PageLink("broken", "", target.name, target.anchor, line))
            return attributes, f"{classes} doc-broken".strip(), words.link_broken.format(target=shown)
        title = ""
        line = None
        href, anchor = target.href, target.anchor
        if target.kind == "page" and anchor and target.page is not None:
            actual = self._section_of(target.page, anchor)
            if actual is None:
                message = f"The page {target.name or '/'} has no section #{anchor}."
                line = self.problem("anchor", message, written, is_error=False)
                classes = f"{classes} doc-broken-anchor".strip()
                title = words.anchor_broken.format(target=anchor)
            else:
                href += "#" + own_anchor(actual)
        self.made.links.append(PageLink(target.kind, href, target.name, anchor, line))  # type: ignore[arg-type]
        attributes["href"] = href
        if target.kind == "external" and href.startswith(("http:", "https:")):
            attributes["rel"] = "noopener noreferrer"
        return attributes, classes, title

    def _own_section(self, written: str, attributes: dict[str, str], classes: str) -> tuple[dict[str, str], str, str]:
        anchor = unquote(written[1:])
        if not anchor:
            attributes["href"] = "#"
            return attributes, classes, ""
        actual = anchor if anchor in self.ids else self.by_likeness.get(like(anchor)) if like(anchor) else None
        if actual is None:
            line = self.problem("anchor", f"The page has no section #{anchor[:_MAX_TARGET]}.", written, is_error=False)
            self.made.links.append(PageLink("page", "", "", anchor, line))
            return (
                attributes,
                f"{classes} doc-broken-anchor".strip(),
                self.context.words.anchor_broken.format(target=anchor[:_MAX_TARGET]),
            )
        attributes["href"] = "#" + own_anchor(actual)
        return attributes, classes, ""

    def _section_of(self, page: SitePage, anchor: str) -> str | None:
        there = self.context.anchors(page, anchor)
        likeness = like(anchor)
        return there.get(f"#{anchor}") or (there.get(likeness) if likeness else None)

    def _image(self, attributes: dict[str, str], classes: str) -> None:
        written = attributes.pop("src", "")
        alt = attributes.get("alt", "")
        if alt:
            self.say(escape(alt, quote=False))
        words = self.context.words
        if written.startswith("data:"):
            if _DATA_IMAGE.match(written):
                self._put_image(attributes, classes, written)
            else:
                self.problem(
                    "refused", "A picture holds data that is not a small PNG, GIF, JPEG or WebP.", written[:200]
                )
                self._placeholder(words.image_refused.format(target="data:"), alt)
            return
        target = self.context.resolver.picture(written) if written else Target("broken", "", "")
        shown = written[:_MAX_TARGET]
        if target.kind == "asset":
            self.made.links.append(PageLink("image", target.href, target.name))
            self._put_image(attributes, classes, target.href)
        elif target.kind == "external" and self._may_load(target.href):
            self.made.links.append(PageLink("external", target.href, target.name))
            self._put_image(attributes, classes, target.href)
        elif target.kind == "external":
            self.made.links.append(PageLink("external", target.href, target.name))
            label = escape(alt or words.image_refused.format(target=shown))
            if self.in_link:
                self.out.append(f'<span class="doc-image-foreign">{label}</span>')
            else:
                self.out.append(
                    f'<a class="doc-image-foreign" href="{escape(target.href)}" rel="noopener noreferrer">{label}</a>'
                )
        else:
            if target.kind == "outside":
                line = self.problem("refused", f"The picture {shown} is outside the site.", written)
            else:
                line = self.problem("image", f"The picture {shown} is not among the files of the site.", written)
            self.made.links.append(PageLink("broken", "", target.name, "", line))
            self._placeholder(words.image_missing.format(target=shown), alt)

    def _may_load(self, href: str) -> bool:
        hosts = self.context.options.image_hosts
        kroki = self.context.options.kroki_url
        if kroki and href.startswith(kroki.rstrip("/") + "/"):
            return True
        return "*" in hosts or (urlsplit(href).hostname or "") in hosts

    def _put_image(self, attributes: dict[str, str], classes: str, src: str) -> None:
        kept = {
            "src": src,
            "alt": attributes.get("alt") or ("" if not self._is_diagram(src) else self.context.words.diagram),
        }
        kept.update({n: attributes[n] for n in ("width", "height") if _NUMBER.match(attributes.get(n, ""))})
        if attributes.get("title"):
            kept["title"] = attributes["title"]
        if classes:
            kept["class"] = classes
        self.out.append(_open("img", {**kept, "loading": "lazy"}))

    def _is_diagram(self, src: str) -> bool:
        kroki = self.context.options.kroki_url
        return bool(kroki) and src.startswith(str(kroki))

    def _placeholder(self, message: str, alt: str) -> None:
        more = f" <span>{escape(alt)}</span>" if alt else ""
        self.out.append(f'<span class="doc-image-missing">{escape(message)}{more}</span>')

    def _media(self, attributes: dict[str, str], name: str) -> None:
        written = attributes.pop(name)
        target = self.context.resolver.picture(written)
        if target.kind == "asset" or (target.kind == "external" and self._may_load(target.href)):
            attributes[name] = target.href
        else:
            code = "image" if target.kind == "broken" else "refused"
            self.problem(code, f"The file {written[:_MAX_TARGET]} is not among the files of the site.", written)

    def _frame(self, address: str) -> None:
        try:
            parts = urlsplit(address)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme == "https" and parts.hostname in self.context.options.iframe_hosts:
            self.out.append(
                f'<iframe class="doc-frame" src="{escape(address)}" title="{escape(parts.hostname or "")}" loading="lazy" '
                'sandbox="allow-scripts allow-same-origin allow-popups" referrerpolicy="no-referrer" allowfullscreen></iframe>'
            )
            return
        shown = address[:_MAX_TARGET]
        self.problem("refused", f"The frame {shown} was left out: its host is not allowed.", address)
        text = escape(self.context.words.frame_refused.format(target=shown))
        self.out.append(f'<span class="doc-refused">{text}</span>')

    def _icon(self, classes: str) -> None:
        name = next((c[9:] for c in classes.split() if c.startswith("doc-icon-")), "none")
        if name != "none" and self.context.icons:
            self.out.append(
                f'<svg class="icon doc-icon" aria-hidden="true" focusable="false"><use href="{escape(self.context.icons)}#{name}"></use></svg>'
            )


def _open(tag: str, attributes: dict[str, str]) -> str:
    if not attributes:
        return f"<{tag}>"
    return (
        f"<{tag} "
        + " ".join(f'{n}="{escape(v)}"' if v or n in {"alt", "href"} else n for n, v in attributes.items())
        + ">"
    )


def _clean(text: str) -> str:
    lines = (" ".join(line.split()) for line in unescape(text).split("\n"))
    return "\n".join(line for line in lines if line)

"""From a page's bytes to a page: text, dialect, sanitising, walk."""

from __future__ import annotations

import hashlib
import re
import threading
from functools import lru_cache
from html import escape, unescape
from typing import Any, Mapping
from urllib.parse import unquote

from callboard.features.techdocs.interface import Problem
from callboard.features.techdocs.rendering import bounds
from callboard.features.techdocs.rendering.blocks import prepare_blocks
from callboard.features.techdocs.rendering.bounds import TooSlow
from callboard.features.techdocs.rendering.config_yaml import parse_front_matter
from callboard.features.techdocs.rendering.dialect import Dialect, dialect_of, give_back, take_markdown
from callboard.features.techdocs.rendering.documents import below
from callboard.features.techdocs.rendering.files import decoded, join_inside
from callboard.features.techdocs.rendering.links import FileResolver, Resolver, SiteResolver
from callboard.features.techdocs.rendering.outline import anchors_of, like, outline_of, title_of_name
from callboard.features.techdocs.rendering.sanitise import DANGERS, sanitise
from callboard.features.techdocs.rendering.snippets import Expander, SnippetRules
from callboard.features.techdocs.rendering.tidying import tidy
from callboard.features.techdocs.rendering.values import (
    MarkdownFile,
    Passage,
    RenderedPage,
    RenderOptions,
    RenderTask,
    SiteAddress,
    SiteConfig,
    SiteFiles,
    SiteModel,
    SitePage,
    Words,
)
from callboard.features.techdocs.rendering.walk import Context, SourceLines, Walked, walk

VERSION = "1"
"""Differs when the same input gives another page."""

_LINKED = re.compile(r"(?:\]\(\s*<?|\]:\s*<?|href\s*=\s*[\"'])([^\s)>\"'#]{1,300})#")
_RENDERED_ID = re.compile(r"<[a-zA-Z][^<>]*?\s(?:id|name)=[\"']?([^\s\"'<>]+)")
_MAX_RAW = 200_000
_MAX_LINKED = 300
"""Pages whose sections are checked for one page; those of more are taken to be there."""
_MAX_SURE = 20
"""Of these, how many are rendered to be sure that a section is missing."""
_NO_WORDS = Words()


# -- what a page needs


def prepare(site: SiteModel, path: str, files: SiteFiles, address: SiteAddress, words: Words = _NO_WORDS) -> RenderTask:
    """Collects all that rendering the page of this address takes. Costs reading the page, its snippets, and pages whose sections it names.

    Raises:
        KeyError: no page has this address (see ``SiteModel.find_page``).
    """
    page = site.pages[path]
    texts: dict[str, bytes] = {}
    limits = site.defaults.options.limits
    available = _available(files)

    def read(file: str) -> bytes | None:
        if file not in texts:
            if file not in available or not _inside(site, file):
                return None
            try:
                texts[file] = files.read(file)
            except OSError:
                return None
        return texts[file]

    def take(file: str) -> str:
        text = decoded((read(file) or b"")[: limits.page_bytes])
        return Expander(_snippet_rules(site), limits, read).expand(text, file)

    text = take(page.file)
    resolver = SiteResolver(site, page, address)
    for written in dict.fromkeys(_LINKED.findall(text)):
        if "://" in written:
            continue
        target = resolver.link(unquote(written))
        if target.page is not None and target.page.file not in texts and len(texts) < _MAX_LINKED:
            take(target.page.file)
    return RenderTask(_key(site, page, texts, address, words), site, page, texts, address, words)


def _available(files: SiteFiles) -> frozenset[str]:
    return frozenset(files.paths())


def _inside(site: SiteModel, file: str) -> bool:
    root = site.defaults.root
    return not root or file.startswith(root + "/")


def _key(site: SiteModel, page: SitePage, texts: Mapping[str, bytes], address: SiteAddress, words: Words) -> str:
    made = hashlib.blake2b(digest_size=16)
    made.update(repr((VERSION, site.structure, page.path, page.title, address, words)).encode())
    for file in sorted(texts):
        made.update(file.encode() + b"\0" + hashlib.blake2b(texts[file], digest_size=16).digest())
    return made.hexdigest()


@lru_cache(maxsize=256)
def _rules_of(key: str, root: str, folders: tuple[str, ...], appended: tuple[str, ...], dedent: bool) -> SnippetRules:
    return SnippetRules(root, folders, appended, dedent)


def _snippet_rules(site: SiteModel) -> SnippetRules:
    """``pymdownx.snippets`` of the site: ``base_path``, ``auto_append`` and ``dedent_subsections`` are followed, inside the site."""
    root = site.defaults.root
    options: Mapping[str, Any] = next((e.options for e in site.config.extensions if e.name == "pymdownx.snippets"), {})
    given = options.get("base_path", ["."])
    names = [given] if isinstance(given, str) else given if isinstance(given, list) else ["."]
    folders = []
    for name in names[:20]:
        inside = join_inside("", name) if isinstance(name, str) else None
        if inside is not None:
            folders.append(below(root, inside) if inside else root)
    appended = options.get("auto_append", [])
    kept = tuple(name for name in appended[:20] if isinstance(name, str)) if isinstance(appended, list) else ()
    return _rules_of(site.structure, root, tuple(folders), kept, options.get("dedent_subsections") is True)


# -- rendering


def run_task(task: RenderTask) -> RenderedPage:
    """The page. Reads nothing, may run in any process; never raises for what a page holds."""
    site, page = task.site, task.page
    options = site.defaults.options
    dialect = site_dialect(site)
    expander = Expander(_snippet_rules(site), options.limits, task.texts.get)

    sections = _Sections(task, dialect)

    return _render(
        raw=task.texts.get(page.file, b""),
        page=page,
        dialect=dialect,
        options=options,
        expander=expander,
        resolver=SiteResolver(site, page, task.address),
        words=task.words,
        icons=task.address.icons,
        anchors=sections.of,
    )


def render(
    site: SiteModel, path: str, files: SiteFiles, address: SiteAddress, words: Words = _NO_WORDS
) -> RenderedPage:
    """``run_task`` of ``prepare``. Raises ``KeyError`` when no page has this address."""
    return run_task(prepare(site, path, files, address, words))


def render_file(
    file: MarkdownFile, options: RenderOptions | None = None, words: Words = _NO_WORDS, icons: str = ""
) -> RenderedPage:
    """A Markdown file outside a site, in the dialect without a site's settings; it takes in no snippets."""
    options = options or RenderOptions()
    page = SitePage("", file.file, file.file, file.title or "", "", edit_url=file.edit_url)
    return _render(
        raw=file.text,
        page=page,
        dialect=_plain_dialect(options.kroki_url),
        options=options,
        expander=Expander(SnippetRules(folders=()), options.limits, lambda _: None),
        resolver=FileResolver(file),
        words=words,
        icons=icons,
        anchors=lambda _page, anchor: {f"#{anchor}": anchor},
    )


def _render(
    *,
    raw: bytes,
    page: SitePage,
    dialect: Dialect,
    options: RenderOptions,
    expander: Expander,
    resolver: Resolver,
    words: Words,
    icons: str,
    anchors: Any,
) -> RenderedPage:
    problems: list[Problem] = []
    if len(raw) > options.limits.page_bytes:
        message = f"Larger than {options.limits.page_bytes:,} bytes: what is beyond was left out."
        problems.append(Problem("refused", message, page.file))
        raw = raw[: options.limits.page_bytes]
    whole = _decode(raw, page.file, problems)
    front_matter, text, skipped = parse_front_matter(whole)
    expanded = bounds.without_long_data(expander.expand(text, page.file, 1 + skipped))
    problems.extend(expander.problems)
    sources = [(page.file, text, 1 + skipped)]
    sources += [(f, decoded(expander.read(f) or b""), 1) for f in expander.used]
    lines = SourceLines(sources)
    context = Context(
        file=page.file,
        resolver=resolver,
        lines=lines,
        words=words,
        options=options,
        icons=icons,
        anchors=anchors,
        slug=lambda text: dialect.slug(text, dialect.separator),
    )
    try:
        walked = walk(sanitise(_convert(expanded, dialect, options.limits.render_s)), context)
    except Exception as error:
        return _failed(page, text or whole, error, problems, words, front_matter)
    problems.extend(_dangers(sources))
    problems.extend(walked.problems)
    return RenderedPage(
        path=page.path,
        file=page.file,
        title=_title(page, front_matter, walked),
        html=walked.html,
        toc=tuple(walked.toc),
        problems=tuple(problems),
        uses=frozenset(walked.uses),
        links=tuple(walked.links),
        passages=tuple(walked.passages),
        front_matter=front_matter,
        edit_url=page.edit_url,
    )


def _decode(raw: bytes, file: str, problems: list[Problem]) -> str:
    try:
        raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.append(
            Problem("syntax", "Not UTF-8: some characters are replaced. Save the file as UTF-8.", file, line)
        )
    return decoded(raw).replace("\r\n", "\n").replace("\r", "\n")


def _title(page: SitePage, front_matter: Mapping[str, Any], walked: Walked) -> str:
    given = front_matter.get("title")
    if isinstance(given, (str, int, float)) and str(given).strip():
        return str(given)
    if walked.toc and walked.toc[0].level == 1:
        return walked.toc[0].title
    return page.title or title_of_name(page.file.rsplit("/", 1)[-1].rsplit(".", 1)[0])


def _convert(text: str, dialect: Dialect, seconds: float) -> str:
    reason = bounds.guard(text)
    if reason is not None:
        raise TooSlow(reason)
    markdown = take_markdown(dialect)
    bounds.start(seconds)
    try:
        markdown.reset()
        html = markdown.convert(tidy(prepare_blocks(text)))
    finally:
        bounds.stop()
    give_back(dialect, markdown)
    if len(html) > bounds.MAX_HTML:
        raise TooSlow(f"it becomes more than {bounds.MAX_HTML:,} characters.")
    return html


def _failed(
    page: SitePage,
    text: str,
    error: Exception,
    problems: list[Problem],
    words: Words,
    front_matter: Mapping[str, Any],
) -> RenderedPage:
    if isinstance(error, TooSlow):
        reason = str(error)
    elif isinstance(error, RecursionError):
        reason = "its parts are nested too deep."
    else:
        reason = f"an extension of the dialect failed ({type(error).__name__})."
    message = f"The page was not rendered: {reason} Its text is shown as it is."
    problems.append(Problem("refused" if isinstance(error, TooSlow) else "syntax", message, page.file))
    told = escape(words.too_slow.format(reason=reason))
    html = f'<p class="doc-failed">{told}</p><pre class="doc-source"><code>{escape(text[:_MAX_RAW], quote=False)}</code></pre>'
    title = outline_of(text).title or page.title
    return RenderedPage(
        path=page.path,
        file=page.file,
        title=title,
        html=html,
        toc=(),
        problems=tuple(problems),
        uses=frozenset(),
        links=(),
        passages=(Passage("", (), text[:_MAX_RAW]),),
        front_matter=front_matter,
        edit_url=page.edit_url,
        failed=True,
    )


def _dangers(sources: list[tuple[str, str, int]]) -> list[Problem]:
    """What the sanitiser takes away of a page's own HTML, with its line. Code is left out: there it is text."""
    found: list[Problem] = []
    for file, text, first in sources:
        if "<" not in text and ":" not in text:
            continue
        fence = ""
        for number, line in enumerate(text.split("\n")):
            stripped = line.lstrip()
            if fence:
                fence = "" if stripped.startswith(fence) and not stripped.strip("`~ ") else fence
                continue
            if stripped.startswith(("```", "~~~")) and "`" not in stripped.lstrip("`"):
                fence = stripped[: len(stripped) - len(stripped.lstrip(stripped[0]))]
                continue
            if (
                len(found) >= 50
                or line.startswith(("    ", "\t"))
                or ("<" not in line and "script:" not in line.lower())
            ):
                continue
            bare = re.sub(r"`[^`\n]*`", "", line)
            danger = DANGERS.search(bare)
            if (
                danger
                and (danger.group(1) or "<" in bare or "](" in bare)
                and (danger.group(1) or "").lower() != "iframe"
            ):
                what = danger.group(0).strip().rstrip("=\"'")
                message = f"{what} is not allowed in documentation and was left out."
                found.append(Problem("refused", message, file, first + number))
    return found


# -- dialects and sections, kept

_dialects: dict[str, Dialect] = {}
_dialect_lock = threading.Lock()


def site_dialect(site: SiteModel) -> Dialect:
    """The dialect of a site; made once for each structure."""
    with _dialect_lock:
        found = _dialects.get(site.structure)
    if found is None:
        found = dialect_of(site.config, site.defaults.options.kroki_url)
        with _dialect_lock:
            if len(_dialects) > 200:
                _dialects.clear()
            _dialects[site.structure] = found
    return found


@lru_cache(maxsize=8)
def _plain_dialect(kroki_url: str | None) -> Dialect:
    return dialect_of(SiteConfig(None, "", "", "docs"), kroki_url)


_kept_sections: dict[str, dict[str, str]] = {}


class _Sections:
    """The sections of the pages that a page links to: by a glance at their text, and for certain where the glance finds none."""

    def __init__(self, task: RenderTask, dialect: Dialect) -> None:
        self._task = task
        self._dialect = dialect
        self._texts: dict[str, tuple[str, str]] = {}
        self._rendered = 0

    def of(self, page: SitePage, anchor: str) -> Mapping[str, str]:
        """Names of sections by ``#name`` and by likeness; ``anchor`` is among them if it is there, or if that is not known."""
        if page.file not in self._task.texts:
            return {f"#{anchor}": anchor}
        text, key = self._text(page.file)
        found = _kept_sections.get(key)
        if found is None:
            found = _named(anchors_of(text, self._dialect.slug, self._dialect.separator))
            self._keep(key, found)
        if f"#{anchor}" in found or like(anchor) in found:
            return found
        sure = _kept_sections.get(key + "!")
        if sure is None:
            self._rendered += 1
            if self._rendered > _MAX_SURE:
                return {f"#{anchor}": anchor}
            try:
                html = _convert(text, self._dialect, 0.5)
            except Exception:
                html = ""
            sure = {**_named({unescape(i) for i in _RENDERED_ID.findall(html)}), **found}
            self._keep(key + "!", sure)
        return sure

    @staticmethod
    def _keep(key: str, found: dict[str, str]) -> None:
        if len(_kept_sections) > 5_000:
            _kept_sections.clear()
        _kept_sections[key] = found

    def _text(self, file: str) -> tuple[str, str]:
        made = self._texts.get(file)
        if made is None:
            site = self._task.site
            expander = Expander(_snippet_rules(site), site.defaults.options.limits, self._task.texts.get)
            raw = self._task.texts[file][: site.defaults.options.limits.page_bytes]
            text = expander.expand(parse_front_matter(_decode(raw, file, []))[1], file)
            key = hashlib.blake2b(f"{self._dialect.key}\0{text}".encode(), digest_size=16).hexdigest()
            made = self._texts[file] = (text, key)
        return made


def _named(names: set[str]) -> dict[str, str]:
    made = {like(name): name for name in sorted(names, reverse=True) if like(name)}
    return {**made, **{f"#{name}": name for name in names}}

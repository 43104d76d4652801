"""The Markdown dialect of mkdocs-techdocs-core, made ready once for each set of extensions and options.

The set and its options are techdocs-core's; a site's own ``markdown_extensions`` change options and add extensions, as far as these
neither read files nor run code. Line numbers of code are shown only where a page or site asks for them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping

from markdown import Markdown
from markdown.extensions import Extension as MarkdownExtension
from markdown.extensions.toc import slugify as ascii_slug
from pygments.style import Style

from callboard.features.techdocs.interface import Problem
from callboard.features.techdocs.rendering.bounds import bound
from callboard.features.techdocs.rendering.config_yaml import Name
from callboard.features.techdocs.rendering.diagrams import fences
from callboard.features.techdocs.rendering.icons import Icons, emoji_character
from callboard.features.techdocs.rendering.lists import SaneLists
from callboard.features.techdocs.rendering.values import SiteConfig


class _Styleless(type(Style)):  # type: ignore[misc]
    """Tells the formatter of no colours: it would work out a style sheet for every block of code, and nobody reads it."""

    def __iter__(cls) -> Iterator[Any]:
        return iter(())


class _NoStyle(Style, metaclass=_Styleless):
    pass


_KINDS = [
    "new",
    "settings",
    "note",
    "abstract",
    "info",
    "tip",
    "success",
    "question",
    "warning",
    "failure",
    "danger",
    "bug",
    "example",
    "quote",
]

BASE: Mapping[str, Mapping[str, Any]] = {
    "toc": {},
    "admonition": {},
    "pymdownx.details": {},
    "pymdownx.tabbed": {"alternate_style": True},
    "pymdownx.caret": {},
    "pymdownx.critic": {},
    "pymdownx.emoji": {},
    "pymdownx.inlinehilite": {},
    "pymdownx.magiclink": {},
    "pymdownx.mark": {},
    "pymdownx.smartsymbols": {},
    "pymdownx.highlight": {"pygments_lang_class": True, "linenums_style": "pymdownx-inline"},
    "pymdownx.betterem": {"smart_enable": "all"},
    "pymdownx.superfences": {},
    "footnotes": {},
    "attr_list": {},
    "def_list": {},
    "tables": {"use_align_attribute": True},
    "abbr": {},
    "md_in_html": {},
    "pymdownx.tasklist": {"custom_checkbox": True},
    "pymdownx.tilde": {},
    "mdx_truly_sane_lists": {},
}
"""techdocs-core's extensions in its order, with ``pymdownx.extra`` taken apart."""

BLOCKS: Mapping[str, Mapping[str, Any]] = {
    "pymdownx.blocks.admonition": {"types": _KINDS},
    "pymdownx.blocks.details": {"types": [{"name": f"details-{kind}", "class": kind} for kind in _KINDS]},
    "pymdownx.blocks.tab": {"alternate_style": True},
}
"""In place of admonition, details and tabbed with ``techdocs-core: {use_pymdownx_blocks: true}``."""

_MORE = frozenset(
    [
        "nl2br",
        "sane_lists",
        "smarty",
        "legacy_em",
        "legacy_attrs",
        "wikilinks",
        "pymdownx.arithmatex",
        "pymdownx.keys",
        "pymdownx.progressbar",
        "pymdownx.escapeall",
        "pymdownx.saneheaders",
        "pymdownx.fancylists",
        "pymdownx.blocks.admonition",
        "pymdownx.blocks.details",
        "pymdownx.blocks.tab",
        "pymdownx.blocks.definition",
        "pymdownx.blocks.html",
        "pymdownx.blocks.caption",
        "pymdownx.quotes",
    ]
)
_ELSEWHERE = frozenset(
    [
        "pymdownx.snippets",
        "pymdownx.extra",
        "extra",
        "plantuml_markdown",
        "markdown_inline_graphviz",
        "meta",
        "fenced_code",
        "pymdownx.striphtml",
        "pymdownx.pathconverter",
        "mermaid2",
    ]
)
"""Done in another way, or of no effect here."""
_ALSO = {"codehilite": "pymdownx.highlight", "mdx_math": "pymdownx.arithmatex", "pymdownx.github": "pymdownx.magiclink"}
_FORCED: Mapping[str, Mapping[str, Any]] = {
    "toc": {"permalink": False, "anchorlink": False},
    "pymdownx.highlight": {"noclasses": False, "use_pygments": True, "pygments_style": _NoStyle},
    "pymdownx.arithmatex": {"generic": True},
    "pymdownx.tasklist": {"clickable_checkbox": False},
    "pymdownx.emoji": {"emoji_generator": emoji_character, "strict": False, "alt": "unicode"},
}
_OUR_OWN = frozenset(
    {"custom_fences", "emoji_index", "emoji_generator", "slugify", "build_url", "run_validation", "title_template"}
)
_MAX_OPTION = 20_000


@dataclass(frozen=True, slots=True)
class Dialect:
    """Extensions with their options, and what was not followed of what the site asked for. ``key`` tells equal ones."""

    options: Mapping[str, Mapping[str, Any]]
    problems: tuple[Problem, ...]
    key: str
    slug_options: Mapping[str, Any] | None = None
    own_fences: Mapping[str, str] = field(default_factory=dict)
    emoji_index: str = "emojione"
    kroki_url: str | None = None

    def slug(self, text: str, separator: str = "-") -> str:
        """The id of a heading with this text."""
        return _slugifier(self.slug_options)(text, separator)

    @property
    def separator(self) -> str:
        return str(self.options.get("toc", {}).get("separator", "-"))


def dialect_of(config: SiteConfig, kroki_url: str | None) -> Dialect:
    """The dialect that a site's configuration asks for."""
    options: dict[str, dict[str, Any]] = {name: dict(given) for name, given in BASE.items()}
    if config.pymdownx_blocks:
        for name in ("admonition", "pymdownx.details", "pymdownx.tabbed"):
            del options[name]
        options.update({name: dict(given) for name, given in BLOCKS.items()})
    problems: list[Problem] = []
    slug_options: Mapping[str, Any] | None = None
    own_fences: dict[str, str] = {}
    emoji_index = "emojione"

    def tell(message: str, *, refused: bool = False) -> None:
        problems.append(Problem("refused" if refused else "settings", message, config.file or "", None, is_error=False))

    for extension in config.extensions:
        name = extension.name.removeprefix("markdown.extensions.")
        name = _ALSO.get(name, name)
        if name in {"extra", "pymdownx.extra"}:
            for inner, given in extension.options.items():
                inner = inner.removeprefix("markdown.extensions.")
                if inner in options and isinstance(given, dict):
                    options[inner].update({k: v for k, v in given.items() if k not in _OUR_OWN and _is_plain(v)})
            continue
        if name in _ELSEWHERE or extension.name in config.needs_build:
            continue
        if name not in BASE and name not in _MORE:
            tell(f"The Markdown extension {extension.name} is not known here and was left out.", refused=True)
            continue
        if extension.name in _ALSO:
            options.setdefault(name, {})
            continue
        target = options.setdefault(name, {})
        for option, value in extension.options.items():
            if option == "custom_fences":
                own_fences.update(_own_fences(value))
            elif option == "emoji_index":
                emoji_index = (
                    "gemoji" if str(value).endswith("gemoji") else "twemoji" if "twemoji" in str(value) else "emojione"
                )
            elif option == "slugify":
                slug_options = dict(value.options) if isinstance(value, Name) else None
            elif option in _OUR_OWN:
                continue
            elif _is_plain(value):
                target[option] = value
            else:
                tell(f"{extension.name}: the option {option} is too large, or no plain value, and was left out.")
    for name, forced in _FORCED.items():
        if name in options:
            options[name].update(forced)
    key = repr((options, slug_options, own_fences, emoji_index, kroki_url))
    made = Dialect(options, (), key, slug_options, own_fences, emoji_index, kroki_url)
    return Dialect(
        made.options, (*problems, *_unusable(made, config)), key, slug_options, own_fences, emoji_index, kroki_url
    )


def _is_plain(value: Any, depth: int = 0) -> bool:
    if value is None or isinstance(value, (bool, int, float)):
        return True
    if isinstance(value, str):
        return not isinstance(value, Name) and len(value) < _MAX_OPTION
    if depth > 4:
        return False
    if isinstance(value, list):
        return len(value) < 1_000 and all(_is_plain(v, depth + 1) for v in value)
    return isinstance(value, dict) and len(value) < 1_000 and all(_is_plain(v, depth + 1) for v in value.values())


def _own_fences(value: Any) -> dict[str, str]:
    made: dict[str, str] = {}
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict) and isinstance(item.get("name"), str) and isinstance(item.get("class"), str):
            made[item["name"]] = item["class"]
    return made


def _slugifier(options: Mapping[str, Any] | None) -> Any:
    if options is None:
        return ascii_slug
    from pymdownx.slugs import slugify

    case = options.get("case", "none")
    kept = {"case": case if case in {"none", "lower", "lower-ascii", "fold"} else "none"}
    return slugify(**kept, percent_encode=options.get("percent_encode") is True)


def _unusable(dialect: Dialect, config: SiteConfig) -> list[Problem]:
    """Options that an extension does not know, or whose value it cannot take: left out of ``dialect.options``."""
    problems: list[Problem] = []
    for name, options in dialect.options.items():
        default = BASE.get(name) or BLOCKS.get(name) or {}
        assert isinstance(options, dict)
        for option in [o for o in options if o not in default and o not in _FORCED.get(name, {})]:
            try:
                Markdown(
                    extensions=[
                        _extension(name, {**default, **_FORCED.get(name, {}), option: options[option]}, dialect)
                    ]
                )
            except Exception as error:
                message = f"{name}: the option {option} cannot be used and was left out: {error}"
                problems.append(Problem("settings", message[:300], config.file or "", None, is_error=False))
                del options[option]
    return problems


def _extension(name: str, options: Mapping[str, Any], dialect: Dialect) -> MarkdownExtension | str:
    if name == "mdx_truly_sane_lists":
        return SaneLists(**options)
    given = dict(options)
    if name == "toc":
        given["slugify"] = _slugifier(dialect.slug_options)
    elif name == "pymdownx.superfences":
        given["custom_fences"] = fences(dialect.kroki_url, dialect.own_fences)
    elif name == "pymdownx.emoji":
        from pymdownx import emoji

        given["emoji_index"] = getattr(emoji, dialect.emoji_index)
    module = __import__(
        f"markdown.extensions.{name}" if "." not in name else name, fromlist=["makeExtension"]
    )  # names of BASE and _MORE only
    made: MarkdownExtension = module.makeExtension(**given)
    return made


def make_markdown(dialect: Dialect) -> Markdown:
    """A converter for this dialect, with the bounds of ``bounds`` built in. Takes about 10 ms."""
    extensions = [_extension(name, options, dialect) for name, options in dialect.options.items()]
    made = Markdown(extensions=[*extensions, Icons()], output_format="html")
    bound(made)
    return made


_idle: dict[str, list[Markdown]] = {}
_lock = threading.Lock()
_MAX_IDLE = 8


def take_markdown(dialect: Dialect) -> Markdown:
    """A converter that nobody else uses; ``give_back`` it when it worked."""
    with _lock:
        kept = _idle.get(dialect.key)
        if kept:
            return kept.pop()
    return make_markdown(dialect)


def give_back(dialect: Dialect, markdown: Markdown) -> None:
    """Keeps it for the next page. One that failed midway is not given back."""
    with _lock:
        if dialect.key not in _idle and len(_idle) >= _MAX_IDLE:
            _idle.pop(next(iter(_idle)))
        kept = _idle.setdefault(dialect.key, [])
        if len(kept) < 4:
            kept.append(markdown)

"""``mkdocs.yml`` as far as it may be followed: which keys, plugins and extensions survive is what Backstage's techdocs-node 2.0 lets through.

What does not survive is told with its line. Nothing of it would have been run here in any case; that it is told keeps a site the same
when the compatible build makes it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Mapping
from urllib.parse import urlsplit

from callboard.features.techdocs.interface import Problem
from callboard.features.techdocs.rendering.config_yaml import Parsed, parse_config
from callboard.features.techdocs.rendering.files import join_inside
from callboard.features.techdocs.rendering.values import Extension, SiteConfig, SiteDefaults, SiteFiles

CONFIG_NAMES = ("mkdocs.yaml", "mkdocs.yml")
KEPT_KEYS = frozenset(
    [
        "site_name",
        "site_url",
        "site_description",
        "site_author",
        "repo_url",
        "repo_name",
        "edit_uri",
        "edit_uri_template",
        "docs_dir",
        "site_dir",
        "nav",
        "exclude_docs",
        "not_in_nav",
        "theme",
        "plugins",
        "markdown_extensions",
        "extra",
        "extra_css",
        "use_directory_urls",
        "strict",
        "dev_addr",
        "watch",
        "copyright",
        "remote_branch",
        "remote_name",
        "validation",
        "google_analytics",
    ]
)
_UNUSED_HERE = frozenset({"theme", "extra_css"})
_THEME_KEYS = frozenset({"name", "font", "icon", "logo", "favicon", "language", "direction", "palette", "features"})
_PLUGINS = frozenset(
    [
        "techdocs-core",
        "search",
        "material/search",
        "redirects",
        "group",
        "material/group",
        "monorepo",
        "github-admonitions",
    ]
)
_DROPPED_WHY = {
    "hooks": "hooks run code",
    "INHERIT": "it reads another file; copy what it holds",
    "extra_javascript": "pages bring no scripts",
    "extra_templates": "pages bring no templates",
}
_EDIT_URIS = {
    "github.com": "edit/master/docs/",
    "gitlab.com": "edit/master/docs/",
    "bitbucket.org": "src/default/docs/",
}


def find_config(files: frozenset[str], root: str) -> str | None:
    """Where the site's configuration is: ``mkdocs.yaml`` before ``mkdocs.yml``."""
    for name in CONFIG_NAMES:
        path = f"{root}/{name}" if root else name
        if path in files:
            return path
    return None


def read_config(source: SiteFiles, file: str | None, defaults: SiteDefaults) -> tuple[SiteConfig, Parsed]:
    """The configuration that holds, with the parsed file for the lines in it and the problems so far."""
    base = SiteConfig(
        file=file,
        site_name=defaults.title,
        site_description=defaults.description,
        docs_dir=defaults.docs_dir,
        repo_url=defaults.repo_url,
        edit_uri=defaults.edit_uri,
        edit_uri_template=defaults.edit_uri_template,
    )
    if file is None:
        return base, Parsed()
    raw = source.read(file)
    if len(raw) > defaults.options.limits.config_bytes:
        parsed = Parsed()
        message = f"Larger than {defaults.options.limits.config_bytes:,} bytes: not read; defaults hold."
        parsed.problems.append(Problem("refused", message, file))
        return base, parsed
    parsed = parse_config(raw.decode("utf-8-sig", "replace"), file)
    return _Sanitiser(file, parsed, defaults).config(base), parsed


class _Sanitiser:
    def __init__(self, file: str, parsed: Parsed, defaults: SiteDefaults) -> None:
        self.file = file
        self.parsed = parsed
        self.defaults = defaults
        self.needs_build: list[str] = []
        self.redirects: dict[str, str] = {}
        self.blocks = False

    def tell(self, message: str, key: str, *, code: str = "refused", is_error: bool = False) -> None:
        line = self.parsed.lines.get(key) or self.parsed.text_lines.get(key)
        made = Problem("refused" if code == "refused" else "settings", message, self.file, line, is_error)
        self.parsed.problems.append(made)

    def config(self, base: SiteConfig) -> SiteConfig:
        values = self.parsed.values
        allowed = KEPT_KEYS | self.defaults.options.allowed_keys
        for key in values:
            if key not in allowed:
                why = _DROPPED_WHY.get(key, "it is not among the settings that documentation may bring")
                self.tell(f"{key} was left out: {why}.", key)
        kept = {key: value for key, value in values.items() if key in allowed}
        self._theme(kept.get("theme"))
        self._plugins(kept.get("plugins"))
        repo_url = self._web(kept.get("repo_url"), "repo_url") or base.repo_url
        own_repo = repo_url is not None and repo_url != base.repo_url
        return replace(
            base,
            site_name=self._text(kept, "site_name") or base.site_name,
            site_description=self._text(kept, "site_description") or base.site_description,
            docs_dir=self._docs_dir(kept, base.docs_dir),
            nav=self._nav(kept),
            exclude_docs=self._text(kept, "exclude_docs"),
            not_in_nav=self._text(kept, "not_in_nav"),
            use_directory_urls=self._yes(kept, "use_directory_urls", default=True),
            repo_url=repo_url,
            edit_uri=self._edit_uri(kept, base.edit_uri, repo_url if own_repo else None),
            edit_uri_template=self._template(kept) or (None if "edit_uri" in kept else base.edit_uri_template),
            extensions=self._extensions(kept.get("markdown_extensions")),
            redirects=self.redirects,
            pymdownx_blocks=self.blocks,
            needs_build=tuple(self.needs_build),
            extra=kept["extra"] if isinstance(kept.get("extra"), dict) else {},
        )

    def _text(self, values: Mapping[str, Any], key: str) -> str:
        value = values.get(key)
        if value is None or isinstance(value, str):
            return value or ""
        if isinstance(value, (int, float)):
            return str(value)
        self.tell(f"{key} has to be a text; it was left out.", key, code="settings", is_error=True)
        return ""

    def _yes(self, values: Mapping[str, Any], key: str, *, default: bool) -> bool:
        value = values.get(key, default)
        if isinstance(value, bool):
            return value
        self.tell(f"{key} has to be true or false; {str(default).lower()} holds.", key, code="settings", is_error=True)
        return default

    def _web(self, value: Any, key: str) -> str | None:
        if value is None or value == "":
            return None
        try:
            parts = urlsplit(value) if isinstance(value, str) else None
        except ValueError:
            parts = None
        if parts is None or parts.scheme not in {"http", "https"} or not parts.netloc:
            self.tell(f"{key} has to be an http(s) address; it was left out.", key, code="settings", is_error=True)
            return None
        return str(value)

    def _docs_dir(self, values: Mapping[str, Any], default: str) -> str:
        given = values.get("docs_dir", default)
        if not isinstance(given, str) or join_inside("", given) is None:
            self.tell(f"docs_dir {given!r} is not inside the site; {default!r} holds.", "docs_dir", is_error=True)
            return default
        return join_inside("", given) or "."

    def _nav(self, values: Mapping[str, Any]) -> list[Any] | None:
        nav = values.get("nav")
        if nav is None:
            return None
        if isinstance(nav, dict):
            return [{key: value} for key, value in nav.items()]
        if isinstance(nav, list):
            return nav
        self.tell("nav has to be a list; it is made from the folder.", "nav", code="settings", is_error=True)
        return None

    def _edit_uri(self, values: Mapping[str, Any], default: str | None, own_repo: str | None) -> str | None:
        if "edit_uri" in values:
            given = self._text(values, "edit_uri")
            if given and not given.startswith(("?", "#")) and not given.endswith("/"):
                given += "/"
            return given or None
        if own_repo is not None:
            return _EDIT_URIS.get((urlsplit(own_repo).hostname or "").lower(), default)
        return default

    def _template(self, values: Mapping[str, Any]) -> str | None:
        template = self._text(values, "edit_uri_template")
        if not template:
            return None
        rest = re.sub(r"\{(path|path_noext)(![qrs])?\}", "", template)
        if "{" in rest or "}" in rest:
            message = "edit_uri_template may name {path} and {path_noext} only; it was left out."
            self.tell(message, "edit_uri_template", code="settings", is_error=True)
            return None
        return template

    def _theme(self, theme: Any) -> None:
        if not isinstance(theme, dict):
            return
        for key in theme:
            if key not in _THEME_KEYS:
                why = (
                    "it brings templates"
                    if key == "custom_dir"
                    else "it is not among the settings of a theme that are kept"
                )
                self.tell(f"theme.{key} was left out: {why}.", key)

    def _plugins(self, plugins: Any) -> None:
        if plugins is None:
            return
        items = [{k: v} for k, v in plugins.items()] if isinstance(plugins, dict) else plugins
        if not isinstance(items, list):
            self.tell("plugins has to be a list; it was left out.", "plugins", code="settings", is_error=True)
            return
        for item in items:
            name, options = next(iter(item.items()), ("", None)) if isinstance(item, dict) else (item, None)
            if not isinstance(name, str):
                continue
            options = options if isinstance(options, dict) else {}
            if name == "techdocs-core":
                self.blocks = options.get("use_pymdownx_blocks") is True
            elif name == "redirects":
                maps = options.get("redirect_maps")
                if isinstance(maps, dict):
                    self.redirects.update({k: v for k, v in maps.items() if isinstance(v, str)})
            elif name in self.defaults.options.allowed_plugins:
                self.needs_build.append(name)
            elif name not in _PLUGINS:
                self.tell(f"The plugin {name} was left out: it is not among those that documentation may bring.", name)

    def _extensions(self, given: Any) -> tuple[Extension, ...]:
        if given is None:
            return ()
        items = [{k: v} for k, v in given.items()] if isinstance(given, dict) else given
        if not isinstance(items, list):
            message = "markdown_extensions has to be a list; it was left out."
            self.tell(message, "markdown_extensions", code="settings", is_error=True)
            return ()
        made: list[Extension] = []
        for item in items:
            name, options = next(iter(item.items()), ("", None)) if isinstance(item, dict) else (item, None)
            if isinstance(name, str) and name:
                made.append(Extension(name, options if isinstance(options, dict) else {}))
        return tuple(made)

"""Reading a site: configuration, documents, navigation and the map from addresses to files, without rendering a page."""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import replace
from typing import Mapping
from urllib.parse import quote, urljoin, urlsplit

from callboard.features.techdocs.interface import Problem
from callboard.features.techdocs.rendering.config import find_config, read_config
from callboard.features.techdocs.rendering.config_yaml import Parsed
from callboard.features.techdocs.rendering.documents import (
    Documents,
    add_documents,
    address_of,
    below,
    is_index,
    page_stem,
)
from callboard.features.techdocs.rendering.files import FolderFiles, decoded, join_inside
from callboard.features.techdocs.rendering.including import Including, has_includes
from callboard.features.techdocs.rendering.navigation import Entry, Navigating
from callboard.features.techdocs.rendering.outline import outline_of, title_of_name
from callboard.features.techdocs.rendering.render import render, site_dialect
from callboard.features.techdocs.rendering.values import (
    SiteAddress,
    SiteConfig,
    SiteDefaults,
    SiteFiles,
    SiteModel,
    SitePage,
)

_READMES = ("README.md", "readme.md", "Readme.md")


def read_site(files: SiteFiles, defaults: SiteDefaults) -> SiteModel:
    """The site that the files are, read as far as titles and addresses go. Never fails: what is wrong is among ``problems``.

    Costs one reading of every page: about 60 ms for 231 pages of 7 KB.
    """
    root = join_inside("", defaults.root) or ""
    defaults = replace(defaults, root=root)
    paths = sorted(files.paths())
    problems: list[Problem] = []
    if len(paths) > defaults.options.limits.files:
        message = f"More than {defaults.options.limits.files:,} files: those after {paths[defaults.options.limits.files - 1]} were left out."
        problems.append(Problem("refused", message, root))
        paths = paths[: defaults.options.limits.files]
    config_file = find_config(frozenset(paths), root)
    config, parsed = read_config(files, config_file, defaults)
    problems.extend(parsed.problems)
    documents = Documents()
    add_documents(documents, paths, config, defaults, folder=_docs_folder(root, config, defaults))
    if config.nav is not None and has_includes(config):
        including = Including(files, paths, defaults, documents, dict(parsed.text_lines))
        config = replace(config, nav=including.resolve(config.nav, config_file or ""))
    _readme_as_index(documents, paths, defaults)
    if not documents.pages:
        message = f"No Markdown below {below(root, config.docs_dir)}: set docs_dir, or add {below(root, config.docs_dir)}/index.md."
        problems.append(Problem("settings", message, config_file or root, None))
    return _model(files, defaults, config, parsed, documents, problems)


def _docs_folder(root: str, config: SiteConfig, defaults: SiteDefaults) -> str:
    return join_inside(root, config.docs_dir) or ""


def _readme_as_index(documents: Documents, paths: list[str], defaults: SiteDefaults) -> None:
    """README of the source stands in for an index that is not there, as techdocs-node copies it."""
    if not defaults.options.readme_as_index:
        return
    stems = {page_stem(page, defaults.links.suffixes) for page in documents.pages}
    if stems & {"index", "README"}:
        return
    for document in documents.pages:
        if document in _READMES:  # `readme.md` of the documents: mkdocs takes only README for an index
            documents.files["index.md"] = documents.files[document]
            documents.pages[documents.pages.index(document)] = "index.md"
            return
    for name in _READMES:
        file = below(defaults.root, name)
        if file in paths:
            documents.files["index.md"] = file
            documents.pages.insert(0, "index.md")
            return


def _model(
    files: SiteFiles,
    defaults: SiteDefaults,
    config: SiteConfig,
    parsed: Parsed,
    documents: Documents,
    problems: list[Problem],
) -> SiteModel:
    entries: dict[str, Entry] = {}
    digests: dict[str, str] = {}
    addresses: dict[str, str] = {}
    for document in documents.pages:
        file = documents.files[document]
        try:
            content = files.read(file)
        except OSError:
            problems.append(Problem("refused", f"{file} could not be read and was left out.", file))
            continue
        stem = page_stem(document, defaults.links.suffixes) or document
        address = address_of(stem, directory_urls=config.use_directory_urls)
        if address in addresses:
            message = f"{document} and {addresses[address]} have the same address; the latter is shown."
            problems.append(Problem("nav", message, file))
            continue
        addresses[address] = document
        outline = outline_of(decoded(content[: defaults.options.limits.page_bytes]))
        title = outline.title or _title_of(stem, config)
        entries[document] = Entry(document, address, title, outline.weight)
        digests[document] = hashlib.blake2b(content, digest_size=16).hexdigest()
    navigating = Navigating(
        entries, documents.hidden, defaults.links, defaults.options.limits, config.file, parsed.text_lines
    )
    nav = navigating.from_folder() if config.nav is None else navigating.from_config(config.nav)
    problems.extend(documents.problems)
    problems.extend(navigating.problems)
    order = list(navigating.listed)
    outside = [e.address for e in entries.values() if e.address not in navigating.listed]
    by_address = {e.address: e for e in entries.values()}
    pages = {
        address: SitePage(
            path=address,
            file=documents.files[by_address[address].document],
            document=by_address[address].document,
            title=navigating.listed.get(address) or by_address[address].title,
            digest=digests[by_address[address].document],
            in_nav=address in navigating.listed,
            edit_url=edit_url_of(config, documents, by_address[address].document),
        )
        for address in (*order, *outside)
    }
    by_document = {document: entry.address for document, entry in entries.items()}
    aliases = _aliases(config, defaults, pages, by_document, problems, parsed)
    if isinstance(files, FolderFiles):
        problems.extend(files.problems)
    structure = hashlib.blake2b(digest_size=16)
    for part in (
        config,
        defaults,
        sorted(documents.files.items()),
        sorted(by_document.items()),
        sorted(aliases.items()),
    ):
        structure.update(repr(part).encode())
    whole = structure.copy()
    whole.update(repr([(p.path, p.title, p.digest) for p in pages.values()]).encode())
    return SiteModel(
        title=config.site_name,
        description=config.site_description,
        config=config,
        defaults=defaults,
        nav=nav,
        pages=pages,
        documents=documents.files,
        by_document=by_document,
        aliases=aliases,
        problems=tuple(problems),
        structure=structure.hexdigest(),
        digest=whole.hexdigest(),
    )


def _title_of(stem: str, config: SiteConfig) -> str:
    if is_index(stem):
        folder = posixpath.dirname(stem)
        return title_of_name(posixpath.basename(folder)) if folder else "Home"
    return title_of_name(posixpath.basename(stem))


def _aliases(
    config: SiteConfig,
    defaults: SiteDefaults,
    pages: Mapping[str, SitePage],
    by_document: Mapping[str, str],
    problems: list[Problem],
    parsed: Parsed,
) -> dict[str, str]:
    """Addresses without slash, with ``.html`` and so on, and the redirects that the site asks for."""
    made: dict[str, str] = {}
    for document, address in by_document.items():
        stem = page_stem(document, defaults.links.suffixes) or document
        names = [document, stem, f"{stem}.html", f"{stem}/index.html"]
        if is_index(stem):
            folder = posixpath.dirname(stem)
            names += [folder, below(folder, "index.html"), below(folder, "index"), below(folder, "index.md")]
        for name in names:
            if name.strip("/") != address:
                made.setdefault(name.strip("/"), address)
    if pages and "" not in pages:
        made.setdefault("", next(iter(pages)))
    for old, new in config.redirects.items():
        target = _redirect_target(new, by_document, made)
        stem_of_old = page_stem(posixpath.normpath(old.lstrip("/")), defaults.links.suffixes)
        if target is None or stem_of_old is None:
            what = f"{new!r} is not a page" if target is None else f"{old!r} is not the name of a Markdown file"
            line = parsed.text_lines.get(old)
            problems.append(Problem("nav", f"redirects: {what}.", config.file or "", line))
            continue
        for name in (
            old.lstrip("/"),
            address_of(stem_of_old, directory_urls=config.use_directory_urls),
            stem_of_old,
            f"{stem_of_old}.html",
        ):
            if name.strip("/") not in pages and f"{name.strip('/')}/" not in pages:
                made[name.strip("/")] = target
    return made


def _redirect_target(new: str, by_document: Mapping[str, str], aliases: Mapping[str, str]) -> str | None:
    try:
        parts = urlsplit(new)
    except ValueError:
        return None
    if parts.scheme or parts.netloc:
        return new if parts.scheme in {"http", "https"} and parts.netloc else None
    path = posixpath.normpath(parts.path.lstrip("/")) if parts.path.strip("/") else ""
    address = by_document.get(path, aliases.get(path))
    if address is None:
        return None
    return f"{address}#{parts.fragment}" if parts.fragment else address


def edit_url_of(config: SiteConfig, documents: Documents, document: str) -> str | None:
    """Where the page's file is edited, by mkdocs' rules for ``repo_url``, ``edit_uri`` and ``edit_uri_template``."""
    file = documents.files[document]
    folder = documents.roots.get("", "")
    path = quote(posixpath.relpath(file, folder or "."), safe="/.!~*'()-_")
    if config.edit_uri_template:
        noext = posixpath.splitext(path)[0]
        uri = config.edit_uri_template
        for name, value in (("path", path), ("path_noext", noext)):
            uri = uri.replace("{" + name + "!q}", quote(value, safe="")).replace("{" + name + "}", value)
    elif config.edit_uri:
        uri = config.edit_uri + path
    else:
        return None
    base = config.repo_url or ""
    if base and not uri.startswith(("?", "#")) and not base.endswith("/"):
        base += "/"
    try:
        url = urljoin(base, uri)
        return url if urlsplit(url).scheme in {"http", "https"} else None
    except ValueError:
        return None


def check_site(site: SiteModel, files: SiteFiles) -> tuple[Problem, ...]:
    """All that is wrong with a site: what ``read_site`` found, what each page has, and pages that nothing leads to.

    Renders every page: about 10 ms each.
    """
    address = SiteAddress("/", "/")
    problems = [*site.problems, *site_dialect(site).problems]
    linked: set[str] = set()
    for path in site.pages:
        rendered = render(site, path, files, address)
        problems.extend(rendered.problems)
        linked.update(link.target for link in rendered.links if link.kind == "page" and link.target != path)
    for page in site.pages.values():
        if not page.in_nav and page.path not in linked and page.path:
            message = f"Nothing leads to {page.document}: it is not in the navigation and no page links to it."
            problems.append(Problem("orphan", message, page.file, is_error=False))
    return tuple(dict.fromkeys(problems))

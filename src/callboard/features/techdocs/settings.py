"""Settings of documentation, read once. Names are Backstage's where the thing is the same."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Mapping
from urllib.parse import urlsplit

from callboard.kernel.settings import Setting, Settings
from callboard.model.refs import EntityRef, RefError
from callboard.model.urls import DEFAULT_HOSTS, HostKind, Hosts

MIB = 1024 * 1024

SECRET_TOLD = "The address holds a user name or password, which readers would be shown. Take it out, and name a token for the host below integrations."
SETTINGS: tuple[Setting, ...] = (
    Setting("techdocs.sites", "list", [], help="Sites that the settings name beside, or instead of, annotations of entities."),
    Setting("techdocs.sites[].entity", "text", None, None, "Ref of the entity whose documentation it is."),
    Setting("techdocs.sites[].source", "text", None, None, "Folder (relative to the working directory) or URL of a folder; without it, the annotation of the entity."),
    Setting("techdocs.sites[].docsDir", "text", None, None, "Folder of the pages below source, where mkdocs.yml does not say it; . is source itself."),
    Setting("techdocs.sites[].title", "text", None, None, "Name of the site, where mkdocs.yml does not say it."),
    Setting("techdocs.sites[].links.prefixes", "object", {"/": ""}, help="What links of the site begin with, and where that is below docsDir."),
    Setting("techdocs.sites[].links.suffixes", "object", {".html.md": ".html"}, help="Endings of files that are pages, and how links to them end instead."),
    Setting("techdocs.sites[].links.absoluteBase", "text", None, None, "Where links lead that begin with / and name no page of the site; without it they are broken."),
    Setting("techdocs.sites[].editUrl", "text", None, None, "Address where a page is edited, with {path} for its file."),
    Setting("techdocs.sites[].sourceUrl", "text", None, None, "Address where a page's source is shown, with {path} for its file."),
    Setting("techdocs.limits.files", "number", 20_000, "files", "A site with more files is refused."),
    Setting("techdocs.limits.totalBytes", "number", 256 * MIB, "bytes", "A site whose files are larger together is refused."),
    Setting("techdocs.limits.fileBytes", "number", 20 * MIB, "bytes", "A larger file of a site is left out, and told as a problem."),
    Setting("techdocs.limits.cacheBytes", "number", 256 * MIB, "bytes", "Rendered pages that are kept; those not read for longest go first."),
    Setting("techdocs.limits.versions", "number", 20, "versions", "Branches, tags and commits of a site that are kept beside its own version."),
    Setting("techdocs.checkEvery", "duration", "60s", None, "How often a source elsewhere is asked whether it changed, when somebody reads the site."),
    Setting("techdocs.sweepEvery", "duration", "15m", None, "How often all sources are asked, read or not, so that search knows them; false for never."),
    Setting("techdocs.watchFiles", "flag", True, help="Notice changes of sites on disk within a second; as catalog.watchFiles unless set."),
    Setting("techdocs.staleAfter", "duration", "365d", None, "A page that nobody changed for so long is told as stale; false for never."),
    Setting("techdocs.rendering.workers", "number", 1, "processes", "Processes that render pages; 0 renders in the portal's own, without a limit of time."),
    Setting("techdocs.rendering.timeout", "duration", "10s", None, "A page that takes longer is given up."),
    Setting("techdocs.krokiUrl", "text", None, None, "Kroki server that draws PlantUML, Graphviz and other diagrams; without one their source is shown."),
    Setting("techdocs.imageHosts", "list", [], help="Foreign hosts whose pictures are shown in pages, * for all; others become links."),
    Setting("techdocs.sanitizer.allowedIframeHosts", "list", [], help="Hosts that pages may embed."),
    Setting("techdocs.generator.mkdocs.dangerouslyAllowAdditionalPlugins", "list", [], help="Plugins of mkdocs that docs build runs beside Backstage's."),
    Setting("techdocs.generator.mkdocs.dangerouslyAllowAdditionalKeys", "list", [], help="Keys of mkdocs.yml that docs build keeps beside Backstage's."),
    Setting("techdocs.publisher.type", "text", "local", None, "Where published sites are read from: local or awsS3."),
    Setting("techdocs.publisher.local.publishDirectory", "text", None, None, "Folder with published sites."),
    Setting("techdocs.publisher.awsS3.bucketName", "text", None, None, "Bucket with published sites."),
    Setting("techdocs.publisher.awsS3.bucketRootPath", "text", "", None, "Folder in the bucket."),
    Setting("techdocs.publisher.awsS3.region", "text", "us-east-1", None, "Region of the bucket."),
    Setting("techdocs.publisher.awsS3.endpoint", "text", None, None, "Address of a server that speaks S3."),
    Setting("techdocs.publisher.awsS3.s3ForcePathStyle", "flag", False, help="Name the bucket in the path instead of the host."),
    Setting("techdocs.publisher.awsS3.sse", "text", None, None, "Encryption that is asked for when publishing: aws:kms or AES256."),
    Setting("techdocs.publisher.awsS3.credentials.accessKeyId", "secret", None, None, "Key; without it AWS_ACCESS_KEY_ID of the environment."),
    Setting("techdocs.publisher.awsS3.credentials.secretAccessKey", "secret", None, None, "Secret of the key; without it AWS_SECRET_ACCESS_KEY."),
    Setting("techdocs.publisher.awsS3.credentials.sessionToken", "secret", None, None, "Token of temporary credentials; without it AWS_SESSION_TOKEN."),
    Setting("techdocs.cache.ttl", "duration", None, "milliseconds", "How long files of published sites are kept in memory; another build is read anew at once. Without it they are read for each reader."),
    Setting("techdocs.cache.readTimeout", "duration", None, "milliseconds", "Of no effect here: what is kept is kept in memory, and nothing is waited for."),
    Setting("techdocs.builder", "text", "local", None, "local: read Markdown at once; external: show only what was published."),
    Setting("techdocs.legacyUseCaseSensitiveTripletPaths", "flag", False, help="Published sites lie below namespace/kind/name in the letters of the entity."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """How links find files in a site that was not written for mkdocs. None is the renderer's own rule."""

    prefixes: tuple[tuple[str, str], ...] | None = None
    suffixes: tuple[tuple[str, str], ...] | None = None
    absolute_base: str | None = None


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """What the settings say of one site. Empty texts and None leave it to the entity and mkdocs.yml."""

    entity: str
    source: str | None = None
    is_folder: bool = False
    docs_dir: str | None = None
    title: str = ""
    links: LinkSettings = LinkSettings()
    edit_url: str | None = None
    source_url: str | None = None


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """What a site may hold."""

    files: int = 20_000
    total_bytes: int = 256 * MIB
    file_bytes: int = 20 * MIB


@dataclass(frozen=True, slots=True)
class S3Settings:
    """A bucket and how to reach it. ``key_id`` None: the environment's."""

    bucket: str
    root: str
    region: str
    endpoint: str | None
    path_style: bool
    sse: str | None
    key_id: str | None
    secret: str | None = field(repr=False, default=None)
    session_token: str | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class TechDocsSettings:
    """What the parts are built from. ``stale_after`` and ``sweep_every`` None: never."""

    sites: Mapping[str, SiteSettings] = field(default_factory=dict)
    limits: SourceLimits = SourceLimits()
    cache_bytes: int = 256 * MIB
    versions: int = 20
    check_every: timedelta = timedelta(seconds=60)
    sweep_every: timedelta | None = timedelta(minutes=15)
    watch_files: bool = True
    stale_after: timedelta | None = timedelta(days=365)
    workers: int = 1
    timeout: timedelta = timedelta(seconds=10)
    publisher: Literal["local", "awsS3"] = "local"
    publish_directory: Path | None = None
    s3: S3Settings | None = None
    is_external: bool = False
    keeps_case: bool = False
    cache_ttl: timedelta | None = None
    file_roots: tuple[Path, ...] = ()
    kroki_url: str | None = None
    image_hosts: frozenset[str] = frozenset()
    iframe_hosts: frozenset[str] = frozenset()
    plugins: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    hosts: Hosts = field(default_factory=lambda: DEFAULT_HOSTS)

    @property
    def s3_hosts(self) -> tuple[str, ...]:
        """Hosts of the bucket, which may be inside the network: the settings name them."""
        if self.s3 is None or self.s3.endpoint is None:
            return ()
        host = urlsplit(self.s3.endpoint).netloc
        return (host, f"{self.s3.bucket}.{host}")

    @classmethod
    def of(cls, settings: Settings, working_dir: Path) -> TechDocsSettings:
        """Raises ``SettingsError`` with the key at fault."""
        publisher = settings.get_str("techdocs.publisher.type", "local")
        if publisher not in ("local", "awsS3"):
            raise settings.error(
                "techdocs.publisher.type", f"must be local or awsS3, not {publisher!r}: others cannot be read yet."
            )
        builder = settings.get_str("techdocs.builder", "local")
        if builder not in ("local", "external"):
            raise settings.error("techdocs.builder", f"must be local or external, not {builder!r}.")
        directory = settings.get_str("techdocs.publisher.local.publishDirectory", "")
        every = settings.get("techdocs.sweepEvery", "15m")
        stale = settings.get("techdocs.staleAfter", "365d")
        return cls(
            sites=_sites(settings, working_dir),
            limits=SourceLimits(
                _positive(settings, "techdocs.limits.files", 20_000),
                _positive(settings, "techdocs.limits.totalBytes", 256 * MIB),
                _positive(settings, "techdocs.limits.fileBytes", 20 * MIB),
            ),
            cache_bytes=_positive(settings, "techdocs.limits.cacheBytes", 256 * MIB),
            versions=_positive(settings, "techdocs.limits.versions", 20),
            check_every=settings.get_duration("techdocs.checkEvery", "60s"),
            sweep_every=None if every is False else settings.get_duration("techdocs.sweepEvery", "15m"),
            watch_files=settings.get_bool("techdocs.watchFiles", settings.get_bool("catalog.watchFiles", True)),
            stale_after=None if stale is False else settings.get_duration("techdocs.staleAfter", "365d"),
            workers=settings.get_int("techdocs.rendering.workers", 1),
            timeout=settings.get_duration("techdocs.rendering.timeout", "10s"),
            publisher="awsS3" if publisher == "awsS3" else "local",
            publish_directory=working_dir / directory if directory else None,
            s3=_s3(settings) if publisher == "awsS3" else None,
            is_external=builder == "external",
            cache_ttl=_kept_for(settings),
            keeps_case=settings.get_bool("techdocs.legacyUseCaseSensitiveTripletPaths", False),
            file_roots=tuple(
                Path(os.path.realpath(working_dir / str(root))) for root in settings.get_list("catalog.fileRoots", [])
            ),
            kroki_url=_address(settings, "techdocs.krokiUrl"),
            image_hosts=_names(settings, "techdocs.imageHosts"),
            iframe_hosts=_names(settings, "techdocs.sanitizer.allowedIframeHosts"),
            plugins=_names(settings, "techdocs.generator.mkdocs.dangerouslyAllowAdditionalPlugins"),
            keys=_names(settings, "techdocs.generator.mkdocs.dangerouslyAllowAdditionalKeys"),
            hosts=_hosts(settings),
        )


_HOST_KINDS: Mapping[str, HostKind] = {
    "github": "github", "gitlab": "gitlab", "bitbucketCloud": "bitbucketCloud", "bitbucketServer": "bitbucketServer", "azure": "azure",
    "gitea": "gitea",
}  # fmt: skip


def _hosts(settings: Settings) -> Hosts:
    found: dict[str, HostKind] = dict(DEFAULT_HOSTS)
    for name, kind in _HOST_KINDS.items():
        for row in settings.get(f"integrations.{name}", []) or []:
            if isinstance(row, Mapping) and row.get("host"):
                found[str(row["host"]).lower()] = kind
    return found


def _names(settings: Settings, key: str) -> frozenset[str]:
    return frozenset(str(name) for name in settings.get_list(key, []))


def _address(settings: Settings, key: str) -> str | None:
    found = settings.get_str(key, "").rstrip("/")
    if found and not found.startswith(("https://", "http://")):
        raise settings.error(key, "must be an address such as https://kroki.example.org.")
    return found or None


def _positive(settings: Settings, key: str, default: int) -> int:
    found = settings.get_int(key, default)
    if found < 1:
        raise settings.error(key, "must be at least 1.")
    return found


def _sites(settings: Settings, working_dir: Path) -> Mapping[str, SiteSettings]:
    found: dict[str, SiteSettings] = {}
    for index, row in enumerate(settings.get_list("techdocs.sites", [])):
        where = ("techdocs", "sites", index)
        if not isinstance(row, Mapping) or not row.get("entity"):
            raise settings.error(where, "needs entity, the ref of the entity that it documents.")
        try:
            ref = str(EntityRef.parse(str(row["entity"]), default_kind="component"))
        except RefError as error:
            raise settings.error((*where, "entity"), str(error)) from None
        if ref in found:
            raise settings.error((*where, "entity"), f"{ref} has a row already.")
        found[ref] = _site(settings, where, ref, row, working_dir)
    return found


def holds_secret(url: str) -> bool:
    """Whether somebody wrote a password or token into the address, which all readers of the site would be shown."""
    return "@" in url.partition("://")[2].partition("/")[0]


def _kept_for(settings: Settings) -> timedelta | None:
    """``techdocs.cache.ttl``; a bare number is milliseconds, as Backstage has it."""
    given = settings.get("techdocs.cache.ttl", None)
    if isinstance(given, int) and not isinstance(given, bool):
        if given <= 0:
            raise settings.error("techdocs.cache.ttl", "must be more than 0 milliseconds.")
        return timedelta(milliseconds=given)
    found: timedelta | None = settings.get_duration("techdocs.cache.ttl", None)
    return found


def _site(settings: Settings, where: Any, ref: str, row: Mapping[str, Any], working_dir: Path) -> SiteSettings:
    def text(key: str) -> str | None:
        value = row.get(key)
        return None if value is None else str(value).strip() or None

    source = text("source")
    is_folder = source is not None and "://" not in source
    if source is not None and is_folder:
        source = os.path.normpath(working_dir / source.removeprefix("dir:"))
    elif source is not None and holds_secret(source):
        raise settings.error((*where, "source"), SECRET_TOLD)
    docs_dir = text("docsDir")
    if docs_dir is not None and (os.path.isabs(docs_dir) or ".." in docs_dir.split("/")):
        raise settings.error((*where, "docsDir"), "must be a folder below source.")
    for key in ("editUrl", "sourceUrl"):
        address = text(key)
        if address is not None and (not address.startswith(("https://", "http://")) or "{path}" not in address):
            raise settings.error((*where, key), "must be an address with {path} in it.")
    return SiteSettings(
        ref, source, is_folder, docs_dir, text("title") or "", _links(settings, (*where, "links"), row.get("links") or {}),
        text("editUrl"), text("sourceUrl"),
    )  # fmt: skip


def _links(settings: Settings, where: Any, given: Any) -> LinkSettings:
    if not isinstance(given, Mapping):
        raise settings.error(where, "must hold prefixes, suffixes and absoluteBase.")
    base = given.get("absoluteBase")
    if base is not None and not str(base).startswith(("https://", "http://")):
        raise settings.error((*where, "absoluteBase"), "must be an address.")
    return LinkSettings(
        _pairs(settings, (*where, "prefixes"), given.get("prefixes")),
        _pairs(settings, (*where, "suffixes"), given.get("suffixes")),
        None if base is None else str(base),
    )


def _pairs(settings: Settings, where: Any, given: Any) -> tuple[tuple[str, str], ...] | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or not all(isinstance(part, str) for pair in given.items() for part in pair):
        raise settings.error(where, "must be texts by texts, such as {.html.md: .html}.")
    return tuple(sorted(given.items(), key=lambda pair: (-len(pair[0]), pair[0])))


def _s3(settings: Settings) -> S3Settings:
    base = "techdocs.publisher.awsS3"
    bucket = settings.get_str(f"{base}.bucketName", "")
    if not bucket:
        raise settings.error(f"{base}.bucketName", "is needed where techdocs.publisher.type is awsS3.")
    endpoint = settings.get_str(f"{base}.endpoint", "") or None
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        raise settings.error(f"{base}.endpoint", "must be an address such as https://s3.example.org.")
    return S3Settings(
        bucket=bucket,
        root=settings.get_str(f"{base}.bucketRootPath", "").strip("/"),
        region=settings.get_str(f"{base}.region", "us-east-1"),
        endpoint=endpoint.rstrip("/") if endpoint else None,
        path_style=settings.get_bool(f"{base}.s3ForcePathStyle", False),
        sse=settings.get_str(f"{base}.sse", "") or None,
        key_id=settings.get_str(f"{base}.credentials.accessKeyId", "") or None,
        secret=settings.get_str(f"{base}.credentials.secretAccessKey", "") or None,
        session_token=settings.get_str(f"{base}.credentials.sessionToken", "") or None,
    )

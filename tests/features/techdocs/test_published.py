"""Sites that somebody published: from a folder and from a bucket, served as they are, read in our own reader."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from callboard.features.techdocs.building.publishing import publish
from callboard.features.techdocs.interface import PageNotFound, SiteNotFound, SiteQuery
from callboard.features.techdocs.plugin import register_search_collators
from callboard.features.techdocs.published.extracting import extract
from callboard.features.techdocs.published.s3 import S3Store, authorization
from callboard.features.techdocs.published.stores import FolderStore
from callboard.features.techdocs.settings import S3Settings
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.kernel.http_client import HttpClient
from callboard.kernel.settings import Settings
from callboard.testing import FakeClock, FakeHttp, SentRequest, admin
from callboard.testing.http import FakeAnswer
from tests.features.techdocs.conftest import REF, component, library, names, world, write_site

__all__ = ["library", "world"]
pytestmark = pytest.mark.anyio
PAGE = """<!doctype html><html><head><title>Set-up - Payments</title></head><body>
<nav class="md-nav md-nav--primary"><label class="md-nav__title">Payments</label><ul class="md-nav__list">
<li class="md-nav__item"><a href="../.." class="md-nav__link"><span>Home</span></a></li>
<li class="md-nav__item md-nav__item--nested"><input type="checkbox"><label class="md-nav__link">Guide</label>
<nav class="md-nav"><label class="md-nav__title">Guide</label><ul class="md-nav__list">
<li class="md-nav__item"><label class="md-nav__link">Set-up</label><a href="./" class="md-nav__link md-nav__link--active">Set-up</a>
<nav class="md-nav md-nav--secondary"><ul><li><a href="#ports" class="md-nav__link">Ports</a></li></ul></nav></li>
</ul></nav></li></ul></nav>
<article class="md-content__inner md-typeset"><h1 id="set-up">Set-up<a class="headerlink" href="#set-up">¶</a></h1>
<p onclick="x()">See <a href="../../">home</a>, <a href="#ports">ports</a> and <a href="javascript:x()">this</a>.</p>
<script>alert(1)</script><img src="../../img/flow.png" onerror="x()"><h2 id="ports">Ports</h2><pre><code>8080</code></pre></article>
<footer>not this</footer></body></html>"""
METADATA = {
    "site_name": "Payments docs",
    "site_description": "All",
    "build_timestamp": 1_795_000_000_000,
    "etag": "abc",
}


def built(folder: Path) -> Path:
    files = {
        "index.html": PAGE.replace("../..", "."),
        "guide/setup/index.html": PAGE,
        "img/flow.png": "png",
        "sitemap.xml": "<x/>",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "techdocs_metadata.json").write_text(
        json.dumps({**METADATA, "files": [*files, "techdocs_metadata.json"]})
    )
    return folder


async def test_a_published_site_is_served_as_it_is_and_read_in_our_reader(world, library, tmp_path):
    """Backstage's layout, its files byte for byte; our pages hold the article alone, safe, with our links."""
    store = FolderStore(tmp_path / "published")
    await publish(built(tmp_path / "site"), REF, store, tell=lambda done, total: None)
    assert (tmp_path / "published/default/component/payments/techdocs_metadata.json").is_file()
    settings = {"builder": "external", "publisher": {"local": {"publishDirectory": str(tmp_path / "published")}}}
    async with library(component(techdocs_ref="dir:."), techdocs=settings) as lib, lib.portal.client(admin()) as client:
        site = await lib.site()
        assert (site.title, site.kind, site.read_at.year) == ("Payments docs", "published", 2026)
        assert names(site.nav) == [("Home", ""), ("Guide", [("Set-up", "")])] or names(site.nav)[0] == ("Home", "")
        page = await lib.page("guide/setup")
        assert (page.title, page.path) == ("Set-up", "guide/setup/")
        assert 'href="/docs/default/component/payments/"' in page.html
        assert 'src="/docs-assets/default/component/payments/img/flow.png"' in page.html
        for bad in ("script", "onclick", "onerror", "javascript:", "not this", "¶"):
            assert bad not in page.html
        assert [(one.id, one.level) for one in page.toc] == [("doc-set-up", 1), ("doc-ports", 2)]
        base = "/api/techdocs/static/docs/default/component/payments"
        raw = await client.get(f"{base}/guide/setup/index.html")
        assert (raw.text, raw.headers["content-type"]) == (PAGE, "text/plain; charset=utf-8")
        assert (await client.get(f"{base}/sitemap.xml")).headers["content-type"] == "text/plain; charset=utf-8"
        metadata = (await client.get("/api/techdocs/metadata/techdocs/default/component/payments")).json()
        assert metadata["etag"] == "abc"
        assert (await lib.docs.asset(REF, "img/flow.png", actor=SYSTEM)).content == b"png"
        for path in ("../x", "nowhere/"):
            with pytest.raises(PageNotFound):
                await lib.page(path)


async def test_search_finds_what_was_published(world, library, tmp_path):
    """By the search index that mkdocs wrote, HTML in it taken away; another build is another revision."""
    site = built(tmp_path / "site")
    docs = [
        {"location": "", "title": "Home", "text": "<p>Takes &amp; gives</p>"},
        {"location": "guide/#ports", "title": "Ports", "text": "8080"},
    ]
    (site / "search").mkdir()
    (site / "search" / "search_index.json").write_text(json.dumps({"config": {}, "docs": docs}))
    store = FolderStore(tmp_path / "published")
    await publish(site, REF, store, tell=lambda done, total: None)
    settings = {"builder": "external", "publisher": {"local": {"publishDirectory": str(tmp_path / "published")}}}
    async with library(component(techdocs_ref="dir:."), techdocs=settings) as lib:
        await lib.settle()
        (collator,) = register_search_collators(lib.portal.portal)
        scopes = [scope async for batch in collator.scopes() for scope, _ in batch]
        documents = (await collator.documents(scopes))[scopes[0]]
        assert [(one.text.strip(), one.location) for one in documents] == [
            ("Takes & gives", "/docs/default/component/payments"), ("8080", "/docs/default/component/payments/guide/#doc-ports"),
        ]  # fmt: skip


async def test_publishing_again_takes_away_what_is_gone(tmp_path):
    """Files of the build before go; a folder without a built site is refused."""
    store = FolderStore(tmp_path / "published")
    site = built(tmp_path / "site")
    await publish(site, REF, store, tell=lambda done, total: None)
    (site / "sitemap.xml").unlink()
    await publish(site, REF, store, tell=lambda done, total: None)
    assert "default/component/payments/sitemap.xml" not in await store.list("default/component/payments/")
    (site / "techdocs_metadata.json").unlink()
    with pytest.raises(InputError, match="docs build"):
        await publish(site, REF, store, tell=lambda done, total: None)
    with pytest.raises(InputError, match="leads out"):
        await store.put("../x", b"", "text/plain")
    assert await store.find("../site/index.html") is None


async def test_nothing_published_and_nothing_to_read_is_no_site(world, library, tmp_path):
    """An external builder that has not run yet: the reason says what to do."""
    settings = {"builder": "external", "publisher": {"local": {"publishDirectory": str(tmp_path / "published")}}}
    async with library(component("plain"), component(techdocs_ref="dir:."), techdocs=settings) as lib:
        with pytest.raises(SiteNotFound):
            await lib.site("component:default/plain")
        with pytest.raises(SiteNotFound, match="docs publish"):
            await lib.site()


class Bucket:
    """Objects behind signed requests, as S3 answers them."""

    def __init__(self, secret: str = "sesame") -> None:
        self.objects: dict[str, bytes] = {}
        self.secret = secret

    def handle(self, sent: SentRequest) -> FakeAnswer:
        from urllib.parse import parse_qs, unquote, urlsplit
        from xml.etree import ElementTree as ET

        parts = urlsplit(sent.url)
        if not self._is_signed(sent, parts):
            return FakeAnswer(403, {}, b"<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error>")
        key = unquote(parts.path).removeprefix("/docs/")
        if parts.query.startswith("delete"):
            for found in ET.fromstring(sent.body).iter("Key"):
                self.objects.pop(found.text or "", None)
            return FakeAnswer(200, {}, b"<DeleteResult/>")
        if "list-type=2" in parts.query:
            given = parse_qs(parts.query)
            keys = sorted(key for key in self.objects if key.startswith(given["prefix"][0]))
            after = given.get("continuation-token", [""])[0]
            rest = [key for key in keys if key > after]
            more = f"<NextContinuationToken>{rest[1]}</NextContinuationToken>" if len(rest) > 2 else ""
            rows = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in rest[:2])
            xml = f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{rows}{more}</ListBucketResult>'
            return FakeAnswer(200, {}, xml.encode())
        if sent.method == "PUT":
            self.objects[key] = sent.body
            return FakeAnswer(200)
        if key not in self.objects:
            return FakeAnswer(404, {}, b"<Error><Code>NoSuchKey</Code></Error>")
        return FakeAnswer(200, {"etag": f'"{hashlib.md5(self.objects[key]).hexdigest()}"'}, self.objects[key])

    def _is_signed(self, sent: SentRequest, parts: Any) -> bool:
        given = sent.headers.get("authorization", "")
        signed = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        headers = {name: sent.headers[name] for name in signed}
        digest = hashlib.sha256(sent.body).hexdigest()
        stamp = sent.headers["x-amz-date"]
        query = "&".join(part if "=" in part else f"{part}=" for part in parts.query.split("&")) if parts.query else ""
        wanted = authorization(
            sent.method,
            parts.path,
            query,
            headers,
            digest,
            key_id="ali",
            secret=self.secret,
            region="eu-west-1",
            stamp=stamp,
            day=stamp[:8],
        )
        return given == wanted and sent.headers["x-amz-content-sha256"] == digest


class Transport(FakeHttp):
    """Everything goes to the bucket."""

    def __init__(self, bucket: Bucket) -> None:
        super().__init__()
        self._bucket = bucket

    async def handle_async_request(self, request: Any) -> Any:
        import httpx2

        body = await request.aread()
        sent = SentRequest(request.method, str(request.url), {k.lower(): v for k, v in request.headers.items()}, body)
        self.sent.append(sent)
        answer = self._bucket.handle(sent)
        return httpx2.Response(answer.status, headers=dict(answer.headers), content=answer.body, request=request)


def s3(**more: Any) -> S3Settings:
    given = {
        "root": "root",
        "region": "eu-west-1",
        "endpoint": "http://s3.test:9000",
        "path_style": True,
        "sse": None,
        "key_id": "ali",
    }
    return S3Settings("docs", **{**given, "secret": "sesame", **more})


async def test_a_bucket_holds_sites_as_a_folder_does(tmp_path):
    """Every request is signed; listings go on over pages; the root path stands before all keys."""
    bucket = Bucket()
    transport = Transport(bucket)
    store = S3Store(
        s3(sse="AES256"), HttpClient(Settings.of({}), FakeClock(), transport, allow=["s3.test:9000"]), FakeClock(), {}
    )
    await publish(built(tmp_path / "site"), REF, store, tell=lambda done, total: None)
    listed = await store.list("default/component/payments/")
    assert len(listed) == 5
    assert set(bucket.objects) == {f"root/{path}" for path in listed}
    found = await store.find("default/component/payments/img/flow.png")
    assert found is not None
    assert found.content == b"png"
    assert await store.find("default/component/none/x y+ü.png") is None
    await store.put("odd/x y+ü&=.png", b"1", "image/png")
    assert bucket.objects["root/odd/x y+ü&=.png"] == b"1"
    await store.delete([*listed, "odd/x y+ü&=.png"])
    assert bucket.objects == {}
    assert {sent.headers["x-amz-server-side-encryption"] for sent in transport.sent if sent.method == "PUT"} == {
        "AES256"
    }


async def test_a_refused_bucket_says_which_setting_to_look_at():
    """A wrong secret is told as such, and never shown."""
    store = S3Store(
        s3(secret="wrong-secret"),
        HttpClient(Settings.of({}), FakeClock(), Transport(Bucket()), allow=["s3.test:9000"]),
        FakeClock(),
        {},
    )
    with pytest.raises(NotAllowedError, match=r"SignatureDoesNotMatch.*credentials") as refused:
        await store.find("x")
    assert "wrong-secret" not in str(refused.value)


def test_signatures_are_those_of_the_specification():
    """The example of Amazon's own documentation (GET Object with a range)."""
    empty = hashlib.sha256(b"").hexdigest()
    at = datetime(2013, 5, 24, tzinfo=UTC)
    made = authorization(
        "GET", "/test.txt", "",
        {"host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9", "x-amz-content-sha256": empty, "x-amz-date": "20130524T000000Z"},
        empty, key_id="AKIAIOSFODNN7EXAMPLE", secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", region="us-east-1",
        stamp=f"{at:%Y%m%dT%H%M%SZ}", day=f"{at:%Y%m%d}",
    )  # fmt: skip
    assert made.endswith("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")


def test_hostile_html_of_a_published_site_is_shown_as_text_or_left_out():
    """What mkdocs wrote may come from anybody who may publish."""
    html = (
        "<article class='md-content__inner'><svg onload=x()><a href='javascript:1'>a</a></svg><iframe src=//x></iframe>"
        "<a href='data:text/html,x'>b</a><img src=x onerror=y><div style='position:fixed'>c</div><form action=/x><input name=q></form>"
        "<a href='../../../../etc'>d</a><math><mi xlink:href='javascript:1'>e</mi></math></article>"
    )
    page = extract(html, "a/b/index.html", lambda path: f"/docs/{path}", lambda path: f"/files/{path}")
    for bad in ("javascript:", "onload", "onerror", "iframe", "style", "data:", "<form", "<svg", "<math"):
        assert bad not in page.html
    assert 'href="/docs/etc"' in page.html


async def test_a_site_that_is_only_published_is_in_the_library_checked_and_dated(world, library, tmp_path):
    """As live sites are: pages, age by its build, broken links, sections and pictures of its HTML; each build anew, and gone when it goes."""
    root = tmp_path / "published" / "default/component/payments"
    site = built(root)
    (site / "index.html").write_text(
        '<article><h1 id="a">A</h1>\n<a href="guide/setup/#ports">ok</a> <a href="guide/setup/#gone">x</a>'
        '<a href="nowhere/">y</a>\n<img src="img/flow.png"><img src="img/<b>.png"> <a href="#a">top</a>'
        '<a href="https://example.org/">out</a><script><a href="never/"></script></article>'
    )
    settings = {"builder": "external", "publisher": {"local": {"publishDirectory": str(tmp_path / "published")}}}
    async with library(component(techdocs_ref="dir:."), techdocs=settings) as lib, lib.portal.client(admin()) as client:
        await lib.settle()
        ((one,), total) = await lib.docs.list_sites(SiteQuery(), actor=SYSTEM)
        assert (total, one.kind, one.pages, one.failure) == (1, "published", 2, None)
        assert one.changed_at == datetime.fromtimestamp(1_795_000_000, UTC)
        found = [(p.code, p.file, p.line, p.is_error) for p in await lib.docs.check(REF, actor=SYSTEM)]
        assert sorted(found) == [
            ("anchor", "index.html", 2, False), ("image", "index.html", 3, True), ("link", "index.html", 2, True),
        ]  # fmt: skip
        page = await client.get("/docs/problems?site=" + REF)
        assert "img/&lt;b&gt;.png" in page.text
        assert "<b>.png" not in page.text
        assert "Payments" in (await client.get("/docs")).text
        again = {**METADATA, "build_timestamp": 1_700_000_000_000, "files": ["index.html"]}
        (site / "techdocs_metadata.json").write_text(json.dumps(again))
        before = len(await lib.events("techdocs.pages.changed"))
        assert await lib.docs.refresh(REF, actor=SYSTEM) is True
        assert await lib.docs.refresh(REF, actor=SYSTEM) is False
        assert len(await lib.events("techdocs.pages.changed")) == before + 1
        codes = [problem.code for problem in await lib.docs.check(REF, actor=SYSTEM)]
        assert "stale" in codes
        (site / "techdocs_metadata.json").unlink()
        await lib.docs.refresh(REF, actor=SYSTEM)
        ((one,), _) = await lib.docs.list_sites(SiteQuery(), actor=SYSTEM)
        assert "was published yet" in (one.failure or "")
        assert one.pages is None


async def test_a_site_is_read_again_when_it_is_not_published_any_more(world, library, tmp_path):
    """What the library knew of the build gives way to the entity's own Markdown, and the other way round."""
    root = tmp_path / "published" / "default/component/payments"
    built(root)
    settings = {"publisher": {"local": {"publishDirectory": str(tmp_path / "published")}}}
    bare = component(techdocs_ref="nonsense")
    async with library(bare, techdocs=settings) as lib:
        await lib.settle()
        assert (await lib.page()).site.kind == "published"
        ((one,), _) = await lib.docs.list_sites(SiteQuery(), actor=SYSTEM)
        assert (one.kind, one.pages) == ("published", 2)
        write_site(world)
        world.write("catalog-info.yaml", component(techdocs_ref="dir:."))
        await lib.site_of_catalog.sweep()
        await lib.settle()
        assert "Takes money" in (await lib.page()).html
        ((one,), _) = await lib.docs.list_sites(SiteQuery(), actor=SYSTEM)
        assert (one.kind, one.pages) == ("live", 2)


async def test_published_files_are_kept_for_as_long_as_the_settings_say(world, library, tmp_path):
    """``techdocs.cache.ttl``: the store is asked once for a file until the time is over, or another build is there."""
    root = built(tmp_path / "published" / "default/component/payments")
    publisher = {"local": {"publishDirectory": str(tmp_path / "published")}}
    settings = {"builder": "external", "publisher": publisher, "cache": {"ttl": 600_000, "readTimeout": 500}}

    async def picture(lib: Any) -> bytes:
        return (await lib.docs.asset(REF, "img/flow.png", actor=SYSTEM)).content

    async with library(component(techdocs_ref="dir:."), techdocs=settings) as lib:
        assert await picture(lib) == b"png"
        (root / "img/flow.png").write_bytes(b"other")
        assert await picture(lib) == b"png"
        lib.later(601)
        assert await picture(lib) == b"other"
        (root / "img/flow.png").write_bytes(b"third")
        (root / "techdocs_metadata.json").write_text(json.dumps({**METADATA, "etag": "another"}))
        await lib.docs.refresh(REF, actor=SYSTEM)
        assert await picture(lib) == b"third"

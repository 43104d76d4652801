"""Published sites in a bucket, against moto's server: another reading of S3's interface than the one that our client was written by."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from threading import Thread
from typing import Any, AsyncIterator, Iterator

import pytest

from callboard.features.techdocs.building.publishing import publish
from callboard.features.techdocs.domain import SitePlan
from callboard.features.techdocs.published.reading import METADATA, PublishedSites
from callboard.features.techdocs.published.s3 import S3Store
from callboard.features.techdocs.settings import S3Settings, SiteSettings, TechDocsSettings
from callboard.kernel.clock import SystemClock
from callboard.kernel.errors import NotAllowedError, NotFoundError
from callboard.kernel.http_client import HttpClient
from callboard.kernel.settings import Settings
from tests.features.techdocs.conftest import REF

pytestmark = pytest.mark.anyio
BUCKET = "acme-docs"
ACCOUNT = "123456789012"
FOLDER = "default/component/payments"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """moto's server on loopback, in this process."""
    import moto.server as moto  # half a second: only for who runs these tests
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = make_server("127.0.0.1", 0, moto.DomainDispatcherApplication(moto.create_backend_app), threaded=True)
    thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    thread.join(5)
    running.server_close()


@pytest.fixture
def endpoint(server: str) -> Iterator[str]:
    """An empty bucket, which whoever has keys of moto's accounts may use."""
    from moto.iam.models import iam_backends
    from moto.s3.models import s3_backends

    s3_backends[ACCOUNT]["aws"].create_bucket(BUCKET, "us-east-1")
    yield server
    for backends in (s3_backends, iam_backends):
        backends[ACCOUNT]["aws"].reset()


@pytest.fixture
async def store(endpoint: str) -> AsyncIterator[Any]:
    """``store(secret=…)``: the bucket as our client has it."""
    opened: list[HttpClient] = []

    def make(**changes: Any) -> S3Store:
        given = {"key_id": "AKIATEST", "secret": "secret", "root": "docs", "bucket": BUCKET, **changes}
        settings = S3Settings(region="us-east-1", endpoint=endpoint, path_style=True, sse="AES256", **given)
        opened.append(HttpClient(Settings.of({}), SystemClock(), allow=[endpoint.removeprefix("http://")]))
        return S3Store(settings, opened[-1], SystemClock(), {})

    yield make
    for http in opened:
        await http.close()


def _built(folder: Path) -> Path:
    files = {
        "index.html": '<title>Payments</title><article><h1 id="a">Payments ü</h1></article>',
        "a b/ü+%/index.html": '<article><h1 id="b">Odd name</h1></article>',
        "img/flow.png": "png",
    }
    metadata = {"site_name": "Payments", "build_timestamp": 1_795_000_000_000, "files": list(files)}
    for name, text in {**files, METADATA: json.dumps(metadata)}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


async def test_a_site_is_published_read_and_taken_away(store, tmp_path):
    """Byte for byte, whatever its files are called; a second build takes away what it has no more; absent is absent."""
    bucket, site = store(), _built(tmp_path / "site")
    assert await publish(site, REF, bucket, tell=lambda done, total: None) == 4
    odd = await bucket.find(f"{FOLDER}/a b/ü+%/index.html")
    assert odd is not None
    assert odd.content == (site / "a b/ü+%/index.html").read_bytes()
    assert odd.etag
    assert await bucket.find(f"{FOLDER}/nowhere.html") is None
    published = PublishedSites(bucket, SystemClock(), TechDocsSettings.of(Settings.of({}), tmp_path))
    plan = SitePlan(REF, "Payments", "", None, (), SiteSettings(REF))
    assert "Payments ü" in (await published.page(plan, "")).html
    assert (await published.page(plan, "a b/ü+%/")).title == "Odd name"
    assert (await published.asset(plan, "img/flow.png")).content == b"png"
    (site / "img/flow.png").unlink()
    await publish(site, REF, bucket, tell=lambda done, total: None)
    assert [path.removeprefix(FOLDER) for path in await bucket.list(f"{FOLDER}/")] == [
        "/a b/ü+%/index.html", "/index.html", "/techdocs_metadata.json",
    ]  # fmt: skip


async def test_more_objects_than_a_page_holds_are_listed_and_deleted(store):
    """S3 lists and deletes a thousand at a time."""
    from moto.s3.models import s3_backends

    backend = s3_backends[ACCOUNT]["aws"]
    for number in range(1_003):
        backend.put_object(BUCKET, f"docs/{FOLDER}/{number:04d}.html", b"x")
    backend.put_object(BUCKET, "docs/default/component/payments-2/index.html", b"x")
    bucket = store()
    listed = await bucket.list(f"{FOLDER}/")
    assert (len(listed), len(set(listed)), listed[-1]) == (1_003, 1_003, f"{FOLDER}/1002.html")
    await bucket.delete(listed)
    assert await bucket.list("default/component/") == ["default/component/payments-2/index.html"]


async def test_what_the_bucket_refuses_says_what_to_do(store, monkeypatch):
    """Unknown keys, a wrong secret (moto reckons signatures by itself), a bucket that is not there."""
    from moto.iam.models import iam_backends

    with pytest.raises(NotFoundError, match=r"NoSuchBucket.*Check bucketName"):
        await store(bucket="no-such-docs").list("default/")
    iam = iam_backends[ACCOUNT]["aws"]
    iam.create_user("aws", "publisher")
    key = iam.create_access_key("publisher")
    everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    iam.put_user_policy("publisher", "all", json.dumps(everything))
    monkeypatch.setattr("moto.core.responses.settings.INITIAL_NO_AUTH_ACTION_COUNT", 0.0)
    mine = store(key_id=key.access_key_id, secret=key.secret_access_key)
    await mine.put(f"{FOLDER}/index.html", b"<p>", "text/html")
    assert await mine.list(f"{FOLDER}/") == [f"{FOLDER}/index.html"]
    for given in ({"key_id": "AKIANOBODY"}, {"key_id": key.access_key_id, "secret": "wrong-secret"}):
        with pytest.raises(
            NotAllowedError, match=r"(InvalidAccessKeyId|SignatureDoesNotMatch).*credentials"
        ) as refused:
            await store(**given).find(f"{FOLDER}/index.html")
        assert "wrong-secret" not in refused.value.message

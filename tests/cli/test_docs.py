"""``callboard docs``: publish and serve."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from callboard.cli.docs_serve import Preview, make_server
from tests.cli.calls import run, run_json


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "docs").mkdir(parents=True)
    (folder / "docs" / "index.md").write_text("# Hello\n\nSee [more](more.md) and [none](none.md).\n")
    (folder / "docs" / "more.md").write_text("# More\n")
    return folder


def test_publish_puts_a_built_site_where_the_settings_say(tmp_path, monkeypatch, capsys):
    """Backstage's layout; without a place, and without a built site, the error says what to do."""
    monkeypatch.chdir(tmp_path)
    built = tmp_path / "built"
    built.mkdir()
    config = tmp_path / "app-config.yaml"
    config.write_text("techdocs:\n  publisher:\n    type: local\n    local:\n      publishDirectory: published\n")
    arguments = ["docs", "publish", str(built), "--entity", "payments", "--config", str(config)]
    code, _, err = run(capsys, *arguments)
    assert (code, "docs build" in err) == (2, True)
    (built / "index.html").write_text("<p>hi")
    (built / "techdocs_metadata.json").write_text("{}")
    assert run_json(capsys, *arguments) == {"entity": "component:default/payments", "files": 2}
    assert (tmp_path / "published/default/component/payments/index.html").read_text() == "<p>hi"
    config.write_text("app: {title: x}\n")
    assert "publishDirectory" in run(capsys, *arguments)[2]


def test_serve_shows_pages_as_they_are_now(site):
    """Pages, pictures and changes; nothing outside; other hosts' names are not answered."""
    preview = Preview(site, None)
    server = make_server(preview, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    base = f"http://127.0.0.1:{server.server_port}"
    try:
        first = fetch(f"{base}/")
        assert 'href="/more/"' in first
        assert "none.md" in first
        mark = fetch(f"{base}/-/changes")
        (site / "docs" / "index.md").write_text("# Changed, and longer\n")
        assert fetch(f"{base}/-/changes") != mark
        assert "Changed, and longer" in fetch(f"{base}/")
        for path in ("/../../etc/passwd", "/%2e%2e/site", "/nowhere/"):
            with pytest.raises(urllib.error.HTTPError) as missing:
                fetch(base + path)
            assert missing.value.code == 404
            missing.value.close()
        with pytest.raises(urllib.error.HTTPError) as foreign:
            fetch(f"{base}/", host="evil.test")
        assert foreign.value.code == 421
        foreign.value.close()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def fetch(url: str, host: str | None = None) -> str:
    request = urllib.request.Request(url, headers={"host": host} if host else {})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return str(answer.read().decode())


def test_check_tells_what_is_wrong_and_where(site, capsys, tmp_path):
    """Files and lines of a folder, errors by the exit status; warnings fail only when asked; what is no folder says what to name."""
    code, out, _ = run(capsys, "docs", "check", str(site))
    assert code == 1
    assert "docs/index.md:3: error: The link none.md leads to no page" in out
    (site / "docs" / "index.md").write_text("# Hello\n\nFine.\n")
    (site / "mkdocs.yml").write_text("site_name: X\nnav: [index.md]\nplugins: [techdocs-core]\n")
    found = run_json(capsys, "docs", "check", str(site))
    assert (found["errors"], found["warnings"], found["pages"]) == (0, 1, 2)
    assert found["problems"][0]["code"] == "orphan"
    assert run(capsys, "docs", "check", str(site), "--strict")[0] == 1
    code, _, err = run(capsys, "docs", "check", str(tmp_path / "nowhere"))
    assert (code, "is not a folder" in err) == (2, True)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run(capsys, "docs", "check", str(empty))[0] != 0


def test_check_knows_the_age_of_pages_from_git(site, capsys):
    """With --max-age pages are told that nobody changed for so long, and who was the last."""
    import os
    import subprocess

    (site / "docs" / "index.md").write_text("# Hello\n\n[more](more.md)\n")
    old = {**os.environ, "GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z"}
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "Docs"]):
        subprocess.run(["git", *command], cwd=site, env=old, check=True)
    assert run(capsys, "docs", "check", str(site))[0] == 0
    code, out, _ = run(capsys, "docs", "check", str(site), "--max-age", "30", "--strict")
    assert code == 1
    assert "docs/more.md: warning: Nobody changed this page for" in out
    assert "Ada was the last" in out

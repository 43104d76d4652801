"""``callboard template update`` on repositories of this machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from callboard.cli.commands import run
from callboard.features.scaffolder.updates.record_file import BASE_PATH, RECORD_PATH, read_record
from callboard.features.scaffolder.updates.trees import Node, Tree, read_folder
from tests.features.scaffolder.updates.histories import History, commit, git, merge_file

TEMPLATE = """
apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata: {name: service}
spec:
  type: service
  parameters:
    - required: [name]
      properties:
        name: {type: string}
        token: {type: string, 'ui:field': Secret}
%s
  steps:
    - {id: fetch, action: fetch:template, input: {url: ./skeleton, values: {name: '${{ parameters.name }}'%s}}}
    - {id: publish, action: publish:github, input: {repoUrl: x}}
    - {id: info, action: catalog:write, input: {entity: {apiVersion: v1, kind: Component, metadata: {name: '${{ parameters.name }}'},
       spec: {url: '${{ steps.publish.output.remoteUrl }}'}}}}
"""


class Place:
    """A template's folder and a repository. ``update`` is the command; it gives what ``--json`` prints, and the exit status."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.template = folder / "templates" / "template.yaml"
        self.repo = folder / "repo"
        self.values = folder / "values.json"
        self.capsys = capsys
        self.template.parent.mkdir()
        self.repo.mkdir()
        git(self.repo, "init", "-q")
        git(self.repo, "config", "user.name", "Ada")
        git(self.repo, "config", "user.email", "ada@example.com")
        self.values.write_text(json.dumps({"name": "payments", "token": "s3cret-token"}))
        self.skeleton({"README.md": "# ${{ values.name }}\n\nfirst\n\nlast\n", "run.sh": "echo\n"})

    def skeleton(self, files: dict[str, str], questions: str = "", values: str = "") -> None:
        self.template.write_text(TEMPLATE % (questions, values))
        for path, text in files.items():
            file = self.template.parent / "skeleton" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def update(self, *arguments: str) -> tuple[dict[str, Any], int]:
        self.capsys.readouterr()
        code = run(["template", "update", "--repo", str(self.repo), "--json", *arguments])
        told = self.capsys.readouterr()
        return json.loads(told.out or told.err), code

    def begin(self) -> None:
        """The repository as the template made it, with its record."""
        made, code = self.update("--template", str(self.template), "--values", str(self.values), "--write")
        assert code == 0 and made["written"]
        record = self.record()
        for path, node in record.files.items():
            (self.repo / path).parent.mkdir(parents=True, exist_ok=True)
            if node.content is None:  # binary: only its hash is recorded
                node = Node.of_file((self.template.parent / "skeleton" / path).read_bytes())
            (self.repo / path).write_bytes(node.content or b"")
            (self.repo / path).chmod(node.mode)
        self.commit()

    def commit(self) -> None:
        git(self.repo, "add", "-A")
        git(self.repo, "commit", "-q", "-m", "work")

    def record(self) -> Any:
        return read_record((self.repo / RECORD_PATH).read_bytes(), (self.repo / BASE_PATH).read_bytes())


@pytest.fixture
def place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Place:
    return Place(tmp_path, capsys)


def test_a_repository_follows(place: Place) -> None:
    """Begun by a first record, changed on both sides, written and committed; then there is nothing to do."""
    place.begin()
    assert place.record().answers == {"name": "payments"} and "s3cret" not in (place.repo / RECORD_PATH).read_text()
    assert place.record().source == "../templates/template.yaml"
    readme = place.repo / "README.md"
    readme.write_text(readme.read_text().replace("first", "ours"))
    place.commit()
    place.skeleton({"README.md": "# ${{ values.name }}\n\nfirst\n\nnew last\n", "docs/new.md": "${{ values.name }}\n"})
    seen, code = place.update("--check")
    assert code == 1 and seen["isBehind"] and readme.read_text().endswith("ours\n\nlast\n")
    assert {one["path"]: one["outcome"] for one in seen["files"]} == {
        "README.md": "merged", "catalog-info.yaml": "unchanged", "docs/new.md": "added", "run.sh": "unchanged",
    }  # fmt: skip
    made, code = place.update("--write")
    assert code == 0 and made["written"]
    assert readme.read_text() == "# payments\n\nours\n\nnew last\n"
    assert (place.repo / "docs/new.md").read_text() == "payments\n"
    place.commit()
    again, code = place.update("--write", "--check")
    assert code == 0 and not again["isBehind"] and "written" not in again


def test_a_branch_leaves_the_files_alone(place: Place) -> None:
    """The commit stands on its own branch, record and all; a clash is marked there and told by the exit status."""
    place.begin()
    (place.repo / "run.sh").write_text("echo ours\n")
    place.commit()
    (place.repo / "README.md").write_text("not committed, and not of this commit\n")
    place.skeleton({"run.sh": "echo theirs\n", "README.md": "# ${{ values.name }}\n"})
    made, code = place.update("--branch", "template-update")
    assert code == 1 and made["branch"] == "template-update" and made["counts"]["clash"] == 1
    shown = git(place.repo, "show", "template-update:run.sh").stdout.decode()
    assert shown.startswith("<<<<<<< repository\necho ours\n=======\necho theirs\n>>>>>>> template ")
    assert git(place.repo, "show", "template-update:README.md").stdout == b"# payments\n"
    assert (place.repo / "README.md").read_text().startswith("not committed")
    names = git(place.repo, "diff", "--name-only", "HEAD", "template-update").stdout.decode().split()
    assert sorted(names) == [BASE_PATH, RECORD_PATH, "README.md", "run.sh"]
    told, code = place.update("--branch", "template-update")
    assert code == 1 and "already" in told["error"]["message"]
    git(place.repo, "checkout", "-q", "-f", "template-update")
    told, code = place.update("--write")
    assert code == 1 and "run.sh" in told["error"]["message"] and "Resolve" in told["error"]["message"]


def test_new_questions(place: Place) -> None:
    """A default answers them; without one the name is told, and --values answers."""
    place.begin()
    port = "        port: {type: number, default: 8080}\n"
    place.skeleton({"run.sh": "echo ${{ values.port }}\n"}, port, ", port: '${{ parameters.port }}'")
    assert place.update("--write")[1] == 0
    assert (place.repo / "run.sh").read_text() == "echo 8080\n" and place.record().answers["port"] == 8080
    place.commit()
    place.skeleton({}, port + "    - required: [team]\n      properties: {team: {type: string}}\n")
    told, code = place.update()
    assert code == 2 and "team" in told["error"]["message"]
    place.values.write_text('{"team": "red"}')
    assert place.update("--values", str(place.values), "--write")[1] == 0
    assert place.record().answers["team"] == "red"


def test_work_that_is_not_saved_is_not_written_over(place: Place) -> None:
    """Neither changes without a commit nor files that git ignores."""
    place.begin()
    place.skeleton({"run.sh": "echo 2\n"})
    (place.repo / "run.sh").write_text("echo 1\n")
    told, code = place.update("--write")
    assert code == 1 and "run.sh has changes that are not committed" in told["error"]["message"]
    git(place.repo, "checkout", "-q", ".")
    (place.repo / ".gitignore").write_text("local.env\n")
    place.commit()
    (place.repo / "local.env").write_text("mine\n")
    place.skeleton({"local.env": "theirs\n"})
    told, code = place.update("--write")
    assert code == 1 and "local.env" in told["error"]["message"]
    assert (place.repo / "local.env").read_text() == "mine\n"


def test_without_a_record(place: Place) -> None:
    """The template as it was stands for it; without that and without a template, the way is told."""
    told, code = place.update()
    assert code == 2 and "--template" in told["error"]["field"]
    old = place.template.parent.parent / "old"
    place.template.parent.rename(old)
    place.template.parent.mkdir()
    place.skeleton({"README.md": "# ${{ values.name }}\n\nsecond\n", "run.sh": "echo\n"})
    (place.repo / "README.md").write_text("# payments\n\nfirst\n\nlast\n")
    (place.repo / "run.sh").write_text("echo ours\n")
    place.commit()
    arguments = ("--template", str(place.template), "--values", str(place.values), "--from", str(old / "template.yaml"))
    made, code = place.update(*arguments, "--write")
    assert code == 0, made
    assert (place.repo / "README.md").read_text() == "# payments\n\nsecond\n"
    assert (place.repo / "run.sh").read_text() == "echo ours\n"
    # Removed here before there was a record: it stays away.
    assert not (place.repo / "catalog-info.yaml").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ('{"format": 9}', "format"),
        ('{"format": 1, "template": {}}', "answers"),
        ('{"format": 1, "template": {"ref": "", "source": "", "version": ""}, "answers": {}, "files": {"../x": {"mode": "120000", "link": "y"}}}', "path"),
        ('{"format": 1, "template": {"ref": "", "source": "", "version": ""}, "answers": {}, "files": {"x": {"mode": 1}}}', "mode"),
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_used(place: Place, text: str, message: str) -> None:
    """What is wrong, and that version control has the good one."""
    (place.repo / ".callboard").mkdir()
    (place.repo / RECORD_PATH).write_text(text)
    told, code = place.update()
    assert code == 2 and message in told["error"]["message"] and "version control" in told["error"]["message"]


@pytest.mark.slow
def test_history_of_twenty_versions(place: Place, tmp_path: Path) -> None:
    """Bar of the whole way: 20 versions of a template, edits in between, every file as ``git merge-file`` says."""
    history = History(20)
    ours: Tree = {}
    for number, skeleton in enumerate(history.versions):
        folder = place.template.parent / "skeleton"
        if folder.exists():
            shutil.rmtree(folder)
        for path, node in skeleton.items():
            if node.link is not None:
                continue
            place.skeleton({path: ""})
            (folder / path).write_bytes(node.content or b"")
            (folder / path).chmod(node.mode)
        if number == 0:
            place.begin()
            ours = read_folder(place.repo)
            continue
        base = place.record().files
        ours = history.changed(ours, by="here", share=0.15)
        commit(place.repo, {**ours, **_records(place)})
        made, code = place.update("--write")
        told = {one["path"]: one for one in made["files"]}
        now, theirs = read_folder(place.repo), place.record().files
        for path in {*base} & {*theirs} & {*ours}:
            b, t, o = base[path], theirs[path], ours[path]
            if b.is_binary or t.is_binary:
                assert now[path] == (t if o == b else o)
                continue
            merged, conflicts = merge_file(tmp_path, o.content or b"", b.content or b"", t.content or b"")
            version = f"template {place.record().version[:12]}".encode()
            assert now[path].content == merged.replace(b">>>>>>> template", b">>>>>>> " + version), path
            assert (told[path]["outcome"] == "clash") == (conflicts > 0)
        assert code == (1 if made["counts"].get("clash") else 0)
        theirs = {**theirs, **skeleton}  # with the contents of binary files
        ours = {
            path: theirs.get(path, node) if told.get(path, {}).get("outcome") == "clash" else node
            for path, node in now.items()
        }
        ours = {path: node for path, node in ours.items() if ".from-template" not in path}


def _records(place: Place) -> dict[str, Any]:
    return {path: Node.of_file((place.repo / path).read_bytes()) for path in (RECORD_PATH, BASE_PATH)}

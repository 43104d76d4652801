"""The three-way update of trees: what follows, what stays, what is marked."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callboard.features.scaffolder.updates.merging import FileChange, TreeUpdate, update_tree
from callboard.features.scaffolder.updates.text_merge import GitMerge, MergedText, has_markers
from callboard.features.scaffolder.updates.trees import Node, Tree, read_folder
from tests.features.scaffolder.updates.histories import History, commit, git, merge_file

MERGE = GitMerge()


def text(*lines: str) -> Node:
    return Node.of_file("".join(f"{line}\n" for line in lines).encode())


def one(base: Node | None, theirs: Node | None, ours: Node | None) -> tuple[TreeUpdate, FileChange | None]:
    trees = [{} if node is None else {"a.txt": node} for node in (base, theirs, ours)]
    update = update_tree(*trees, MERGE)
    return update, update.changes[0] if update.changes else None


A, B, C = text("one", "two", "three"), text("one", "2", "three"), text("one", "zwei", "three")


@pytest.mark.parametrize(
    ("base", "theirs", "ours", "outcome", "result"),
    [
        (A, A, A, "unchanged", A),
        (A, B, A, "follows", B),
        (A, A, B, "kept_local", B),
        (A, B, B, "unchanged", B),
        (None, A, None, "added", A),
        (None, A, A, "unchanged", A),
        (A, None, A, "removed", None),
        (A, A, None, "removed_here", None),
        (A, B, None, "removed_here", None),
        (A, None, B, "kept_local", B),
    ],
)
def test_outcomes(base: Node | None, theirs: Node | None, ours: Node | None, outcome: str, result: Node | None) -> None:
    """What one side left alone takes the other side's state."""
    update, change = one(base, theirs, ours)
    assert change is not None and change.outcome == outcome and not change.is_clash
    assert update.tree.get("a.txt") == result


def test_files_of_the_repository_alone_are_not_spoken_of() -> None:
    """They stay, and are no part of the report."""
    update, change = one(None, None, A)
    assert change is None and update.tree == {"a.txt": A} and update.is_empty


def test_a_removal_against_an_edit_is_told() -> None:
    """Neither is done to the other silently."""
    assert one(A, B, None)[1] == FileChange("a.txt", "removed_here", "template_changed")
    assert one(A, None, B)[1] == FileChange("a.txt", "kept_local", "template_removed")


def test_edits_of_both_are_merged_and_clashes_are_marked() -> None:
    """Markers read as git's, with the names of the sides."""
    many = [str(number) for number in range(20)]
    update, change = one(text(*many), text("zero", *many[1:]), text(*many[:-1], "last"))
    assert change == FileChange("a.txt", "merged")
    assert update.tree["a.txt"] == text("zero", *many[1:-1], "last")
    update, change = one(A, B, C)
    assert change == FileChange("a.txt", "clash", "text", conflicts=1)
    marked = update.tree["a.txt"].content or b""
    assert marked == b"one\n<<<<<<< repository\nzwei\n=======\n2\n>>>>>>> template\nthree\n" and has_markers(marked)


def test_both_added_the_same_name() -> None:
    """Common lines stand once, the rest is marked."""
    update, change = one(None, B, C)
    assert change is not None and change.reason == "both_added" and has_markers(update.tree["a.txt"].content or b"")


def test_binary_clash() -> None:
    """The repository's stays in its place, the template's lies beside it, also when only the hash of the base is known."""
    base, theirs, ours = (Node.of_file(b"\0" + mark) for mark in (b"base", b"theirs", b"ours"))
    for known in (base, Node(base.digest)):
        update, change = one(known, theirs, ours)
        assert change == FileChange("a.txt", "clash", "binary", aside="a.txt.from-template")
        assert update.tree == {"a.txt": ours, "a.txt.from-template": theirs}
    assert one(Node(base.digest), theirs, base)[1] == FileChange("a.txt", "follows")


def test_modes_and_links() -> None:
    """The executable bit follows apart from the content; links that differ are kept and laid aside."""
    script = Node.of_file(A.content or b"", is_executable=True)
    update, change = one(A, script, C)
    assert change == FileChange("a.txt", "merged", mode_changed=True)
    assert update.tree["a.txt"] == Node(C.digest, True) and update.tree["a.txt"].content == C.content
    update, change = one(Node.of_link("v1"), Node.of_link("v2"), Node.of_link("v1"))
    assert change == FileChange("a.txt", "follows", link_changed=True)
    update, change = one(Node.of_link("v1"), Node.of_link("v2"), Node.of_link("v3"))
    assert change == FileChange("a.txt", "clash", "link", aside="a.txt.from-template")
    assert one(A, Node.of_link("v2"), B)[1] == FileChange("a.txt", "clash", "kind", aside="a.txt.from-template")


LONG = text(*[f"line number {number}" for number in range(12)])
LONG_THERE = text("changed there", *[f"line number {number}" for number in range(1, 12)])
LONG_HERE = text(*[f"line number {number}" for number in range(11)], "changed here")
LONG_BOTH = text("changed there", *[f"line number {number}" for number in range(1, 11)], "changed here")


def test_a_file_that_the_template_moved_takes_local_edits_along() -> None:
    """At its new place, where the old one is gone."""
    update = update_tree({"old.md": LONG}, {"docs/new.md": LONG_THERE}, {"old.md": LONG_HERE}, MERGE)
    assert update.tree == {"docs/new.md": LONG_BOTH} and update.deleted == ["old.md"]
    assert update.changes == [FileChange("docs/new.md", "merged", was="old.md")]


def test_a_file_that_was_moved_here_is_followed() -> None:
    """What the template changes in it arrives at its new place."""
    update = update_tree({"old.md": LONG}, {"old.md": LONG_THERE}, {"docs/new.md": LONG_HERE}, MERGE)
    assert update.tree == {"docs/new.md": LONG_BOTH} and update.changes == [FileChange("docs/new.md", "merged")]


def test_moved_alike_on_both_sides() -> None:
    """One file, merged from its three versions."""
    update = update_tree({"old.md": LONG}, {"new.md": LONG_THERE}, {"new.md": LONG_HERE}, MERGE)
    assert update.tree == {"new.md": LONG_BOTH}


def test_a_file_where_the_other_side_made_a_folder() -> None:
    """Both are kept, the template's aside."""
    update = update_tree({}, {"docs": A}, {"docs/a.md": B}, MERGE)
    assert update.tree == {"docs.from-template": A, "docs/a.md": B}
    update = update_tree({"docs": A}, {"docs/a.md": B}, {"docs": C}, MERGE)
    assert update.tree == {"docs": C, "docs.from-template/a.md": B}
    assert [change.path for change in update.clashes] == ["docs.from-template/a.md"]


def check_against_git(base: Tree, theirs: Tree, ours: Tree, folder: Path) -> TreeUpdate:
    """Every file of the update against ``git merge-file`` on its three versions, called by hand."""
    update = update_tree(base, theirs, ours, MERGE)
    told = {change.path: change for change in update.changes}
    for path in sorted({*base, *theirs, *ours}):
        b, t, o = base.get(path), theirs.get(path), ours.get(path)
        if b is None or t is None or o is None or {b.link, t.link, o.link} != {None} or b.is_binary or t.is_binary:
            continue
        merged, conflicts = merge_file(folder, o.content or b"", b.content or b"", t.content or b"")
        assert update.tree[path].content == merged, path
        assert told[path].conflicts == conflicts
        assert (told[path].outcome == "clash") == (conflicts > 0)
        assert update.tree[path].is_executable == (t if b.is_executable == o.is_executable else o).is_executable
    return update


def check_promises(base: Tree, theirs: Tree, ours: Tree, update: TreeUpdate) -> None:
    """Unchanged parts follow, local edits stay, clashes are marked; nothing is lost without being told."""
    told = {change.path: change for change in update.changes}
    came_from = {change.was for change in update.changes if change.was}
    for path in {*base, *theirs, *ours}:
        b, t, o, result = base.get(path), theirs.get(path), ours.get(path), update.tree.get(path)
        if path in came_from or (b is None and t is None):
            continue
        if o == b and path in told and told[path].was is None and told[path].reason != "place":
            assert result == t, path
        elif t == b and o is not None:
            assert result == o, path
    for change in update.clashes:
        content = update.tree[change.path].content or b""
        assert change.aside in update.tree if change.aside else has_markers(content) and change.conflicts
    for path in update.tree:
        assert not any(other.startswith(f"{path}/") for other in update.tree), path
    assert update_tree(theirs, theirs, update.tree, MERGE).is_empty


def test_twenty_versions(tmp_path: Path) -> None:
    """A repository goes along with a template of 20 versions, its own edits between every two of them."""
    outcomes: set[str] = set()
    history = History(4)
    ours: Tree = history.versions[0]
    for base, theirs in zip(history.versions, history.versions[1:]):
        ours = history.changed(ours, by="here", share=0.15)
        update = check_against_git(base, theirs, ours, tmp_path)
        check_promises(base, theirs, ours, update)
        outcomes |= {change.outcome for change in update.changes}
        # People resolve clashes, here in favour of the template, before they go on.
        ours = {path: node for path, node in update.tree.items() if not path.endswith(".from-template")}
        ours |= {change.path: theirs[change.path] for change in update.clashes if change.path in theirs}
    assert outcomes >= {"unchanged", "follows", "kept_local", "merged", "clash", "added", "removed"}


def test_far_behind(tmp_path: Path) -> None:
    """From any version to the newest in one step."""
    history = History(9)
    for at in (0, 5, 10, 18):
        base, ours = history.versions[at], history.changed(history.versions[at], by="here")
        update = check_against_git(base, history.versions[-1], ours, tmp_path)
        check_promises(base, history.versions[-1], ours, update)


@pytest.mark.soak
def test_many_histories(tmp_path: Path) -> None:
    """The same for 100 histories."""
    for seed in range(100):
        history = History(seed)
        ours = history.changed(history.versions[seed % 19], by="here")
        base, theirs = history.versions[seed % 19], history.versions[-1]
        check_promises(base, theirs, ours, check_against_git(base, theirs, ours, tmp_path))


def _fake_merge(ours: bytes, base: bytes, theirs: bytes) -> MergedText:
    """Marks all of it: what matters here is the tree."""
    return MergedText(b"<<<<<<< repository\n" + ours + b"=======\n" + theirs + b">>>>>>> template\n", 1)


_NODES = st.one_of(
    st.sampled_from([A, B, C, LONG, LONG_HERE, LONG_THERE, Node.of_file(b"\0bin"), Node.of_file(b"\0other")]),
    st.sampled_from([Node.of_link("x"), Node.of_link("y"), Node.of_file(b"one\n", is_executable=True)]),
)
_TREES = st.dictionaries(st.sampled_from(["a", "b", "dir/c", "dir/d", "dir/deep/e"]), _NODES, max_size=4)
_FOLDED = st.dictionaries(st.sampled_from(["a/x", "dir", "b"]), _NODES, max_size=2)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(base=_TREES, theirs=st.one_of(_TREES, _FOLDED), ours=st.one_of(_TREES, _FOLDED))
def test_any_trees(base: Tree, theirs: Tree, ours: Tree) -> None:
    """No path is a file and a folder, no local content is lost untold, and what is like the template needs no update."""
    update = update_tree(base, theirs, ours, _fake_merge)
    for path in update.tree:
        assert not any(other.startswith(f"{path}/") for other in update.tree)
    kept = [node.content or b"" for node in update.tree.values() if node.link is None]
    for path, node in ours.items():
        edited = node != base.get(path) and node.link is None
        if edited and node not in base.values():
            assert any((node.content or b"") in content for content in kept), path
    assert update_tree(theirs, theirs, ours, _fake_merge).is_empty
    assert update_tree(base, theirs, base, _fake_merge).tree == theirs
    assert {change.path for change in update.changes if change.outcome == "clash"} <= set(update.tree)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 3))
def test_any_history(tmp_path_factory: pytest.TempPathFactory, seed: int, at: int) -> None:
    """Generated edits of both sides, against ``git merge-file`` file by file."""
    history = History(seed, length=5, files=4)
    ours = history.changed(history.versions[at], by="here", share=0.6)
    check_against_git(history.versions[at], history.versions[-1], ours, tmp_path_factory.mktemp("git"))


def test_every_text(tmp_path: Path) -> None:
    """No last line end, Windows line ends, bytes that are no UTF-8, emptied files: git's very bytes."""
    cases = [
        (b"a\r\nb\r\nc\r\n", b"a\r\nb\r\nc\r\n", b"x\r\nb\r\nc\r\n"),
        (b"a\r\nb\r\nneu\r\n", b"a\r\nb\r\nc\r\n", b"a\r\nb\r\nnew\r\n"),
        (b"a\nb", b"a\nb\n", b"a\nb\nc"),
        (b"\xff\xfe a\n", b"\xff a\n", b"\xff b\n"),
        (b"", b"a\nb\n", b"a\nc\n"),
        (b"a\n<<<<<<< x\n", b"a\n", b"b\n"),
    ]
    for ours, base, theirs in cases:
        merged = MERGE(ours, base, theirs)
        assert (merged.content, merged.conflicts) == merge_file(tmp_path, ours, base, theirs)


def test_whole_trees_merge_as_git_merges_branches(tmp_path: Path) -> None:
    """Where ``git merge`` of the same three trees finds no conflict, its tree is ours, renames apart."""
    clean = 0
    for seed in range(6):
        history = History(seed, length=3, files=6)
        base, theirs = history.versions[0], history.versions[1]
        ours = history.changed(base, by="here", share=0.15)
        folder = tmp_path / str(seed)
        folder.mkdir()
        git(folder, "init", "-q")
        for branch, tree, start in (("main", base, ()), ("template", theirs, ("main",)), ("here", ours, ("main",))):
            git(folder, "checkout", "-q", *(("-b", branch) if start else ()), *start, check=bool(start))
            commit(folder, tree)
        done = git(folder, "merge", "-q", "--no-edit", "-X", "no-renames", "template", check=False)
        if done.returncode == 0:
            clean += 1
            assert read_folder(folder) == update_tree(base, theirs, ours, MERGE).tree
    assert clean >= 2

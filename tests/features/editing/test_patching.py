"""Fields changed in a text: the other lines stay, and whatever the layout, the text says what it should."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.features.editing.domain import compare, read_text
from callboard.model.fields import parse_field, with_values
from callboard.ui.patching import patch

TEXT = """\
# kept by the till team
kind: Component # the usual
apiVersion: backstage.io/v1alpha1
metadata:
  name: till
  tags: # why
    - java # old

    # to be looked at
    - pci
  description: |
    Takes the money.

    Gives change.

  # ours
  annotations:
    example.com/a: "1"
  links: [{url: https://x.test}]
spec: {type: service, lifecycle: production, owner: team} # short
"""
LAYOUTS = (
    TEXT,
    TEXT.replace("spec: {type: service, lifecycle: production, owner: team} # short", "spec:\n    owner:   team  # us\n    type: 'service'"),
    TEXT.replace("example.com/a", "&x example.com/a"),
    "{kind: Component, apiVersion: v1, metadata: {name: till}, spec: {owner: team}}\n",
    "kind: Component\napiVersion: v1\nmetadata:\n    name: till\n    tags:\n    - a\n    - b\nspec:\n",
    '---\n"kind": Component\napiVersion: v1\nmetadata: {name: till,\n  tags: [a, b]}\nspec:\n  owner: &o team\n  system: *o\n',
)  # fmt: skip


def change(text: str, values: dict[str, Any]) -> str:
    found, _ = read_text(text)
    assert found is not None and found.value is not None
    wanted = {parse_field(name): value for name, value in values.items()}
    new = patch(text, found.value, wanted)
    again, findings = read_text(new)
    assert again is not None and again.value == with_values(found.value, wanted), (findings, new)
    return new


def test_a_list_changes_by_its_items():
    """Items that stay keep their lines, comments and all; the order is that of the new list."""
    new = change(TEXT, {"metadata.tags": ["pci", "till"]})
    assert "  tags: # why\n\n    # to be looked at\n    - pci\n    - till\n  description: |\n" in new


def test_a_value_is_put_where_the_old_one_was():
    """Comments on the line stay, and so does the way the rest is written."""
    new = change(LAYOUTS[1], {"spec.owner": "others", "spec.type": "on"})
    assert "    owner:   others  # us\n" in new and new.count("\n") == LAYOUTS[1].count("\n")
    assert new.startswith(TEXT[:60])


def test_a_new_field_follows_the_last_one_of_its_mapping():
    """Also where the mapping is not there yet."""
    new = change(LAYOUTS[1], {"spec.system": "shop", "metadata.labels.a/b": "c"})
    assert new.endswith("    type: 'service'\n    system: shop\n")
    assert "  links: [{url: https://x.test}]\n  labels:\n    a/b: c\n" in new


def test_a_field_goes_with_its_lines():
    """The last annotation takes the mapping along."""
    new = change(TEXT, {"metadata.annotations.example.com/a": None, "metadata.description": None})
    assert "annotations" not in new and "Gives change" not in new and "# to be looked at" in new


def test_a_long_text_becomes_another():
    """A block of text is replaced as a whole, by one that has more lines or just one."""
    assert "  description: Short\n" in change(TEXT, {"metadata.description": "Short"})
    assert "    two\n" in change(TEXT, {"metadata.description": "one\ntwo\n"})


@given(
    st.sampled_from(LAYOUTS),
    st.dictionaries(
        st.sampled_from(
            ["spec.owner", "spec.system", "metadata.title", "metadata.tags", "metadata.annotations.example.com/a", "spec.profile.email",
             "metadata.labels.x", "metadata.description", "metadata.links"]
        ),
        st.none() | st.text(alphabet="ab:#-'\"\n {[é", max_size=8) | st.lists(st.text(alphabet="ab: #", max_size=4), max_size=3)
        | st.sampled_from(["true", "~", "1", "on", "x # y", "* a"]),
        max_size=4,
    ),
)  # fmt: skip
def test_every_layout_says_what_it_should(text: str, values: dict[str, Any]):
    """Whatever is set in whatever text, it reads back as the document with these values."""
    change(text, values)


@pytest.mark.parametrize("text", LAYOUTS)
def test_nothing_to_change_changes_nothing(text: str):
    """Not even the layout."""
    found, _ = read_text(text)
    assert found is not None and found.value is not None
    assert patch(text, found.value, {("spec", "owner"): (found.value.get("spec") or {}).get("owner")}) == text


def test_long_texts_are_compared_in_no_time():
    """Thousands of lines, most of them alike, as in definitions: where both differ all over, two blocks are told apart."""
    lines = [f"  name{n}:" if n % 3 else "  type: string" for n in range(20_000)]
    begun = time.process_time()
    few = compare("\n".join(lines), "\n".join([*lines[:9_000], "here", *lines[9_001:]]))
    assert [one.text for one in few if one.kind == "mine"] == ["here"]
    assert len(few) == 9 and few[0].kind == "gap"
    all_over = compare("\n".join(lines), "\n".join(["first", *reversed(lines), "last"]))
    assert [one.kind for one in all_over] == ["theirs"] * 20_000 + ["mine"] * 20_002
    assert time.process_time() - begun < 3
    assert compare("a\nb", "a\nb") == [] and [one.kind for one in compare("a", "a\nb")] == ["same", "mine"]

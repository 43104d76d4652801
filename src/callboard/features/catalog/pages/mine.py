"""Why something is the reader's own, in words."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface.reasons import OwnershipPath
from callboard.features.catalog.pages.links import links_of
from callboard.ui.messages import Translator


def mine_text(
    owners: Sequence[str], user: str, paths: Mapping[str, OwnershipPath], known: Mapping[str, Any], t: Translator
) -> str | None:
    """Why what ``owners`` (lower-cased refs) own is the user's; None when it is not. Groups that are hidden are not named."""
    if user in owners:
        return t("catalog.mine.self")
    found = [paths[owner] for owner in owners if owner in paths]
    if not found:
        return None
    path = min(found, key=lambda p: len(p.groups))
    names = [link.title for link in links_of([g for g in path.groups if known.get(g)], known)]
    if not names or not known.get(path.groups[-1]):
        return t("catalog.mine.group")
    own, last = names[0], names[-1]
    if path.how == "member" or len(names) == 1:
        return t("catalog.mine.member", group=last)
    if len(names) > 2:
        return t(f"catalog.mine.{path.how}_through", own=own, through=" → ".join(names[1:-1]), group=last)
    return t(f"catalog.mine.{path.how}", own=own, group=last)


def groups_in(owners: Sequence[str], paths: Mapping[str, OwnershipPath]) -> list[str]:
    """Groups whose names ``mine_text`` may want."""
    return list(dict.fromkeys(group for owner in owners if owner in paths for group in paths[owner].groups))

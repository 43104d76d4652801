"""Words that mean the same, learnt from what documents put side by side: which, for whom, and how they are switched off."""

from __future__ import annotations

from typing import Any, Sequence

import pytest

from callboard.features.search.ranking.learnt import Learnt
from callboard.features.search.text.learning import LIKELY, SURE, learn
from callboard.testing import user
from tests.features.search.conftest import Library, doc

pytestmark = pytest.mark.anyio
ADA = user("ada", "group:default/payments")


@pytest.mark.parametrize(
    ("title", "names", "tags", "text", "taught"),
    [
        ("Human Resources Service", ["hr-svc"], [], "", [("hr", "human resources", SURE), ("svc", "service", LIKELY)]),
        ("Kubernetes cluster", ["k8s-cluster"], [], "", [("k8s", "kubernetes", SURE)]),
        ("Driver and Vehicle Licensing", ["dvl"], [], "", [("dvl", "driver and vehicle licensing", SURE)]),
        ("Payment Service (PAYS)", [], [], "", [("pays", "payment service", SURE)]),
        ("Runbook", [], [], "Point-in-time recovery (PITR) and AWS (Amazon Web Services) are used.",
         [("aws", "amazon web services", SURE), ("pitr", "point in time recovery", SURE)]),
        ("Human Resources portal", [], ["hr", "java"], "", [("hr", "human resources", LIKELY)]),
        # what the letters do not bear out, what is only part of the title, and words that say nothing teach nothing
        ("Payments", ["till"], ["java"], "See the guide (README) and the contract (SLA).", []),
        ("Human Resources Service of the north", ["hr-svc"], [], "", []),
        ("Information Technology", ["it"], [], "", []),
    ],
)  # fmt: skip
def test_only_what_the_letters_bear_out_is_learnt(
    title: str, names: Sequence[str], tags: Sequence[str], text: str, taught: Sequence[Any]
):
    """Initials, numeronyms and clipped words where the whole name stands for the whole title; brackets; tags by their initials."""
    assert learn(title, names, tags, text) == list(taught)


async def test_what_one_document_spells_out_finds_others_below_those_that_say_it(library: Library):
    """Either way, marked as learnt with the words that it stands for; a clipped word needs a second document; it goes with what taught it."""
    await library.put(
        doc("hr-svc", "Human Resources Service", names=["hr-svc"]),
        doc("leave", "Leave requests", "Ask HR for leave."),
        doc("offices", "Offices", "The human resources are upstairs."),
        doc("svc-list", "Directory", "Every svc there is."),
    )
    found = await library.hits("human resources")
    assert [hit.document.id for hit in found] == ["hr-svc", "offices", "leave"]
    (reason,) = found[2].reasons
    assert (reason.how, reason.asked, reason.found) == ("learnt", "human resources", "hr")
    assert set(await library.ids("hr")) == {"hr-svc", "leave", "offices"}
    assert "svc-list" not in [hit.document.id for hit in found], "one clipped word is a chance"
    library.shelf.take("hr-svc")
    await library.indexer.sweep()
    assert await library.ids("human resources") == ["offices"]


async def test_a_pair_is_learnt_only_from_what_the_reader_sees(library: Library):
    """A hidden document teaches nothing, neither alone nor as the second that a likely pair needs; nor is it listed."""
    dark = "component:default/dark"
    await library.put(
        doc("dark", "Project Nightingale (PN)", resource=dark),
        doc("notes", "Notes", "We talked about PN.", resource="component:default/notes"),
        doc("db-one", "Orders database", names=["orders-db"], resource=dark),
        doc("db-two", "Stock database", names=["stock-db"], resource="component:default/stock"),
        doc("plan", "Plan", "Grow the db and the project nightingale."),
    )
    assert "notes" in await library.ids("project nightingale")
    library.shelf.seen[ADA.subject] = {"component:default/notes", "component:default/stock"}
    assert await library.ids("project nightingale", ADA) == ["plan"]
    assert await library.ids("pn", ADA) == ["notes"]
    learnt = library.service.learnt
    listed = {who: {(one.short, one.long) for one in learnt.listed(await library.shelf.visible(who))} for who in (ADA,)}
    assert listed[ADA] == set()


async def test_learning_is_switched_off_as_a_whole_or_for_a_pair(library: Library):
    """``search.learnSynonyms`` and ``search.notSynonyms``."""
    await library.put(
        doc("a", "Human Resources (HR)"),
        doc("b", "Leave", "HR knows."),
        doc("c", "Mail", "CDN (content delivery network)"),
    )
    for learnt, expected in (
        (Learnt(True), True),
        (Learnt(False), False),
        (Learnt(True, [["HR", "Human resources"]]), False),
    ):
        library.service.learnt = learnt
        library.service._kept.clear()
        assert ("b" in await library.ids("human resources")) is expected

"""Whose turn it is, and what a rota must look like."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.kernel.errors import InputError
from callboard_example.rota import Rota, find_turn, parse_rota, rota_of_entity

LISBON = ZoneInfo("Europe/Lisbon")
SHOP = Rota("shop", "Shop", "storefront-team", ("tomasz", "amara", "ines"), date(2026, 1, 5), zone=LISBON)


def test_turns_go_round():
    """Each week belongs to the next person, and the fourth to the first again."""
    mondays = [datetime(2026, 1, day, 12, tzinfo=UTC) for day in (5, 12, 19, 26)]
    assert [find_turn(SHOP, at).person for at in mondays] == ["tomasz", "amara", "ines", "tomasz"]


def test_the_turn_changes_at_the_hour_of_handing_over():
    """A minute before nine it is still last week's person."""
    before, after = (datetime(2026, 1, 12, *clock, tzinfo=LISBON) for clock in ((8, 59), (9, 0)))
    assert find_turn(SHOP, before).person == "tomasz"
    assert find_turn(SHOP, after).person == "amara"


def test_nobody_is_on_call_before_the_first_turn():
    """The morning of the first day is not yet anybody's."""
    assert find_turn(SHOP, datetime(2026, 1, 5, 8, tzinfo=LISBON)) is None


def test_the_week_in_which_clocks_change_is_an_hour_shorter():
    """Turns change at the same wall time; in March a week has 167 hours."""
    turn = find_turn(SHOP, datetime(2026, 3, 28, 12, tzinfo=UTC))
    assert turn.ends_at.astimezone(UTC) - turn.starts_at.astimezone(UTC) == timedelta(hours=167)


@given(st.datetimes(datetime(2026, 1, 6), datetime(2032, 1, 1), timezones=st.just(UTC)), st.integers(1, 28))
def test_every_moment_lies_in_its_own_turn(at, turn_days):
    """A turn holds the moment that was asked about, and the next begins where it ends."""
    rota = Rota("r", "R", "o", ("a", "b"), date(2026, 1, 5), hands_over_at=time(9), zone=LISBON, turn_days=turn_days)
    turn = find_turn(rota, at)
    following = find_turn(rota, turn.ends_at)
    assert turn.starts_at <= at < turn.ends_at
    assert following.starts_at == turn.ends_at
    assert following.person != turn.person


GOOD = {"name": "shop", "owner": "storefront-team", "people": ["amara"], "starts": "2026-01-05"}


def test_a_short_rota_gets_the_usual_hours():
    """Week by week, at nine, in UTC."""
    rota = parse_rota(GOOD, where="rotas[0]")
    assert (rota.turn_days, rota.hands_over_at, rota.zone.key, rota.title) == (7, time(9), "UTC", "shop")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "rotas[2].name"),
        ({"owner": None}, "rotas[2].owner"),
        ({"people": []}, "rotas[2].people"),
        ({"people": "amara"}, "rotas[2].people"),
        ({"covers": [1]}, "rotas[2].covers"),
        ({"starts": "soon"}, "rotas[2].starts"),
        ({"hands_over_at": 540}, "rotas[2].hands_over_at"),
        ({"time_zone": "Lisbon"}, "rotas[2].time_zone"),
        ({"time_zone": "../etc"}, "rotas[2].time_zone"),
        ({"turn_days": 0}, "rotas[2].turn_days"),
        ({"turn_days": True}, "rotas[2].turn_days"),
    ],
)
def test_a_wrong_field_is_named(change, field):
    """The error says which item and which field."""
    with pytest.raises(InputError) as caught:
        parse_rota({**GOOD, **change}, where="rotas[2]")
    assert caught.value.field == field


def test_an_entity_reads_back_as_its_rota():
    """What the provider writes is what the tab reads."""
    from callboard_example.provider import format_entity

    assert rota_of_entity(format_entity(SHOP, "file:/rotas.yaml")) == SHOP

"""What a wholesaler's own address or account of a site does to an answer, and what it does not."""

from datetime import date, timedelta

import pytest

from gatekeeper.domain.case import Case
from gatekeeper.domain.facts import SiteAlias, SiteFact
from gatekeeper.domain.order import Address, Order, ShipTo
from gatekeeper.domain.verdict import LineVerdict, decide
from tests.domain.aliases import WithAliases
from tests.domain.worlds_of_cases import ADDRESS, AT, LEMTRADA, LONG_AGO, ORDER, TODAY, known, site

DAY = timedelta(days=1)
HOSPITAL = Address("First Pavilion", None, "Boston", "MA", "02110")
SAME_PLACE = Address("FIRST PAVILION", None, "Elsewhere", "NY", "02110-1234")
ALIAS = SiteAlias("lemtrada", "A-1", TODAY, "HF1", "WD-001", TODAY, HOSPITAL)
ACCOUNT = ALIAS._replace(alias_id="A-2", address=None, account="777")
AT_HOSPITAL = ORDER._replace(ship_to=ShipTo(HOSPITAL, "HF1"))
NPI = "1234567893"


def judged(order: Order, *aliases: SiteAlias, facts: tuple[SiteFact, ...] = ()) -> LineVerdict:
    (line,) = decide(Case(order, WithAliases(known(*facts), *aliases), (LEMTRADA,), AT)).lines
    return line


def told(order: Order, *aliases: SiteAlias, facts: tuple[SiteFact, ...] = ()) -> tuple[str, str | None, tuple[str, ...]]:
    """Outcome with reasons, site and aliases used."""
    line = judged(order, *aliases, facts=facts)
    return " ".join([line.outcome, *(reason.code for reason in line.reasons)]), line.site_id, line.site_alias


def with_account(account: str = "777", **ship_to: str) -> Order:
    return ORDER._replace(ship_to=ShipTo(ADDRESS, account=account, **ship_to))


def carrying(site_id: str, address: Address | None = ADDRESS, **identifiers: str) -> SiteFact:
    on_file = tuple((kind, (value,)) for kind, value in identifiers.items())
    return site(site_id, "healthcare_facility")._replace(sequence=99, address=address, identifiers=on_file)


@pytest.mark.parametrize(
    ("alias", "counts"),
    [
        (ALIAS, True),
        (ALIAS._replace(address=SAME_PLACE), True),
        (ALIAS._replace(through=TODAY - DAY, effective_on=LONG_AGO), False),
        (ALIAS._replace(effective_on=TODAY + DAY, through=TODAY + 2 * DAY), False),
        (ALIAS._replace(effective_on=LONG_AGO, through=date(2028, 1, 1)), True),
        (ALIAS._replace(until=TODAY + DAY), True),
        (ALIAS._replace(until=TODAY), False),
        (ALIAS._replace(until=TODAY - DAY, effective_on=LONG_AGO), False),
        (ALIAS._replace(wholesaler_id="WD-002"), False),
        (ALIAS._replace(program="second"), False),
        (ALIAS._replace(site_id="PH1"), False),
        (ALIAS._replace(address=HOSPITAL._replace(postal_code="02111")), False),
        (ACCOUNT, False),
    ],
)
def test_an_address_counts_for_its_wholesaler_site_and_days(alias: SiteAlias, *, counts: bool) -> None:
    expected = ("released", "HF1", ("A-1",)) if counts else ("held site_address_disagrees", "HF1", ())
    assert told(AT_HOSPITAL, alias) == expected


def test_the_day_is_the_programs() -> None:
    """An hour before midnight in New York it is the next day in UTC."""
    late = AT.replace(day=21, hour=4, minute=59)
    answers = WithAliases(known(), ALIAS)
    for at, outcome in ((late, "released"), (late + timedelta(minutes=1), "held")):
        assert decide(Case(AT_HOSPITAL, answers, (LEMTRADA,), at)).lines[0].outcome == outcome


def test_an_alias_certifies_nobody() -> None:
    suspended = site("HF1", "healthcare_facility")._replace(sequence=99, status="suspended")
    assert told(AT_HOSPITAL, ALIAS, facts=(suspended,)) == ("blocked site_suspended", "HF1", ("A-1",))
    assert told(AT_HOSPITAL._replace(ship_to=ShipTo(HOSPITAL, "HF9")), ALIAS._replace(site_id="HF9")) == ("held site_unknown", None, ())


def test_an_alias_is_not_looked_at_where_the_registry_agrees() -> None:
    assert told(ORDER, ALIAS, ACCOUNT) == ("released", "HF1", ())
    there = carrying("HF1", account="WD-001:777")
    assert told(with_account(rems_site_id="HF1"), ACCOUNT, facts=(there,)) == ("released", "HF1", ())


def test_a_site_without_an_address_may_have_one_by_alias() -> None:
    assert told(AT_HOSPITAL, ALIAS, facts=(carrying("HF1", None),)) == ("released", "HF1", ("A-1",))


def test_every_alias_that_agrees_is_told() -> None:
    assert told(AT_HOSPITAL, ALIAS._replace(alias_id="A-9"), ALIAS) == ("released", "HF1", ("A-1", "A-9"))


def test_an_account_finds_the_site() -> None:
    assert told(with_account()) == ("held site_unknown", None, ())
    assert told(with_account(), ACCOUNT) == ("released", "HF1", ("A-2",))
    assert told(with_account(), ACCOUNT._replace(wholesaler_id="WD-002")) == ("held site_unknown", None, ())
    assert told(with_account(), ACCOUNT._replace(until=TODAY)) == ("held site_unknown", None, ())
    elsewhere = with_account()._replace(ship_to=ShipTo(HOSPITAL, account="777"))
    assert told(elsewhere, ACCOUNT) == ("held site_address_disagrees", "HF1", ("A-2",))
    assert told(elsewhere, ACCOUNT, ALIAS) == ("released", "HF1", ("A-1", "A-2"))


def test_an_account_counts_as_on_file() -> None:
    other = carrying("HF1", account="WD-001:1")
    assert told(with_account(rems_site_id="HF1"), facts=(other,)) == ("held site_identifiers_disagree", "HF1", ())
    assert told(with_account(rems_site_id="HF1"), ACCOUNT, facts=(other,)) == ("released", "HF1", ("A-2",))
    of_another_site = carrying("HF2", account="WD-001:777")
    assert told(with_account(rems_site_id="HF1"), facts=(of_another_site,)) == ("held site_identifiers_disagree", "HF1", ())
    assert told(with_account(rems_site_id="HF1"), ACCOUNT, facts=(of_another_site,)) == ("released", "HF1", ("A-2",))


def test_an_account_makes_no_other_identifier_disagree() -> None:
    """Another account, which no registry knows, does the site no harm, with the alias or without."""
    assert told(with_account("778", rems_site_id="HF1"), ACCOUNT) == ("released", "HF1", ())
    assert told(with_account("777", rems_site_id="HF1"), ACCOUNT._replace(site_id="PH1")) == ("released", "HF1", ())
    theirs = carrying("HF1", npi=NPI)
    assert told(with_account(npi=NPI), ACCOUNT, facts=(theirs,)) == ("released", "HF1", ("A-2",))
    assert told(with_account(npi="1245319599"), ACCOUNT, facts=(theirs,)) == ("held site_identifiers_disagree", "HF1", ("A-2",))


def test_of_several_sites_an_alias_settles_which() -> None:
    there, here = carrying("HF1", npi=NPI), carrying("HF2", npi=NPI)
    order = ORDER._replace(ship_to=ShipTo(HOSPITAL, npi=NPI))
    assert told(order, facts=(there, here)) == ("held site_ambiguous", None, ())
    assert told(order, ALIAS, facts=(there, here)) == ("released", "HF1", ("A-1",))
    both = ALIAS._replace(site_id="HF2", alias_id="A-3")
    assert told(order, ALIAS, both, facts=(there, here)) == ("held site_ambiguous", None, ("A-1", "A-3"))


def test_an_alias_beside_the_registrys_own_address_is_one_of_several() -> None:
    there, here = carrying("HF1", npi=NPI), carrying("HF2", HOSPITAL, npi=NPI)
    order = ORDER._replace(ship_to=ShipTo(HOSPITAL, npi=NPI))
    assert told(order, ALIAS, facts=(there, here)) == ("held site_ambiguous", None, ("A-1",))


def test_an_account_beside_the_registrys_own_is_one_of_several() -> None:
    theirs = carrying("HF2", HOSPITAL, account="WD-001:777")
    assert told(with_account(), ACCOUNT, facts=(theirs,)) == ("released", "HF1", ("A-2",))
    elsewhere = ORDER._replace(ship_to=ShipTo(HOSPITAL, account="777"))
    assert judged(elsewhere, ACCOUNT, facts=(theirs,)).site_id == "HF2"
    assert told(with_account(), ACCOUNT, facts=(theirs._replace(address=ADDRESS),)) == ("held site_ambiguous", None, ("A-2",))

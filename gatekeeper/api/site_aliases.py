"""Site aliases: the wholesaler's own word for a known site, by two people."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET
from psycopg import Cursor

from gatekeeper.api.areas import Area, Body, caller, parts, reading
from gatekeeper.api.lists import Instant, Page
from gatekeeper.api.once import recording, writing
from gatekeeper.api.problems import Problem
from gatekeeper.api.reasons import Reason, ReasonBody
from gatekeeper.api.two_people import ApprovalShown, Listed, StepShown, approval_shown, may_act, step_shown, with_approvals
from gatekeeper.domain.program import Program
from gatekeeper.people.access import Person
from gatekeeper.people.approvals import SITE_ALIAS, Approval, approvals
from gatekeeper.people.permissions import Permission
from gatekeeper.registry import site_aliases
from gatekeeper.registry.site_aliases import Alias
from schemas.members import Day, OneOf, Part
from schemas.order import Address
from schemas.order_schema import AddressSchema, identity, identity_without_colon
from schemas.site_alias import SiteAliasProposal

AREA = Area("site-aliases", __name__, "Addresses and accounts of known sites, by the wholesaler's own word.")
STATES: Final = ("proposed", "approved", "refused", "withdrawn", "ended")
ONE: Final = "/v1/site-aliases/<uuid:alias_id>"
Decide = Callable[[Cursor[Any], str, str, Person, Iterable[Program]], Alias]


class SiteAliasShown(msgspec.Struct):
    """One more address or account of a site, for one wholesaler's orders, to the end of ``through``. It counts while ``approved``."""

    alias_id: str
    state: Literal["proposed", "approved", "refused", "withdrawn", "ended"]
    program: str
    site_id: str
    wholesaler_id: str
    through: date
    account: str | None
    address: Address | None
    evidence: str
    steps: list[StepShown]
    approval: ApprovalShown | None


class SiteAliasList(msgspec.Struct):
    """The oldest first."""

    site_aliases: list[SiteAliasShown]
    next: str | None


class SiteAliasesQuery(Page):
    program = identity()
    site_id = identity()
    wholesaler_id = identity_without_colon()
    state = OneOf(STATES)


class SiteAliasBody(Body):
    """An account or an address, not both, with what was seen."""

    program = identity(required=True)
    site_id = identity(required=True)
    wholesaler_id = identity_without_colon(required=True)
    account = identity_without_colon()
    address = Part(AddressSchema)
    through = Day(required=True, metadata={"description": "The last day on which it counts, at most two years from now."})
    evidence = Reason(
        most=site_aliases.MOST_OF_A_TEXT,
        required=True,
        metadata={"description": "What was seen that shows that it is the site's. Name no patient."},
    )


@AREA.operation("GET", "/v1/site-aliases", Permission.READ_PROPOSALS, SiteAliasList, query=SiteAliasesQuery)
def list_site_aliases(query: dict[str, Any]) -> Any:
    """Site aliases, whatever became of them, each with who did what, when and why."""
    caller().must_see_asked(query)
    with reading() as cursor:
        page, following = _listed(cursor, query).page(query)
        return {"site_aliases": _several(cursor, page), "next": following}


def every_site_alias(cursor: Cursor[Any], query: dict[str, Any]) -> Iterator[Any]:
    """All that are asked for, the oldest first."""
    caller().must_see_asked(query)
    for several in _listed(cursor, query).pieces():
        yield from msgspec.to_builtins(_several(cursor, several))


def _several(cursor: Cursor[Any], several: Sequence[Alias]) -> list[Any]:
    return with_approvals(cursor, SITE_ALIAS, several, lambda alias: alias.alias_id, _shown)


def _listed(cursor: Cursor[Any], query: dict[str, Any]) -> Listed[Alias]:
    named = {name: query.get(name) for name in ("program", "site_id", "wholesaler_id")}
    return Listed(
        lambda after, most: site_aliases.following(cursor, parts().book.newest, after, most, named),
        lambda alias: (alias.proposed.at, alias.proposed.alias_id),
        tuple[Instant, UUID],
        lambda alias: query.get("state") in (None, alias.state) and _allowed(alias),
    )


@recording(AREA, "/v1/site-aliases", Permission.PROPOSE_SITE_ALIASES, SiteAliasShown, body=SiteAliasBody)
def propose_site_alias(body: dict[str, Any]) -> Any:
    """Proposes an account or an address of a site. It counts for nothing before another person approves it."""
    said = SiteAliasProposal(**body)
    if not may_act(caller(), said.program, said.wholesaler_id):
        raise Problem("not-permitted")
    return _shown(site_aliases.propose(writing(), said, caller().person, parts().book.newest), None)


@recording(AREA, f"{ONE}/approvals", Permission.APPROVE_SITE_ALIASES, SiteAliasShown, body=ReasonBody)
def approve_site_alias(body: dict[str, Any], alias_id: UUID) -> Any:
    """Lets a proposed alias count, from now on. Nobody approves what he proposed."""
    return _decided(site_aliases.approve, alias_id, body["reason"])


@recording(AREA, f"{ONE}/refusals", Permission.APPROVE_SITE_ALIASES, SiteAliasShown, body=ReasonBody)
def refuse_site_alias(body: dict[str, Any], alias_id: UUID) -> Any:
    """Closes a proposal that is not to count."""
    return _decided(site_aliases.refuse, alias_id, body["reason"])


@recording(AREA, f"{ONE}/withdrawals", Permission.PROPOSE_SITE_ALIASES, SiteAliasShown, body=ReasonBody)
def withdraw_site_alias(body: dict[str, Any], alias_id: UUID) -> Any:
    """Lets an approved alias count no longer, from now on: one person is enough to stop."""
    return _decided(site_aliases.withdraw, alias_id, body["reason"])


def _decided(step: Decide, alias_id: UUID, reason: str) -> Any:
    alias = site_aliases.one(writing(), parts().book.newest, alias_id)
    if alias is None or not _allowed(alias):
        raise Problem("not-found")
    step(writing(), str(alias_id), reason, caller().person, parts().book.newest)
    alias = site_aliases.one(writing(), parts().book.newest, alias_id) or alias
    return _shown(alias, approvals(writing(), SITE_ALIAS, [alias_id]).get(str(alias_id)))


def _allowed(alias: Alias) -> bool:
    return may_act(caller(), alias.said.program, alias.said.wholesaler_id)


def _shown(alias: Alias, approval: Approval | None) -> dict[str, Any]:
    said, proposed = alias.said, alias.proposed
    return {
        "alias_id": alias.alias_id,
        "state": alias.state,
        "program": said.program,
        "site_id": said.site_id,
        "wholesaler_id": said.wholesaler_id,
        "through": said.through,
        "account": None if said.account is UNSET else said.account,
        "address": None if said.address is UNSET else said.address,
        "evidence": said.evidence,
        "steps": [
            step_shown("proposed", proposed.person, proposed.at, said.evidence),
            *[step_shown(each.decision, each.person, each.at, each.reason) for each in proposed.decisions],
        ],
        "approval": approval_shown(approval),
    }

"""The wholesaler's own fact of a site (contract section 4): as a person proposes it, and as it is kept. No registry gives one."""

from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from schemas.fact import Fact
from schemas.order import Address
from schemas.text import Day, Id, IdWithoutColon

Evidence = Annotated[str, Meta(min_length=1, max_length=1000)]


class SiteAliasProposal(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One more address or one more account, never both; ``evidence`` is what the proposer has seen."""

    program: Id
    site_id: Id
    wholesaler_id: IdWithoutColon
    address: Address | UnsetType = UNSET
    account: IdWithoutColon | UnsetType = UNSET
    through: Day
    evidence: Evidence


class SiteAlias(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag_field="fact", tag="site_alias"):
    """An approved alias: it counts from ``effective_on``, the day of its approval, to the end of ``through``."""

    alias_id: Id
    program: Id
    site_id: Id
    wholesaler_id: IdWithoutColon
    effective_on: Day
    through: Day
    address: Address | UnsetType = UNSET
    account: IdWithoutColon | UnsetType = UNSET


KEPT_FACT: Final = msgspec.json.Decoder(Fact | SiteAlias)
"""A fact as the ledger keeps it: the registry's, and the wholesaler's own."""

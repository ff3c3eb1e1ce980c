"""Site aliases beside a registry in memory, which knows none."""

from gatekeeper.domain.facts import SiteAlias
from gatekeeper.judging.known import Known


class WithAliases(Known):
    """All that the registry knows, and these aliases."""

    def __init__(self, registry: Known, *aliases: SiteAlias) -> None:
        super().__init__()
        self._answers |= registry
        for alias in aliases:
            self._add(("alias", alias.site_id), alias)
            account = ("identifier", "account", f"{alias.wholesaler_id}:{alias.account}")
            if alias.account is not None and alias.site_id not in self[account]:
                self._add(account, alias.site_id)

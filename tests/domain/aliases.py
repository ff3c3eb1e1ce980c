"""Site aliases beside a registry in memory, which knows none."""

from typing import Any

from gatekeeper.domain.case import Answers, Question
from gatekeeper.domain.facts import SiteAlias


class WithAliases(dict[Question, Any]):
    """The registry's answers, and these aliases."""

    def __init__(self, registry: Answers, *aliases: SiteAlias) -> None:
        super().__init__()
        self._registry = registry
        for alias in aliases:
            self._add(("alias", alias.site_id), alias)
            if alias.account is not None:
                self._add(("identifier", "account", f"{alias.wholesaler_id}:{alias.account}"), alias.site_id)

    def __missing__(self, question: Question) -> Any:
        return self._registry[question]

    def _add(self, question: Question, answer: Any) -> None:
        self[question] = (*self[question], *(() if answer in self[question] else (answer,)))

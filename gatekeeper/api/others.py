"""What is taken out of what is shown: what is another wholesaler's or program's, by what says so. Documents are changed in place."""

from typing import Any, Final, NamedTuple

from gatekeeper.people.access import Limits

OF_ANOTHER: Final = "an order of another wholesaler"
ANOTHER: Final = "another"
"""In a text, in the place of the name of a wholesaler or a program that is not the caller's."""
_ASKED_OF_PROGRAMS: Final = frozenset({"patient", "authorization", "units", "as_of", "mode", "prescriber", "recall"})
"""Questions of a case that name a program first."""


class Others(NamedTuple):
    """Whose things are taken out of documents."""

    wholesalers: Limits
    programs: Limits
    names: frozenset[str]
    """Those that are known, and not the caller's."""

    def gone(self, document: Any) -> bool:
        """Takes out what is another's; True where the document itself is, with all that it is in but a list."""
        if isinstance(document, list):
            document[:] = [each for each in document if not (each in self.names if isinstance(each, str) else self.gone(each))]
        return isinstance(document, dict) and (self._is_anothers(document) or self._has_anothers(document))

    def _has_anothers(self, document: dict[str, Any]) -> bool:
        for name, value in document.items():
            if name == "account" and isinstance(value, list):
                document[name] = [account for account in value if self.wholesalers.allow(account.partition(":")[0])]
            elif name in ("programs", "watched_by") and isinstance(value, list) and all(isinstance(each, str) for each in value):
                document[name] = [program for program in value if self.programs.allow(program)]
            elif name == "programs" and isinstance(value, dict):
                document[name] = {program: said for program, said in value.items() if self.programs.allow(program)}
            elif _is_a_place(name, document):
                document[name] = self._place(value)
            elif self.gone(value):
                return True
        return False

    def _is_anothers(self, document: dict[str, Any]) -> bool:
        wholesaler, program, question = document.get("wholesaler_id"), document.get("program"), document.get("question")
        return (
            (isinstance(wholesaler, str) and not self.wholesalers.allow(wholesaler))
            or (isinstance(program, str) and not self.programs.allow(program))
            or (isinstance(question, list) and question[0] in _ASKED_OF_PROGRAMS and not self.programs.allow(question[1]))
        )

    def _place(self, place: Any) -> Any:
        """Where a serial went out: ``wholesaler/order/revision/line``."""
        return OF_ANOTHER if isinstance(place, str) and not self.wholesalers.allow(place.partition("/")[0]) else place


def _is_a_place(name: str, document: dict[str, Any]) -> bool:
    return name == "released_in" or (name == "answer" and document.get("question", [""])[0] == "serial")

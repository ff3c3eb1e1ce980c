"""What the REMS said of each record, told a second time: its first word counts, and one more for each time the record was sent again."""

from collections import Counter, defaultdict


class PlainReceipts:
    """By record, what counts of what was said of it, in its order."""

    def __init__(self) -> None:
        self.said: dict[str, list[str]] = defaultdict(list)
        self.messages: dict[str, list[bytes]] = defaultdict(list)
        self._sent = Counter[str]()

    def sent_again(self, record: str) -> None:
        """It was lost on the other side."""
        self._sent[record] += 1

    def hear(self, record: str, status: str, message: bytes) -> str:
        """What becomes of what the record's own REMS says."""
        said, messages = self.said[record], self.messages[record]
        if message in messages:
            return "repeat"
        takes_back = self.last(record) == "accepted" and status == "rejected"
        if takes_back or len(said) > self._sent[record]:
            return "aside"
        said.append(status)
        messages.append(message)
        return "acknowledgement"

    def last(self, record: str) -> str | None:
        """A record is open until this is ``accepted``."""
        return (self.said.get(record) or [None])[-1]

"""The three kinds of failure, named by what must be done. A business "no" is a value, never one of these."""


class TryAgain(Exception):  # noqa: N818 - named by what must be done
    """Something outside is away or behind: the same work will do later. Nothing was released."""


class Halt(Exception):  # noqa: N818
    """A fault of our own, or a world that contradicts the ledger: going on could be wrong, so nothing goes on."""


class Unusable(Exception):  # noqa: N818
    """What a person gave cannot be used; the message is one plain sentence for that person."""

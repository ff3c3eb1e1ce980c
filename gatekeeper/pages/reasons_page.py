"""The page of reasons, made of the table that the decision uses."""

from gatekeeper.domain.reasons import REASONS

_HEAD = """# Reasons

Generated from `gatekeeper/domain/reasons.py`; do not edit.

Every reason that a line can have, in the order in which a line gives them. A code once used is never reused or renamed.
A reason that *blocks* is a certain violation; one that *holds* can be cleared by a person or a fact. Neither ships.
A *site rule* is told but does not stop while the program is under discretion.
"""


def reasons_page() -> str:
    """The page, as Markdown."""
    parts = [_HEAD, "| code | outcome | site rule |", "| --- | --- | --- |"]
    parts += [f"| [`{text.code}`](#{text.code}) | {text.outcome} | {'yes' if text.site_rule else ''} |" for text in REASONS.values()]
    for text in REASONS.values():
        parts += [
            "",
            f"## {text.code}",
            "",
            f"{text.sentence}",
            "",
            f"- Outcome: {text.outcome}",
            f"- What clears it: {text.remedy}",
            f"- Who can clear it: {text.cleared_by}",
            f"- Where it comes from: {text.requirement}",
        ]
    return "\n".join(parts) + "\n"

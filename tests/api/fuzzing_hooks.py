"""What schemathesis cannot know from the document: which cursors are ours, what is printable, and that it need not wait for records."""

from typing import Any

import schemathesis
from schemathesis import Case, GenerationMode, HookContext


@schemathesis.hook
def filter_body(_: HookContext, body: Any) -> bool:
    """What people write must be printable, which no pattern says."""
    words = body.values() if isinstance(body, dict) else []
    return all(word.isprintable() for word in words if isinstance(word, str))


@schemathesis.hook
def before_call(_: HookContext, case: Case, kwargs: dict[str, Any]) -> None:  # noqa: ARG001
    """A cursor that no page gave is refused; whether it is well is another question, and tried elsewhere."""
    if case.meta is None or case.meta.generation.mode == GenerationMode.POSITIVE:
        for given in (case.query, case.body):
            if isinstance(given, dict):
                given.pop("cursor", None)
                given.pop("wait", None)

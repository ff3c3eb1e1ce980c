"""What schemathesis cannot know from the document: which cursors and ZIP codes there are, what is a word, that `5.0` is no whole number,
and that it need not wait for records.
"""

from typing import Any

import schemathesis
from schemathesis import Case, GenerationMode, HookContext

from gatekeeper.registry.site_list import query_of


@schemathesis.hook
def filter_body(_: HookContext, body: Any) -> bool:
    """What people write must be printable, and whole numbers have no point, which no schema says."""
    words = body.values() if isinstance(body, dict) else []
    return all(word.isprintable() for word in words if isinstance(word, str)) and not _has_point(body)


@schemathesis.hook
def before_call(_: HookContext, case: Case, kwargs: dict[str, Any]) -> None:  # noqa: ARG001
    """A cursor that no page gave is refused; whether it is well is another question, and tried elsewhere."""
    if case.meta is None or case.meta.generation.mode == GenerationMode.POSITIVE:
        for given in (case.query, case.body):
            if isinstance(given, dict):
                given.pop("cursor", None)
                given.pop("wait", None)
        if case.path in {"/v1/sites", "/v1/exports/sites"} and case.query:
            _about_places(case.query)


def _about_places(query: dict[str, Any]) -> None:
    """A ZIP code that lies somewhere; no distance without one; words where there are some."""
    if "near" in query:
        query["near"] = "02110"
    else:
        query.pop("within", None)
    if "q" in query and query_of(str(query["q"])) is None:
        query.pop("q")


def _has_point(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(_has_point(each) for each in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, float)

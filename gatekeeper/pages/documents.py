"""The generated pages under ``docs``, and the OpenAPI document.

``python -m gatekeeper.pages.documents`` writes them; with ``--check`` it writes nothing, names those that are stale, and exits 1 if any is.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gatekeeper.pages.openapi_page import openapi
from gatekeeper.pages.reasons_page import reasons_page
from gatekeeper.pages.settings_page import settings_page

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGES: Final[dict[str, Callable[[], str]]] = {
    "reasons.md": reasons_page,
    "settings.md": settings_page,
    "../schemas/published/openapi.json": openapi,
}
"""Every page, and what makes it. What the API takes and answers is published beside the messages, which know nothing of it."""


def stale() -> list[str]:
    """The pages that are missing, or differ from what would be written."""
    return [name for name, make in PAGES.items() if not (DOCS / name).exists() or (DOCS / name).read_text(encoding="utf-8") != make()]


def main(arguments: list[str]) -> int:
    """Write, or check. Gives the exit status."""
    if arguments == ["--check"]:
        names = stale()
        sys.stdout.write("".join(f"{name} is stale: run python -m gatekeeper.pages.documents\n" for name in names))
        return 1 if names else 0
    if arguments:
        sys.stderr.write("usage: python -m gatekeeper.pages.documents [--check]\n")
        return 2
    DOCS.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

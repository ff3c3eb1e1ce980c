"""The feed of distribution records as files: layouts, which are data, and how records are written by them."""

from pathlib import Path
from typing import Final

from gatekeeper.errors import Unusable
from gatekeeper.feeds.forms import CsvForm, File, Form, JsonLinesForm
from gatekeeper.feeds.layout import CSV, Layout, read_layout
from gatekeeper.feeds.x12_867 import X12Form

BUILT_IN: Final = Path(__file__).parents[1] / "programs" / "layouts"


def read_layouts(folder: Path | None = None) -> dict[tuple[str, str], Layout]:
    """By program and cadence, the layouts of a folder; without one, the built-in ones. Raises ``Unusable``."""
    place = BUILT_IN if folder is None else folder
    layouts: dict[tuple[str, str], Layout] = {}
    try:
        files = sorted(path for path in place.iterdir() if path.suffix == ".toml")
    except OSError as error:
        raise Unusable(f"The folder of layouts {place} cannot be read: {error.strerror}.") from None
    for path in files:
        layout = read_layout(path)
        if (layout.program, layout.cadence) in layouts:
            raise Unusable(f"{path.name}: there is another layout of {layout.program} for the cadence {layout.cadence} in the folder.")
        layouts[layout.program, layout.cadence] = layout
    return layouts


def form_of(file: File, layout: Layout) -> Form:
    """What writes a file by a layout."""
    if layout.x12 is not None:
        return X12Form(file, layout, layout.x12)
    return CsvForm(file, layout) if layout.form == CSV else JsonLinesForm(file, layout)

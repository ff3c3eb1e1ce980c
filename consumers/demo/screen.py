"""What the demonstration shows: in a terminal a table that grows, with the message under way below it; otherwise plain lines."""

from types import TracebackType
from typing import Final, NamedTuple, Protocol

from rich.console import Console, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.rule import Rule
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from consumers.demo.words import Detail

STYLES: Final = {
    "released": "bold green", "held": "bold yellow", "blocked": "bold red", "not covered": "bold cyan", "in parts": "bold blue",
    "refused": "bold magenta", "repeat": "dim", "withdrawn": "bold red", "alert": "bold magenta", "why": "bold",
    "clears": "green", "may leave": "green",
    "accepted": "bold green", "rejected": "bold yellow", "confirmed": "bold green", "corrected": "bold green", "bypass": "bold red",
    "returned": "bold cyan", "agree": "bold green", "differ": "bold red", "differs": "bold red",
}  # fmt: skip
"""By outcome, and by label; another label is told quietly."""
QUIET: Final = "dim"
NUMBER, ORDER, OUTCOME = 2, 10, 11
"""Widths of the columns. Under the order stand the labels, and what they label has the rest."""
WIDEST: Final = 120
STEPS: Final = ("sent", "judged", "published")


class Row(NamedTuple):
    """A message, and as far as it is known what became of it."""

    number: int
    order: str
    title: str
    outcome: str = ""
    details: tuple[Detail, ...] = ()


class Screen(Protocol):
    """Where the demonstration is shown."""

    def __enter__(self) -> "Screen": ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def title(self, text: str, about: str) -> None: ...

    def step(self, text: str) -> None:
        """What is being made."""

    def waits(self, text: str) -> None:
        """For what it waits; told again while it does."""

    def head(self, who: str, what: str) -> None:
        """Rows follow: whom they are about, and what they tell."""

    def under_way(self, row: Row, reached: str) -> None:
        """How far a message has come: one of ``STEPS``."""

    def answered(self, row: Row) -> None: ...

    def summary(self, counts: list[Detail]) -> None: ...

    def hint(self, text: str, command: str = "") -> None: ...


class Lines:
    """Plain lines, one fact a line, never wrapped."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing is open."""

    def title(self, text: str, about: str) -> None:
        self._say("")
        self._say(f"{text}: {about}")

    def step(self, text: str) -> None:
        self._say(f"- {text}")

    def waits(self, text: str) -> None:
        """Nobody looks on."""

    def head(self, who: str, what: str) -> None:  # noqa: ARG002 - a plain line says it by itself
        self._say("")

    def under_way(self, row: Row, reached: str) -> None:
        """Told when it is over."""

    def answered(self, row: Row) -> None:
        self._say(f"{row.number:>{NUMBER}}  {row.order:<{ORDER}}  {row.outcome:<{OUTCOME}}  {row.title}")
        for label, text in row.details:
            self._say(f"{'':{NUMBER}}  {label:<{ORDER}}  {text}")

    def summary(self, counts: list[Detail]) -> None:
        self._say("")
        for label, text in counts:
            self._say(f"{label + ':':<13}{text}")

    def hint(self, text: str, command: str = "") -> None:
        self._say("")
        self._say(text)
        if command:
            self._say(f"  {command}")

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)


class Terminal:
    """A table of messages that grows downwards; what was shown stays."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._width = min(console.width, WIDEST)
        # Drawn by nobody but the caller: a thread that draws in between leaves torn rows behind.
        self._live = Live(console=console, transient=True, auto_refresh=False)
        self._spinner = Spinner("dots", style="cyan")

    def __enter__(self) -> "Terminal":
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.stop()

    def title(self, text: str, about: str) -> None:
        self._print(Text.assemble("\n", (text, "bold"), "  ", (about, QUIET)))

    def step(self, text: str) -> None:
        self._live.update(Text(""))
        self._print(Padding(Text.assemble(("✓ ", "green"), text), (0, 0, 0, 2)))

    def waits(self, text: str) -> None:
        self._spinner.update(text=Text(text, QUIET))
        self._live.update(self._spinner, refresh=True)

    def head(self, who: str, what: str) -> None:
        names = _table()
        names.add_row("", Text(who, QUIET), _head(Text("answer", QUIET), Text(what, QUIET)))
        self._print(Text(""), names, Rule(style=QUIET))

    def under_way(self, row: Row, reached: str) -> None:
        done = STEPS.index(reached)
        way = Text("  ").join(Text(f"● {step}" if number <= done else f"○ {step}", "cyan" if number <= done else QUIET)
                              for number, step in enumerate(STEPS))  # fmt: skip
        self._live.update(self._block(row, way), refresh=True)

    def answered(self, row: Row) -> None:
        self._live.update(Text(""))
        self._print(self._block(row))

    def summary(self, counts: list[Detail]) -> None:
        table = Table.grid(padding=(0, 2))
        table.add_column(width=NUMBER + ORDER, justify="right")
        table.add_column()
        for label, text in counts:
            table.add_row(Text(label, STYLES.get(label.lower(), QUIET)), text)
        self._print(Rule(style=QUIET), table)

    def hint(self, text: str, command: str = "") -> None:
        self._print(Text.assemble("\n", text))
        if command:
            # Not wrapped: it is to be copied.
            self._console.print(Text(f"  {command}", "cyan"), soft_wrap=True)

    def _block(self, row: Row, way: Text | None = None) -> RenderableType:
        table = _table()
        head = _head(Text(row.outcome, STYLES.get(row.outcome, "")), Text(row.title, "bold"))
        table.add_row(str(row.number), row.order, head)
        if way is not None:
            table.add_row("", "", way)
        for label, text in row.details:
            line = label.startswith("line ")
            style = STYLES.get(text, "") if line else QUIET if label == "way" else ""
            table.add_row("", Text(label, STYLES.get(label, "bold" if line else QUIET)), Text(text, style))
        return Padding(table, (0, 0, 1, 0))

    def _print(self, *what: RenderableType) -> None:
        for one in what:
            self._console.print(one, width=self._width, highlight=False)


def _table() -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(width=NUMBER, justify="right", style=QUIET)
    table.add_column(width=ORDER)
    table.add_column(ratio=1, overflow="fold")
    return table


def _head(outcome: Text, title: Text) -> Table:
    head = Table.grid(padding=(0, 2, 0, 0))
    head.add_column(width=OUTCOME)
    head.add_column(overflow="fold")
    head.add_row(outcome, title)
    return head

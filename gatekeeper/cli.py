"""The console script. Each command imports what it needs when it runs, so that a short one starts fast."""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from gatekeeper.errors import Halt, TryAgain, Unusable

_ENTRY_POINTS = "gatekeeper.commands"
_MODULES = {
    name: f"gatekeeper.commands.{name.replace('-', '_')}"
    for name in ("bypass", "doctor", "feed", "migrate", "programs", "registry", "serve", "set-aside", "site-alias", "unused", "verify")
}
"""Commands of this package that have a module of their own, in which they have the module's name."""


class Commands(click.Group):
    """The commands of this package, and those that others add by entry point, looked for only when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_MODULES, *self._added()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = super().get_command(ctx, cmd_name)
        if own is None and cmd_name in _MODULES:
            own = getattr(import_module(_MODULES[cmd_name]), cmd_name.replace("-", "_"))
        return own if own is not None else self._added().get(cmd_name)

    def __call__(self, *args: Any, **options: Any) -> NoReturn:
        """Wrong use and what cannot be used end with one plain sentence and status 2, a halt with one and status 3."""
        try:
            status = super().__call__(*args, standalone_mode=False, **options)
        except Unusable as error:
            _end(str(error), 2)
        except TryAgain as error:
            _end(str(error), 1)
        except click.exceptions.NoArgsIsHelpError as error:
            # Which commands there are is no sentence.
            click.echo(error.format_message(), err=True)
            sys.exit(2)
        except click.ClickException as error:
            _end(error.format_message(), 2)
        except Halt as error:
            _end(str(error), 3)
        except click.Abort:
            _end("Stopped.", 130)
        except OSError as error:
            # Whoever opens a file or a connection says what is wrong with it; what is left is the writing of what is said.
            _forget_output()
            _end(f"{error.filename or 'Standard output'} cannot be written: {error.strerror}.", 2)
        sys.exit(status if isinstance(status, int) else 0)

    def _added(self) -> dict[str, click.Command]:
        from importlib.metadata import entry_points  # noqa: PLC0415 - slow, and not wanted by the commands of this package

        added: dict[str, click.Command] = {}
        for entry_point in entry_points(group=_ENTRY_POINTS):
            added.update({str(command.name): command for command in entry_point.load()})
        return added


def _forget_output() -> None:
    """What is still buffered must not fail once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end(sentence: str, status: int) -> None:
    click.echo(" ".join(sentence.split()), err=True)
    sys.exit(status)


@click.group(cls=Commands)
def main() -> None:
    """Lets a REMS drug leave only for certified sites, and tells the REMS of every vial."""


@main.command("decide")
@click.option("--registry", type=click.Path(path_type=Path), required=True, help="A snapshot file, with or without its header line.")
@click.option("--at", "at_text", metavar="INSTANT", help="The clock: the instant of the decision. Without it, now.")
@click.argument("orders", type=click.Path(path_type=Path), required=False)
def decide_command(registry: Path, at_text: str | None, orders: Path | None) -> None:
    """Decide the orders of a file, one JSON message a line, without a database or broker.

    Without ORDERS they are read from standard input. What is released counts for the later ones.
    """
    from gatekeeper.clock import now  # noqa: PLC0415
    from gatekeeper.config import read_settings  # noqa: PLC0415
    from gatekeeper.instants import read_instant  # noqa: PLC0415
    from gatekeeper.judging.deciding import answers, load  # noqa: PLC0415
    from gatekeeper.lines import open_file  # noqa: PLC0415
    from gatekeeper.rules import RuleBook  # noqa: PLC0415

    at = now() if at_text is None else read_instant(at_text, "--at")
    settings = read_settings(os.environ)
    rules = RuleBook.read(settings.programs, settings.programs_added).at(at).programs
    if sys.stdout is None or (orders is None and sys.stdin is None):
        raise Unusable("Standard output is closed." if sys.stdout is None else "Standard input is closed: name a file of orders.")
    out = sys.stdout.buffer
    if orders is None:
        for answer in answers(sys.stdin.buffer, "Standard input", load(registry, rules, at), rules, at):
            out.write(answer)
            out.flush()
        return
    with open_file(orders) as file:
        for answer in answers(file, orders, load(registry, rules, at), rules, at):
            out.write(answer)
    out.flush()

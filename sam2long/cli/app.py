"""The `sam2long` command: its subcommands, and the one place that turns errors into a message and exit status."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from sam2long.cli.commands.batch import batch
from sam2long.cli.commands.bench import bench
from sam2long.cli.commands.compare import compare
from sam2long.cli.commands.demo import demo
from sam2long.cli.commands.evaluate import evaluate
from sam2long.cli.commands.export import export
from sam2long.cli.commands.info import info
from sam2long.cli.commands.prompts import prompts
from sam2long.cli.commands.review import review
from sam2long.cli.commands.score import score
from sam2long.cli.commands.studio import studio
from sam2long.cli.commands.synth import synth
from sam2long.cli.commands.track import track
from sam2long.cli.settings import Settings
from sam2long.errors import UserError, out_of_memory
from sam2long.running.interrupt import INTERRUPT_STATUS, TERMINATED_STATUS, raise_on_sigterm
from sam2long.version import VERSION

USAGE_STATUS = 2

# Base class of typer's usage errors, which typer does not export by name.
_UsageError: Any = typer.BadParameter.__mro__[1]

app = typer.Typer(
    help="Follow objects through long videos with Segment Anything 2 and a memory tree.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(track.__name__)(track)
app.command(batch.__name__)(batch)
app.command(export.__name__)(export)
app.command(compare.__name__)(compare)
app.command(review.__name__)(review)
app.command(info.__name__)(info)
app.command(studio.__name__)(studio)
app.command(demo.__name__)(demo)
app.command(synth.__name__)(synth)
app.command(score.__name__)(score)
app.command(bench.__name__)(bench)
app.command("eval")(evaluate)
app.add_typer(prompts, name="prompts")


def main() -> None:
    """Run the command line and exit: 0 on success, 2 on a user error, 130 after Ctrl-C, 143 after SIGTERM."""
    termination = raise_on_sigterm()
    _let_threads_sleep()
    _print_any_name()
    logging.getLogger("PIL").addHandler(logging.NullHandler())  # it logs what it raises as well
    warnings.showwarning = _show_warning
    settings = Settings()
    try:
        status = app(prog_name="sam2long", standalone_mode=False, obj=settings) or 0
        sys.stdout.flush()
    except _UsageError as error:
        status = _fail(_usage_message(error))
    except UserError as error:
        status = _fail(settings.explain(str(error), sys.argv[1:]))
    except (MemoryError, RuntimeError) as error:
        plain = out_of_memory(error)
        if plain is None:
            raise
        status = _fail(str(plain))
    except KeyboardInterrupt:
        status = INTERRUPT_STATUS
    except BrokenPipeError:
        status = _close_pipe()
    if status == INTERRUPT_STATUS and termination.came:
        status = TERMINATED_STATUS
    # From here on Ctrl-C just ends the process, without a traceback from Python's own shutdown.
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    sys.exit(status)


def _let_threads_sleep() -> None:
    """Let PyTorch's threads sleep while they wait for each other; read when PyTorch is imported.

    They spin otherwise, and on a machine with other work that holds up the very threads that they wait for.
    """
    if "GOMP_SPINCOUNT" not in os.environ:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _print_any_name() -> None:
    """File names need not be text: what has no place in UTF-8 is printed as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _show_warning(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
    """Print a warning as one plain line, like an error; its location in the code does not help users."""
    sys.stderr.write(f"warning: {' '.join(str(message).split())}\n")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sam2long {VERSION}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    no_settings: Annotated[
        bool, typer.Option("--no-settings", help="Ignore sam2long.toml, which gives defaults of options.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        return
    context.obj = settings = context.obj or Settings()
    settings.commands = {info.name: info.callback for info in app.registered_commands if info.name and info.callback}
    if not no_settings:
        settings.read(Path.cwd())
    context.default_map = settings.default_map()


def _usage_message(error: Any) -> str:
    command = error.ctx.command_path if error.ctx else "sam2long"
    return f"{error.format_message().rstrip('.')}; see {command} --help"


def _fail(message: str) -> int:
    sys.stderr.write(f"error: {' '.join(message.split())}\n")
    return USAGE_STATUS


def _close_pipe() -> int:
    # Python flushes stdout again on exit, which would otherwise print a second error.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1

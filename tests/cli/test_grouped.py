"""Options in groups: Typer sees the fields of the data classes, and the command gets the data classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from sam2long.cli.options.grouped import grouped


@dataclass(frozen=True)
class Size:
    """A group."""

    width: Annotated[int, typer.Option(min=1, help="In pixels.")] = 3
    flat: Annotated[bool, typer.Option("--flat")] = False


@dataclass(frozen=True)
class Colours:
    """Another one."""

    colour: Annotated[list[str] | None, typer.Option()] = None


def test_fields_are_options() -> None:
    seen: list[object] = []

    @grouped
    def paint(size: Size, what: Annotated[str, typer.Argument()], *, twice: bool = False, colours: Colours) -> None:
        """Paint something."""
        seen.append((what, size, colours, twice))

    app = typer.Typer()
    app.command()(paint)
    run = CliRunner().invoke
    assert run(app, ["wall"]).exit_code == 0
    assert run(app, ["door", "--width", "5", "--flat", "--colour", "red", "--colour", "blue", "--twice"]).exit_code == 0
    assert seen == [
        ("wall", Size(), Colours(), False),
        ("door", Size(5, True), Colours(["red", "blue"]), True),
    ]
    assert run(app, ["wall", "--width", "0"]).exit_code == 2
    told = run(app, ["--help"]).output
    assert "Paint something." in told
    assert told.index("--width") < told.index("--flat") < told.index("--twice") < told.index("--colour")

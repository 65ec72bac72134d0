"""`sam2long info`: says what a file or folder is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sam2long.cli.settings import Settings
    from sam2long.running.describing import Facts


def info(
    context: typer.Context,
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="[PATH]",
            help="A video, a session file, an output folder of sam2long track, or weights. Without it: the settings.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Say what a video, session, run or checkpoint is and what is in it; or which defaults sam2long.toml sets."""
    if path is None:
        _print_settings(context.obj, as_json)
        return
    # Imported here because PyTorch takes seconds, and `sam2long --help` must be fast.
    from sam2long.running.describing import describe

    facts = describe(path)
    typer.echo(json.dumps(facts, indent=1) if as_json else "\n".join(_lines(path, facts)))


def _print_settings(settings: Settings, as_json: bool) -> None:
    from sam2long.cli.settings import BUILT_IN

    rows = list(settings.rows())
    if as_json:
        places = [{"path": str(place), "exists": place.exists()} for place in settings.places]
        defaults: dict[str, dict[str, Any]] = {}
        for command, option, value, origin in rows:
            defaults.setdefault(command, {})[option.name] = {"value": value, "origin": origin}
        content = {"kind": "settings", "files": places, "defaults": defaults}
        typer.echo(json.dumps(content, indent=1, default=str))
        return
    for place in settings.places:
        typer.echo(f"{place}{'' if place.exists() else ' (does not exist)'}")
    changed = [(f"{command} --{option.name}", _plain(value), origin) for command, option, value, origin in rows]
    changed = [row for row in changed if row[2] != BUILT_IN]
    widths = [max((len(row[column]) for row in changed), default=0) for column in range(2)]
    for name, value, origin in changed:
        typer.echo(f"  {name:{widths[0]}}  {value:{widths[1]}}  {origin}")
    typer.echo(f"{'All other' if changed else 'All'} defaults are built in; sam2long COMMAND --help lists them.")


def _plain(value: Any) -> str:
    return str(value) if type(value) is int else _text(value)


def _lines(path: str, facts: Facts) -> list[str]:
    shown = {name: value for name, value in facts.items() if value is not None and name not in ("kind", "objects")}
    width = max(len(name) for name in shown)
    lines = [f"{path}: {facts['kind']}"]
    lines += [f"  {name.replace('_', ' '):{width}}  {_text(value)}" for name, value in shown.items()]
    return lines + [f"  {_object_line(item)}" for item in facts.get("objects", ())]


def _object_line(item: dict[str, Any]) -> str:
    words = [f"object {item['id']}"]
    if item.get("name", words[0]) != words[0]:
        words.append(repr(item["name"]))
    if "prompted_frames" in item:
        frames = item["prompted_frames"]
        some = ", ".join(map(str, frames[:8])) + (", ..." if len(frames) > 8 else "")
        words.append(f"prompted on {some or 'no frame'}; {item['frames_with_results']} frames with results")
    return ": ".join(words) if len(words) < 3 else f"{words[0]} {words[1]}: {words[2]}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)

"""`sam2long.toml`: defaults of the commands' options, from the folder one works in and from the user's own."""

from __future__ import annotations

import difflib
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import typer
from typer.models import OptionInfo

from sam2long.errors import ConfigError

FILE_NAME = "sam2long.toml"
DEFAULTS = "defaults"
"""Section whose entries apply to every command that has the option."""
BUILT_IN = "built in"

Commands = Mapping[str, Callable[..., Any]]

_EXPECTED = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text in quotes",
    Path: "a path in quotes",
    list: "a list of texts",
}


@dataclass(frozen=True)
class Option:
    """An option of a command, as its function declares it.

    Attributes:
        name: without the leading dashes, such as `image-size`.
        parameter: name of the function's parameter.
        kind: bool, int, float, str, Path, list, or an Enum.
        least: smallest number allowed, or None.
        most: largest number allowed, or None.
        default: its built-in default; None for none.
    """

    name: str
    parameter: str
    kind: type
    least: float | None
    most: float | None
    default: Any

    def read(self, value: Any, folder: Path) -> Any:
        """Check a value from a file in a folder, to which its paths are relative; raises ValueError."""
        if self.kind is str and isinstance(value, list) and all(isinstance(item, str) for item in value):
            return ",".join(value)
        if self.kind is list and isinstance(value, str):
            value = [value]
        if not self._fits(value):
            raise ValueError(f"expected {self._expected()}")
        if self.kind is Path:
            return str(folder / Path(value).expanduser())
        low, high = self.least, self.most
        if (low is not None and value < low) or (high is not None and value > high):
            raise ValueError(f"must be {f'{low} or more' if high is None else f'from {low} to {high}'}")
        return value

    def _fits(self, value: Any) -> bool:
        if self.kind is list:
            return isinstance(value, list) and all(isinstance(item, str) for item in value)
        if issubclass(self.kind, Enum):
            return value in [item.value for item in self.kind]
        if self.kind is float:
            return type(value) in (int, float)
        return type(value) is (str if self.kind is Path else self.kind)

    def _expected(self) -> str:
        if issubclass(self.kind, Enum):
            return " or ".join(repr(item.value) for item in self.kind)
        return _EXPECTED[self.kind]


@dataclass(frozen=True)
class Setting:
    """A default that a file gives.

    Attributes:
        option: of which command's option.
        value: the default.
        file: where it is from.
        section: of the file.
    """

    option: Option
    value: Any
    file: Path
    section: str


@dataclass
class Settings:
    """The defaults in effect.

    Attributes:
        commands: functions by command name.
        places: files that are looked for, the one that counts most first.
        found: settings by command and name of the option.
    """

    commands: Commands = field(default_factory=dict)
    places: list[Path] = field(default_factory=list)
    found: dict[str, dict[str, Setting]] = field(default_factory=dict)

    def read(self, folder: Path) -> None:
        """Read the files that count in a folder.

        Raises:
            ConfigError: a file cannot be read, or has an unknown key or a bad value.
        """
        self.places = list(dict.fromkeys((_nearest(folder), Path(typer.get_app_dir("sam2long")) / FILE_NAME)))
        for file in self.places:
            if file.exists():
                self._add(file)

    def default_map(self) -> dict[str, dict[str, Any]]:
        """Values by command and parameter, as typer takes them."""
        return {
            command: {item.option.parameter: item.value for item in settings.values()}
            for command, settings in self.found.items()
        }

    def rows(self) -> Iterator[tuple[str, Option, Any, str]]:
        """Yield every option of every command: (command, option, default, where the default is from)."""
        for command, function in self.commands.items():
            for name, option in options_of(function).items():
                setting = self.found.get(command, {}).get(name)
                if setting is None:
                    yield command, option, option.default, BUILT_IN
                else:
                    yield command, option, setting.value, str(setting.file)

    def explain(self, message: str, words: Sequence[str]) -> str:
        """Add to an error which of the settings that it speaks of come from a file."""
        command = next((word for word in words if word in self.commands), "")
        typed = {word.split("=")[0].lstrip("-") for word in words if word.startswith("--")}
        said = [
            item for name, item in self.found.get(command, {}).items() if name not in typed and item_in(item, message)
        ]
        return message + "".join(f" (--{item.option.name} is set in {item.file})" for item in said)

    def _add(self, file: Path) -> None:
        content = _content(file)
        for section, entries in content.items():
            if not isinstance(entries, dict):
                raise ConfigError(f"{file}: {section!r} is in no section; put it under [{DEFAULTS}] or a command")
            if section != DEFAULTS and section not in self.commands:
                raise ConfigError(f"{file}: unknown section [{section}]{_meant(section, [DEFAULTS, *self.commands])}")
        # A command's own section counts more than the common one.
        for section in sorted(content, key=lambda name: name == DEFAULTS):
            commands = list(self.commands) if section == DEFAULTS else [section]
            for key, value in content[section].items():
                self._set(file, section, commands, key, value)

    def _set(self, file: Path, section: str, commands: list[str], key: str, value: Any) -> None:
        name = key.replace("_", "-")
        having = {command: known for command in commands if name in (known := options_of(self.commands[command]))}
        if not having:
            every = {name for command in commands for name in options_of(self.commands[command])}
            raise ConfigError(f"{file}: unknown option {key!r} in [{section}]{_meant(name, every)}")
        for command, known in having.items():
            try:
                setting = Setting(known[name], known[name].read(value, file.parent), file, section)
            except ValueError as error:
                raise ConfigError(f"{file}: {key} = {value!r} in [{section}]: {error} for {command} --{name}") from None
            self.found.setdefault(command, {}).setdefault(name, setting)


def item_in(item: Setting, message: str) -> bool:
    """Whether a message speaks of a setting, by its name or by its text."""
    name = re.escape(item.option.name).replace(r"\-", "[-_]")
    text = item.value if isinstance(item.value, str) else None
    return re.search(rf"\b{name}\b", message) is not None or (text is not None and text in message)


def options_of(function: Callable[..., Any]) -> dict[str, Option]:
    """The options that a command's function declares, by name."""
    hints, found = get_type_hints(function, include_extras=True), {}
    for parameter in inspect.signature(function).parameters.values():
        hint = hints[parameter.name]
        kind, *notes = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        info = next((note for note in notes if isinstance(note, OptionInfo)), None)
        if info is not None:
            default = None if parameter.default is inspect.Parameter.empty else parameter.default
            option = Option(_name(info, parameter.name), parameter.name, _plain(kind), info.min, info.max, default)
            found[option.name] = option
    return found


def _name(info: OptionInfo, parameter: str) -> str:
    declared = (info.default, *(info.param_decls or ()))
    names = [word for word in declared if isinstance(word, str) and word.startswith("--")]
    return (names[0].split("/")[0] if names else parameter).strip("-").replace("_", "-")


def _plain(kind: Any) -> type:
    """The type of an option without `| None`, and without that of a list's items."""
    if get_origin(kind) in (Union, UnionType):
        kind = next(part for part in get_args(kind) if part is not type(None))
    plain: type = get_origin(kind) or kind
    return plain


def _nearest(folder: Path) -> Path:
    """The file in a folder or the nearest one above it; where it would be if there is none."""
    places = [above / FILE_NAME for above in (folder, *folder.parents)]
    return next((place for place in places if place.exists()), places[0])


def _content(file: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # of TOML or of UTF-8
        raise ConfigError(f"{file} is not valid TOML: {error}") from error


def _meant(name: str, known: Sequence[str] | set[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(sorted(known))}"

"""The reference of the command line, read from typer."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import typer.main

from tools.docs.markdown import page, table
from xueliang_monitor.cli import app

_NAME = "xueliang"


class _Parameter(Protocol):
    """What is read of an argument or an option; typer brings a click of its own, whose types have no public name."""

    @property
    def name(self) -> str | None:
        """Its name in Python."""

    @property
    def required(self) -> bool:
        """Whether it must be given."""

    @property
    def nargs(self) -> int:
        """How many values it takes; -1 for any number."""


class _Command(Protocol):
    """What is read of a command; a group also has `commands`."""

    @property
    def help(self) -> str | None:
        """Its description."""

    @property
    def params(self) -> Sequence[_Parameter]:
        """Its arguments and options."""


def _commands(command: _Command, path: str) -> Iterator[tuple[str, _Command]]:
    yield path, command
    inner: Mapping[str, _Command] = getattr(command, "commands", {})
    for name, each in inner.items():
        yield from _commands(each, f"{path} {name}")


def _spellings(parameter: _Parameter) -> list[str]:
    return [*getattr(parameter, "opts", ()), *getattr(parameter, "secondary_opts", ())]


def _names(parameter: _Parameter) -> str:
    if getattr(parameter, "param_type_name", "") == "option":
        return ", ".join(f"`{name}`" for name in _spellings(parameter))
    many = "..." if parameter.nargs == -1 else ""
    return f"`{(parameter.name or '').upper()}{many}`"


def _default(parameter: _Parameter) -> str:
    value = getattr(parameter, "default", None)
    variable = getattr(parameter, "envvar", None)
    shown = getattr(parameter, "show_default", None)
    if callable(value) or isinstance(shown, str):
        text = f"{shown}" if isinstance(shown, str) else ""
    elif parameter.required:
        text = "required"
    elif value in (None, False, "", ()) or "Sentinel" in type(value).__name__:
        text = ""
    else:
        text = f"`{value}`"
    return f"{text} (environment: `{variable}`)".strip() if isinstance(variable, str) else text


def _section(path: str, command: _Command) -> str:
    depth = "##" if path.count(" ") < 2 else "###"
    text = inspect.cleandoc(command.help or "")
    parameters = [item for item in command.params if item.name not in ("help", "install_completion", "show_completion")]
    parts = [f"{depth} {path}", text]
    if parameters:
        rows = [(_names(item), _default(item), getattr(item, "help", None) or "") for item in parameters]
        parts.append(table(("argument or option", "default", "meaning"), rows))
    return "\n\n".join(parts)


def commands() -> str:
    """Return the page of all commands."""
    root = typer.main.get_command(app)
    sections = [_section(path, command) for path, command in _commands(root, _NAME)]
    return page(
        "Command reference",
        "Exit status: 0 means done or healthy, 1 means not done, refused or faulty, 2 means wrong usage. Commands that"
        " print data accept `--json`. `xueliang --install-completion` installs completion of commands and camera ids.",
        *sections,
    )

"""Questions that a registration asks on the terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import typer

from xueliang_monitor.cli.output import err, on_terminal

if TYPE_CHECKING:
    from xueliang_monitor.commissioning.conflicts import SerialTakenError
    from xueliang_monitor.commissioning.registration_request import RegistrationRequest
    from xueliang_monitor.commissioning.service_search import SeveralDevicesError

Result = TypeVar("Result")


def ask(question: str, choices: tuple[str, ...] = ()) -> str:
    """Ask until there is an answer; `choices` are shown."""
    from rich.prompt import Prompt

    hint = f" ({', '.join(choices[:12])})" if choices else ""
    answer = ""
    while not answer.strip():
        answer = Prompt.ask(f"{question}{hint}", console=err)
    return answer.strip()


def is_another_device(error: SerialTakenError) -> bool:
    """Ask whether a device with a registered serial number is another one; False without a terminal."""
    if not on_terminal():
        return False
    err.print(error.messages[0], style="yellow", markup=False, highlight=False)
    return typer.confirm(
        "Is this another device with the same serial number? 是另一台设备吗？", default=False, err=True
    )


def of_one_device(wish: RegistrationRequest, run: Callable[[RegistrationRequest], Result]) -> Result:
    """Return what `run` returns; if several devices answer at the address, ask which one is meant and run again.

    Raises:
        RegistrationError: from `run`, also if there is no terminal to ask on.

    """
    from xueliang_monitor.commissioning.service_search import SeveralDevicesError

    try:
        return run(wish)
    except SeveralDevicesError as error:
        if not on_terminal():
            raise
        wish = _with_chosen_device(wish, error)
    return run(wish)


def _with_chosen_device(wish: RegistrationRequest, error: SeveralDevicesError) -> RegistrationRequest:
    for number, device in enumerate(error.devices, 1):
        shown = f"{number}  port {device.port}, path {device.path}  {device.name} {device.hardware}"
        err.print(shown, markup=False, highlight=False)
    numbers = tuple(str(number) for number in range(1, len(error.devices) + 1))
    answer = ""
    while answer not in numbers:
        answer = ask("device 设备", numbers)
    device = error.devices[int(answer) - 1]
    onvif = "https" if device.secure else wish.onvif
    return replace(wish, onvif=onvif, onvif_port=device.port, onvif_path=device.path)

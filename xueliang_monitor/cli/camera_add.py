"""`xueliang camera add`, `check` and `accept-change`: the camera commands that contact the device."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xueliang_monitor.cli import camera_channels, questions
from xueliang_monitor.cli.output import (
    AuthOption,
    CameraArgument,
    ConfigOption,
    JsonOption,
    camera_of,
    err,
    installation_of,
    on_terminal,
    out,
    print_json,
    refuse,
)
from xueliang_monitor.cli.profile_completion import complete_profile

if TYPE_CHECKING:
    from xueliang_monitor.commissioning.acceptance import AcceptanceResult
    from xueliang_monitor.commissioning.conflicts import SerialTakenError
    from xueliang_monitor.commissioning.registration import NewCamera
    from xueliang_monitor.commissioning.registration_request import RegistrationRequest
    from xueliang_monitor.configuration.installation import Installation

As = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="commissioning",
        help="Register it even if it fails the test; it is monitored but not counted.",
    ),
]


def status_of(wanted: str | None) -> str:
    """Return the status of `--as`, or exit with an error."""
    if wanted not in (None, "active", "commissioning"):
        refuse([f"--as takes commissioning, not {wanted}"])
    return wanted or "active"


def complete(wish: RegistrationRequest, loaded: Installation) -> RegistrationRequest:
    """Prompt for missing values; without a terminal, exit with an error."""
    logins = tuple(sorted(loaded.settings.credentials))
    sites = tuple(sorted({camera.site for camera in loaded.inventory.known}))
    if not wish.site:
        if not on_terminal():
            refuse(["--site is missing: the community, village or school where the camera hangs"])
        wish = replace(wish, site=questions.ask("site 地点", sites))
        wish = replace(wish, name=wish.name or questions.ask("name 名称"))
    if wish.credentials is None and len(logins) == 1:
        wish = replace(wish, credentials=logins[0])
    elif wish.credentials is None and logins:
        if not on_terminal():
            refuse([f"--credentials is missing; use one of {', '.join(logins)}, or none for a camera without a login"])
        wish = replace(wish, credentials=questions.ask("credentials 凭据", logins))
    return replace(wish, credentials=None) if wish.credentials == "none" else wish


def describe(candidate: NewCamera) -> None:
    """Print the identity of the camera and the chosen profile."""
    data = candidate.data
    if data.identity is not None:
        who = data.identity
        out.print(
            f"{who.manufacturer} {who.model}, firmware {who.firmware}, serial number {who.serial}",
            markup=False,
            highlight=False,
        )
    if data.stream is not None and data.main_stream is not None:
        out.print(
            f"monitored: {data.stream.profile} {data.stream.value()}; main stream: {data.main_stream.value()}",
            markup=False,
            highlight=False,
        )


async def register(
    wish: RegistrationRequest, loaded: Installation, *, quiet: bool
) -> tuple[NewCamera, AcceptanceResult]:
    """Query the device and run the acceptance test."""
    from xueliang_monitor.cli import acceptance
    from xueliang_monitor.commissioning.registration import prepare_registration

    def another(error: SerialTakenError) -> bool:
        return not quiet and questions.is_another_device(error)

    def say(text: str) -> None:
        if not quiet:
            err.print(text, style="dim", highlight=False)

    candidate = await prepare_registration(wish, loaded, say, another)
    if not quiet:
        describe(candidate)
    expected = candidate.data.stream.value() if candidate.data.stream else None
    return candidate, await acceptance.run(candidate.target, loaded, expected)


def add_one(wish: RegistrationRequest, loaded: Installation, *, as_json: bool) -> bool:
    """Register one camera and print the result; return whether its file was written."""
    from xueliang_monitor.cli import acceptance, daemon_state
    from xueliang_monitor.commissioning.registration_error import RegistrationError
    from xueliang_monitor.configuration import camera_file

    try:
        candidate, test = questions.of_one_device(
            wish, lambda meant: asyncio.run(register(meant, loaded, quiet=as_json))
        )
    except RegistrationError as error:
        refuse(error.messages, 2 if error.usage else 1)
    wanted = test.passed or wish.status is camera_file.Lifecycle.COMMISSIONING
    path = None
    if wanted:
        try:
            path = camera_file.write(loaded.settings.inventory, candidate.id, candidate.data, new=True)
        except FileExistsError:
            refuse([f"the id {candidate.id} was registered in the meantime; nothing was written"], 1)
        except OSError as error:
            refuse([f"{loaded.settings.inventory}: cannot be written: {error.strerror}"], 1)
    if as_json:
        print_json(
            {"id": candidate.id, "file": str(path) if path else None, **acceptance.as_json(test), **_known(candidate)}
        )
        return wanted
    acceptance.show(candidate.id, test)
    if path is None:
        err.print(
            f"\nnot registered: {candidate.id} did not pass 未登记：验收不合格。 Fix what failed and try again, or "
            "register it with --as commissioning.",
            style="red",
            highlight=False,
        )
        return False
    runs = daemon_state.ask(loaded.settings, "/api/v1/cameras") is not None
    follow = "the daemon picks it up within 2 s" if runs else "no daemon answers; the camera is monitored once one runs"
    out.print(f"\n[bold green]registered 已登记[/]  {candidate.id}  {path}  ({follow})", highlight=False)
    return True


def _known(candidate: NewCamera) -> dict[str, Any]:
    stored = candidate.data.model_dump(mode="json", exclude_none=True)
    return {key: stored[key] for key in ("status", "identity", "stream", "main_stream", "rtsp_path") if key in stored}


def add(
    address: Annotated[str, typer.Argument(help="The camera's IP address or host name.")],
    *,
    site: Annotated[str, typer.Option("--site", "-s", help="Community, village or school where it is installed.")] = "",
    name: Annotated[str | None, typer.Option(help="Name for people.")] = None,
    identity: Annotated[str | None, typer.Option("--id", help="Id; default: derived from name or address.")] = None,
    programme: Annotated[str, typer.Option(help="Rollout that the camera belongs to.")] = "",
    uplink: Annotated[str, typer.Option(help="Switch or line that connects the camera.")] = "",
    credentials: Annotated[
        str | None, typer.Option(help="Name of a login in the settings; none for a camera without a login.")
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            help="Token or name of the profile; default: the smallest of at least 640 px. list prints all by channel.",
            autocompletion=complete_profile,
        ),
    ] = None,
    channels: Annotated[
        str | None,
        typer.Option(help="Register channels of a recorder, each as a camera: all, 1-16 or 1,3,5-8."),
    ] = None,
    onvif: Annotated[str, typer.Option(help="auto, none, http or https.")] = "auto",
    onvif_port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of the ONVIF service.")] = None,
    onvif_path: Annotated[
        str | None, typer.Option(help="Path of the ONVIF service, instead of the usual ones.")
    ] = None,
    onvif_credentials: Annotated[str | None, typer.Option(help="Name of the login for ONVIF, if different.")] = None,
    rtsp_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="RTSP port, instead of the reported one.")
    ] = None,
    rtsp_path: Annotated[str | None, typer.Option(help="RTSP path, instead of the reported one.")] = None,
    tls: Annotated[str, typer.Option(help="verify, insecure, legacy, or a file with trusted certificates.")] = "verify",
    auth: AuthOption = None,
    same_serial: Annotated[
        bool, typer.Option("--same-serial", help="Register it although another device has its serial number.")
    ] = False,
    as_status: As = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Register a new camera: query the device, run the acceptance test, and write its file.

    Exit status: 0 registered, 1 not passed or refused, 2 usage.
    """
    from xueliang_monitor.commissioning.registration_request import RegistrationRequest
    from xueliang_monitor.configuration.camera_file import Lifecycle
    from xueliang_monitor.net.host_validation import check_host

    try:
        check_host(address)
    except ValueError as error:
        refuse([f"address: {error}"])
    if onvif not in {"auto", "none", "http", "https"}:
        refuse([f"--onvif takes auto, none, http or https, not {onvif}"])
    if onvif_path is not None and not onvif_path.startswith("/"):
        refuse([f"--onvif-path: {onvif_path} is no path; it must begin with /"])
    if channels is not None and (profile is not None or rtsp_path is not None or onvif == "none"):
        refuse(["--channels asks the recorder for its streams; it does not go with --profile, --rtsp-path or no ONVIF"])
    wish = RegistrationRequest(
        address=address,
        site=site,
        id=identity,
        name=name,
        programme=programme,
        uplink=uplink,
        credentials=credentials,
        onvif=onvif,
        onvif_port=onvif_port,
        onvif_path=onvif_path,
        onvif_credentials=onvif_credentials,
        profile=profile,
        rtsp_port=rtsp_port,
        rtsp_path=rtsp_path,
        tls=tls,
        auth=auth,
        status=Lifecycle(status_of(as_status)),
        same_serial=same_serial,
    )
    loaded = installation_of(config)
    if profile == "list":
        camera_channels.show_profiles(complete(replace(wish, site=site or "-"), loaded), loaded)
        return
    wish = complete(wish, loaded)
    if channels is not None:
        good = camera_channels.add_channels(wish, loaded, channels, questions.is_another_device, as_json=as_json)
    else:
        good = add_one(wish, loaded, as_json=as_json)
    raise typer.Exit(0 if good else 1)


def check(
    camera: CameraArgument,
    accept: Annotated[bool, typer.Option("--accept", help="If it passes, end commissioning.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Run the acceptance test on a registered camera. Exit status: 0 passed, 1 not passed."""
    from xueliang_monitor.cli import acceptance
    from xueliang_monitor.cli.camera_edit import change
    from xueliang_monitor.cli.offered_logins import guarded
    from xueliang_monitor.configuration.camera_file import Lifecycle

    loaded = installation_of(config)
    known = camera_of(loaded, camera)
    expected = known.data.stream.value() if known.data.stream else None
    test = asyncio.run(acceptance.run(guarded(known.target, loaded.settings.state), loaded, expected))
    if as_json:
        print_json({"id": known.id, **acceptance.as_json(test)})
    else:
        acceptance.show(known.id, test)
    if accept and test.passed and known.status is Lifecycle.COMMISSIONING:
        change(loaded, known.id, {"status": None})
        err.print(f"{known.id} is active from now on 已转为正式", style="green", highlight=False)
    sys.stdout.flush()
    raise typer.Exit(0 if test.passed else 1)

"""The files of the topology: `uplinks.yaml`, or one file for each node in `uplinks.d`. A bad node costs only itself."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from xueliang_monitor.configuration import topology_checks
from xueliang_monitor.configuration.camera_folder import ENDING, TooManyFilesError, camera_files, place_of
from xueliang_monitor.configuration.regular_file import FileIdentity
from xueliang_monitor.configuration.strict_yaml import (
    CAMERA_LIMITS,
    SETTINGS_LIMITS,
    Document,
    DocumentError,
    Problem,
    Strict,
    read,
    validate,
)
from xueliang_monitor.configuration.yaml_text import Path_, has_control_character
from xueliang_monitor.net.host_validation import canonical_host, check_host
from xueliang_monitor.topology import Node, NodeKind

FILE = "uplinks.yaml"
FOLDER = "uplinks.d"
MAX_NODES = 5000
MAX_PROBLEMS = 1000
"""From this number of problems on, only the first one of each node is kept."""

MAX_NAME = 120
MAX_SESSIONS = 64
LINK_OUTSIDE = "is not valid; it is a link to a file outside this folder, whose content is not shown"
NAME_RULE = f"the name of an uplink has 1 to {MAX_NAME} characters, no control character, and no space at its ends"
BOTH = f"there are {FILE} and files in {FOLDER}; keep one of them. Neither is used"

WORDS = frozenset({"uplink", "name", "place", "port", "circuit"})
"""Keys whose values are texts, also if they look like numbers, such as the circuit `0012` and the port `1:24`."""

Words = Annotated[str, Field(max_length=MAX_NAME)]


class UplinkFile(Strict):
    """The keys of one node: a switch, a line, a router, a carrier, or a recorder."""

    uplink: Words = ""
    """The node that it hangs on. Leave it out if it hangs on the monitor's own network."""

    name: Words = ""
    """Display name. The default is the word by which cameras and other nodes refer to it."""

    place: Words = ""
    """Where a technician finds it."""

    port: Words = ""
    """Port of its parent that it is plugged into, such as `24` or `1:24`."""

    circuit: Words = ""
    """Circuit number that the carrier asks for."""

    address: Annotated[str, AfterValidator(check_host)] | None = None
    """IP address or host name of a recorder or an encoder. Every camera with this address is one of its channels,
    whatever its `uplink` is.
    """

    sessions: Annotated[int | None, Field(ge=1, le=MAX_SESSIONS)] = None
    """How many cameras of the recorder are visited at once. The default is `recorder_sessions` of the settings. Needs
    `address`.
    """

    @model_validator(mode="before")
    @classmethod
    def _of_mapping(cls, data: Any) -> Any:
        if data is None:
            return {}
        if not isinstance(data, dict):
            raise ValueError("must contain keys and values")  # noqa: TRY004 - pydantic takes no TypeError
        return data

    @model_validator(mode="after")
    def _sessions_of_an_address(self) -> Self:
        if self.sessions is not None and self.address is None:
            raise ValueError("sessions: only a node with an address has sessions")
        return self

    def node(self, name: str) -> Node:
        """Return the keys as a node of that name."""
        return Node(
            name=name,
            parent=self.uplink,
            kind=NodeKind.HOST if self.address else NodeKind.UPLINK,
            title=self.name,
            place=self.place,
            port=self.port,
            circuit=self.circuit,
            address=self.address or "",
            sessions=self.sessions,
        )


@dataclass(frozen=True, slots=True)
class DeclaredNodes:
    """The nodes that the files beside the settings declare, and all problems found in them.

    `files` are the files of the nodes by name. It is empty if no node is declared: then only what the camera files
    name counts.
    """

    folder: Path = field(default_factory=Path)
    nodes: tuple[Node, ...] = ()
    problems: tuple[Problem, ...] = ()
    files: Mapping[str, tuple[Path, int]] = field(default_factory=dict)

    def at(self, name: str, message: str) -> Problem:
        """Return a problem of a node at the place where it is declared."""
        file, line = self.files[name]
        return Problem(file, line, message)

    @property
    def sessions_by_address(self) -> Mapping[str, int]:
        """How many sessions each declared recorder may serve, by its address in canonical form."""
        return {canonical_host(node.address): node.sessions for node in self.nodes if node.sessions is not None}


@dataclass(slots=True)
class _Entry:
    """A node as it was read; `bad` says that it has problems and only its valid keys are used."""

    node: Node
    document: Document
    path: Path_
    bad: bool = False

    def problem(self, key: str, message: str) -> Problem:
        return self.document.problem((*self.path, key), message)


@dataclass(slots=True)
class _Reading:
    """What was read so far. `lost` says that a whole file is unusable, so the nodes of before stay in force."""

    entries: dict[str, _Entry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    lost: bool = False

    def note(self, problems: tuple[Problem, ...]) -> None:
        self.problems += problems if len(self.problems) < MAX_PROBLEMS else problems[:1]

    def take(self, document: Document, path: Path_, name: str) -> None:
        """Take a node at a path of a document."""
        try:
            data, bad = validate(document, UplinkFile, path), False
        except DocumentError as error:
            self.note(error.problems)
            data, bad = _valid_keys(document.data[path[0]] if path else document.data), True
        self.entries[name] = _Entry(data.node(name), document, path, bad)


def fingerprint(folder: Path) -> frozenset[tuple[str, FileIdentity | None]]:
    """Return name and identity of every file of the topology, to notice changes."""
    found: dict[str, FileIdentity | None] = {}
    with contextlib.suppress(OSError, TooManyFilesError):
        found |= {f"{FOLDER}/{name}": identity for name, identity in camera_files(folder / FOLDER).items()}
    with contextlib.suppress(OSError):
        found[FILE] = FileIdentity.of((folder / FILE).stat())
    return frozenset(found.items())


def read_file(file: Path) -> DeclaredNodes:
    """Read the nodes of one file with the form of `uplinks.yaml`."""
    reading = _Reading()
    _read_file(file, reading)
    return _checked(file.parent, reading, {})


def load(folder: Path, before: DeclaredNodes | None = None) -> DeclaredNodes:
    """Read the files of the topology in the folder of the settings.

    A node with an invalid key, and what closes a circle, stays as it was in `before`. A node that was not there before
    is used without its invalid keys, so that what hangs on it still does.
    """
    reading = _Reading()
    file, parts = folder / FILE, folder / FOLDER
    names: list[str] = []
    try:
        names = list(camera_files(parts))
    except FileNotFoundError:
        pass
    except OSError as error:
        _lose(reading, Problem(parts, 0, f"the folder cannot be read: {error.strerror}"))
    except TooManyFilesError:
        _lose(reading, Problem(parts, 0, f"the folder has more than {MAX_NODES:,} files"))
    if names and _exists(file):
        _lose(reading, Problem(file, 0, BOTH))
    elif len(names) > MAX_NODES:
        _lose(reading, Problem(parts, 0, f"the folder has more than {MAX_NODES:,} files"))
    elif names:
        for name in names:
            _read_part(parts / name, reading)
    elif _exists(file):
        _read_file(file, reading)
    if reading.lost and before is not None:
        return replace(before, problems=tuple(reading.problems))
    known = {node.name: node for node in before.nodes} if before is not None else {}
    return _checked(folder, reading, known)


def _exists(file: Path) -> bool:
    return os.path.lexists(file)


def _lose(reading: _Reading, problem: Problem) -> None:
    reading.lost = True
    reading.problems.append(problem)


def _read_file(file: Path, reading: _Reading) -> None:
    try:
        place, outside = place_of(file)
        document = read(file, SETTINGS_LIMITS, place=place, words=WORDS)
    except DocumentError as error:
        reading.lost = True
        reading.problems += (Problem(file, 0, LINK_OUTSIDE),) if outside else error.problems
        return
    if len(document.data) > MAX_NODES:
        _lose(reading, Problem(file, 0, f"declares more than {MAX_NODES:,} uplinks"))
        return
    for name in document.data:
        if _is_name(name):
            reading.take(document, (name,), name)
        else:
            reading.note((document.problem((name,), NAME_RULE),))
    if outside and reading.problems:
        reading.problems = [Problem(file, reading.problems[0].line, LINK_OUTSIDE)]


def _read_part(file: Path, reading: _Reading) -> None:
    """Read a file of one node, whose name is the stem of the file."""
    name = file.name.removesuffix(ENDING)
    if not _is_name(name):
        reading.note((Problem(file, 0, f"the file name without {ENDING} is the name of the uplink; {NAME_RULE}"),))
        return
    own = _Reading()
    place, outside = place_of(file)
    try:
        own.take(read(file, CAMERA_LIMITS, place=place, words=WORDS), (), name)
    except DocumentError as error:
        own.note(error.problems)
        own.entries[name] = _Entry(Node(name), Document(file, {}, {}), (), bad=True)
    if outside and own.problems:
        own.problems = [Problem(file, next((item.line for item in own.problems if item.line), 0), LINK_OUTSIDE)]
    reading.note(tuple(own.problems))
    reading.entries |= own.entries


def _is_name(name: str) -> bool:
    encodable = not any("\ud800" <= letter <= "\udfff" for letter in name)
    return 0 < len(name) <= MAX_NAME and encodable and not has_control_character(name) and name == name.strip()


def _valid_keys(data: Any) -> UplinkFile:
    """Return the keys that are valid."""
    kept: dict[str, Any] = {}
    for key in UplinkFile.model_fields:  # the address comes before its sessions
        if isinstance(data, dict) and key in data:
            with contextlib.suppress(ValidationError):
                UplinkFile.model_validate({**kept, key: data[key]})
                kept[key] = data[key]
    return UplinkFile.model_validate(kept)


def _checked(folder: Path, reading: _Reading, known: Mapping[str, Node]) -> DeclaredNodes:
    """Return the nodes that were read, without what contradicts others; `known` are the nodes of before."""
    entries = reading.entries
    nodes = {name: known.get(name, entry.node) if entry.bad else entry.node for name, entry in entries.items()}
    for name, key, message in topology_checks.resolve(nodes, known):
        reading.note((entries[name].problem(key, message),))
    return DeclaredNodes(
        folder,
        tuple(nodes.values()),
        tuple(reading.problems),
        {name: (entry.document.file, entry.document.line_of(entry.path)) for name, entry in entries.items()},
    )

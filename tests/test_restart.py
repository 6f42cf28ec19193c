"""A restart has the same result as a reload, whatever was edited meanwhile, and ends faults of removed cameras."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.simulated_time import START, SimulatedDays, camera, visited
from tests.storage.earlier_history import without_logins
from xueliang_monitor.clock import ManualClock
from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.configuration.camera_sections import IdentitySection
from xueliang_monitor.configuration.installation import Installation, stored_inventory
from xueliang_monitor.configuration.inventory import Camera, Inventory, keep_last_good, target_of
from xueliang_monitor.configuration.settings import Settings
from xueliang_monitor.configuration.strict_yaml import Problem
from xueliang_monitor.fleet.changes import CameraRecord, Changes
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.metrics import render
from xueliang_monitor.model import Credentials, Identity, Rung, State
from xueliang_monitor.probing.device_memory import DeviceMemory
from xueliang_monitor.probing.login import Login, LoginHistory
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.storage.history import History
from xueliang_monitor.web import views

CAMERAS = tuple(camera(f"cam-{number}", "sw", host=f"127.0.0.{number + 1}") for number in range(4))
POLICY = Policy(flaps=1000)
WHO = Identity("Maker", "Model", "1.0", "SN1")


def changed(item: Camera, **values: object) -> Camera:
    """Return a camera with a changed file."""
    data = item.data.model_copy(update=values)
    return Camera(item.id, target_of(item.id, data, None, None), data)


def started(history: History, clock: ManualClock, inventory: Inventory) -> Fleet:
    """Start a fleet as the daemon does."""
    stored = history.load()
    before = stored_inventory(stored.files, Installation(Settings(), {}, inventory, ()))
    fleet = Fleet(clock, POLICY, inventory.cameras)
    fleet.resume(stored, before.cameras, keep_last_good(before, inventory))
    return fleet


def visit(fleet: Fleet, clock: ManualClock, codes: dict[str, str | None], rounds: int = 4) -> None:
    for _ in range(rounds):
        clock.advance(5)
        for entry, _ in list(fleet.pairs()):
            name = entry.camera.id
            made = visited(name, clock.now(), codes.get(name), Rung.RTSP)
            fleet.apply(made, fleet.entry(name).memory, 0.0)


def lost_uplink(folder: Path) -> tuple[History, ManualClock]:
    """Return a history in which the uplink of all four cameras is down."""
    clock = ManualClock(START)
    fleet = Fleet(clock, POLICY, CAMERAS)
    visit(fleet, clock, {})
    visit(fleet, clock, {item.id: "connect_timeout" for item in CAMERAS[:3]})
    visit(fleet, clock, {item.id: "connect_timeout" for item in CAMERAS})
    assert [uplink.down for uplink in fleet.uplinks] == [True]
    history = History(folder)
    history.write(fleet.collect(every=True))
    return history, clock


@pytest.mark.parametrize("how", ["reload", "restart"])
@pytest.mark.parametrize("what", ["moved", "removed"])
def test_an_uplink_whose_lost_cameras_are_gone_is_not_down_for_ever(tmp_path: Path, how: str, what: str) -> None:
    history, clock = lost_uplink(tmp_path)
    fleet = started(history, clock, Inventory(CAMERAS, ()))
    assert [(uplink.name, uplink.down, len(uplink.lost)) for uplink in fleet.uplinks] == [("sw", True, 4)]
    visit(fleet, clock, {item.id: "connect_timeout" for item in CAMERAS})
    neighbour = camera("cam-9", "sw", host="127.0.0.9")
    moved = tuple(changed(item, uplink="other") for item in CAMERAS)
    inventory = Inventory((*(moved if what == "moved" else ()), neighbour), ())
    if how == "reload":
        fleet.reconcile(inventory)
    else:
        history.write(fleet.collect(every=True))
        fleet = started(history, clock, inventory)
    visit(fleet, clock, {item.id: "connect_timeout" for item in moved}, 6)
    assert fleet.status_of("cam-9").state is State.UP
    history.write(fleet.collect(every=True))
    open_uplinks = [item.uplink for item in history.load().open_episodes if item.uplink]
    assert "sw" not in open_uplinks
    history.close()


def test_faults_of_cameras_removed_during_the_downtime_end(tmp_path: Path) -> None:
    clock = ManualClock(START)
    fleet = Fleet(clock, POLICY, CAMERAS)
    visit(fleet, clock, {"cam-0": "rtsp_timeout", "cam-1": "rtsp_timeout"})
    history = History(tmp_path)
    history.write(fleet.collect(every=True))
    clock.advance(600)
    fleet = started(history, clock, Inventory(CAMERAS[1:], ()))
    history.write(fleet.collect(every=True))
    assert [(item.camera, item.ended) for item in history.episodes(0, START * 2)] == [
        ("cam-0", clock.now()),
        ("cam-1", None),
    ]
    assert [(name, outage.ended) for name, outage in history.outages(0, START * 2)] == [
        ("cam-0", clock.now()),
        ("cam-1", None),
    ]
    assert "cam-0" not in history.load().cameras
    history.close()


def test_changes_made_while_the_daemon_was_stopped_count(tmp_path: Path) -> None:
    clock = ManualClock(START)
    fleet = Fleet(clock, POLICY, CAMERAS)
    history_of_login = LoginHistory().for_credentials(Credentials("viewer", "secret")).refused(START)
    login = Login(history_of_login, refusals=(START,))
    memory = Memory(login=login, device=DeviceMemory(identity=WHO))
    for item in CAMERAS:
        fleet.apply(visited(item.id, clock.now(), None, Rung.RTSP), memory, 0.0)
    history = History(tmp_path)
    history.write(fleet.collect(every=True))
    accepted = changed(CAMERAS[1], identity=IdentitySection.of(replace(WHO, firmware="2.0")))
    fleet = started(history, clock, Inventory((changed(CAMERAS[0], address="127.0.0.77"), accepted, *CAMERAS[2:]), ()))
    elsewhere, other, same = (fleet.entry(name).memory for name in ("cam-0", "cam-1", "cam-2"))
    assert (elsewhere.device.identity, elsewhere.login) == (None, Login())
    assert (other.device.identity, other.login) == (None, login)
    assert (same.device.identity, same.login) == (WHO, login)
    history.close()


def test_a_file_that_became_invalid_while_the_daemon_was_stopped_keeps_its_last_good_version(tmp_path: Path) -> None:
    clock = ManualClock(START)
    fleet = Fleet(clock, POLICY, CAMERAS)
    visit(fleet, clock, {"cam-0": "rtsp_timeout"})
    history = History(tmp_path)
    history.write(fleet.collect(every=True))
    problem = Problem(Path("cameras.d/cam-0.yaml"), 3, "address: missing")
    fleet = started(history, clock, Inventory(CAMERAS[1:], (problem,)))
    entry = fleet.entry("cam-0")
    assert entry.camera.outdated
    assert entry.camera.target == CAMERAS[0].target
    assert fleet.status_of("cam-0").state is State.DOWN
    assert len(history.load().open_outages) == 1
    history.close()


def test_a_camera_that_cannot_be_watched_for_its_bad_file_loses_nothing(tmp_path: Path) -> None:
    """A camera without its credentials cannot be watched; its state waits until the file is valid."""
    clock = ManualClock(START)
    known = changed(CAMERAS[0], credentials="district")
    fleet = Fleet(clock, POLICY, (known, *CAMERAS[1:]))
    visit(fleet, clock, {"cam-0": "rtsp_timeout"})
    history = History(tmp_path)
    history.write(fleet.collect(every=True))
    problem = Problem(Path("cameras.d/cam-0.yaml"), 3, "credentials: not to be had")
    fleet = started(history, clock, Inventory(CAMERAS[1:], (problem,)))
    assert fleet.camera("cam-0") is None
    history.write(fleet.collect(every=True))
    assert len(history.load().open_outages) == len(history.load().open_episodes) == 1
    fleet.reconcile(Inventory((known, *CAMERAS[1:]), ()))
    assert fleet.status_of("cam-0").state is State.DOWN
    fleet.reconcile(Inventory(CAMERAS[1:], ()))
    history.write(fleet.collect(every=True))
    assert history.load().open_outages == history.load().open_episodes == ()
    history.close()


def test_a_fault_that_this_version_does_not_know_is_ended(tmp_path: Path) -> None:
    clock = ManualClock(START)
    fleet = Fleet(clock, POLICY, CAMERAS)
    visit(fleet, clock, {"cam-0": "rtsp_timeout"})
    history = History(tmp_path)
    history.write(fleet.collect(every=True))
    for table, column in (("cameras", "health"), ("episodes", "fault"), ("outages", "codes")):
        history._database.execute(f"UPDATE {table} SET {column} = replace({column}, 'rtsp_timeout', 'of_the_future')")
    fleet = started(history, clock, Inventory(CAMERAS, ()))
    history.write(fleet.collect(every=True))
    for entry, status in fleet.snapshot().entries:
        json.dumps(views.camera_in_full(entry, status, fleet.topology))
    render(fleet.snapshot(), "")
    assert [item.ended for item in history.episodes(0, START * 2)] == [clock.now()]
    visit(fleet, clock, {})
    assert fleet.status_of("cam-0").state is State.UP
    history.write(fleet.collect(every=True))
    assert history.load().open_outages == ()
    history.close()


def test_counts_of_episodes_never_fall(tmp_path: Path) -> None:
    clock = ManualClock(START)
    fleet = Fleet(clock, POLICY, CAMERAS)
    history = History(tmp_path)
    for _ in range(3):
        visit(fleet, clock, {"cam-0": "rtsp_timeout"})
        visit(fleet, clock, {})
    history.write(fleet.collect(every=True))
    history.forget("2000-01-01", START * 2)
    assert history.episodes(0, START * 2) == []
    assert started(history, clock, Inventory(CAMERAS, ())).entry("cam-0").episodes == {"rtsp_timeout": 3}
    history.close()


def test_a_history_of_the_version_before_is_gone_on_with(tmp_path: Path) -> None:
    clock = ManualClock(START)
    fleet = Fleet(clock, POLICY, CAMERAS)
    visit(fleet, clock, {"cam-0": "rtsp_timeout", "cam-3": "rtsp_timeout"})
    history = History(tmp_path)
    history.write(fleet.collect(every=True))
    history.close()
    with sqlite3.connect(history.path) as database:  # as the earlier version stored it
        rows = database.execute("SELECT camera, health, memory FROM cameras").fetchall()
        database.execute("DROP TABLE cameras")
        database.execute("DROP TABLE outages")
        database.execute("DROP TABLE uplinks")
        database.execute("DROP TABLE clock")
        database.execute("DROP TABLE root_days")
        database.execute("DROP TABLE acknowledgements")
        for table in ("told", "outbox", "silences"):
            database.execute(f"DROP TABLE {table}")
        database.execute("DROP INDEX events_of_camera")
        without_logins(database)
        database.execute(
            "CREATE TABLE cameras (camera TEXT PRIMARY KEY, health TEXT NOT NULL, memory TEXT NOT NULL) WITHOUT ROWID"
        )
        for name, health, memory in rows:
            known = {key: value for key, value in json.loads(health).items() if key not in ("outage", "offline_since")}
            database.execute("INSERT INTO cameras VALUES (?, ?, ?)", (name, json.dumps(known), memory))
        database.execute("PRAGMA user_version=4")
    database.close()
    history = History(tmp_path)
    assert [(name, outage.codes) for name, outage in history.outages(0, START * 2)] == [
        ("cam-0", ("rtsp_timeout",)),
        ("cam-3", ("rtsp_timeout",)),
    ]
    fleet = started(history, clock, Inventory(CAMERAS[:3], ()))
    assert fleet.status_of("cam-0").state is State.DOWN
    assert fleet.entry("cam-0").episodes == {"rtsp_timeout": 1}
    visit(fleet, clock, {})
    history.write(fleet.collect(every=True))
    assert history.load().open_episodes == history.load().open_outages == ()
    assert len(history.outages(0, START * 2)) == 2
    history.close()


def test_a_row_that_cannot_be_read_costs_that_camera_alone(tmp_path: Path) -> None:
    clock = ManualClock(START)
    fleet = Fleet(clock, POLICY, CAMERAS)
    visit(fleet, clock, {"cam-0": "rtsp_timeout", "cam-1": "rtsp_timeout"})
    history = History(tmp_path)
    history.write(fleet.collect(every=True))
    history._database.execute("UPDATE cameras SET health = '{' WHERE camera = 'cam-0'")
    history._database.execute("UPDATE cameras SET file = '{\"x\": 1}' WHERE camera = 'cam-1'")
    fleet = started(history, clock, Inventory(CAMERAS, ()))
    assert fleet.status_of("cam-0").state is State.UNKNOWN
    assert fleet.status_of("cam-1").state is State.DOWN
    visit(fleet, clock, {})
    history.write(fleet.collect(every=True))
    assert history.load().open_episodes == history.load().open_outages == ()
    history.close()


class World:
    """One fleet with its history and an inventory that is edited."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.clock = clock
        self.history = History(folder)
        self.in_force = Inventory(CAMERAS, ())
        self.fleet = started(self.history, clock, self.in_force)

    def flush(self) -> None:
        self.history.write(self.fleet.collect(every=True))

    def write_what_happened(self) -> None:
        """Write as the recorder does, after every transition."""
        self.history.write(self.fleet.collect())

    def reload(self, inventory: Inventory) -> None:
        self.in_force = keep_last_good(self.in_force, inventory)
        self.fleet.reconcile(self.in_force)

    def restart(self, inventory: Inventory) -> None:
        self.fleet = started(self.history, self.clock, inventory)
        self.in_force = inventory

    def shown(self) -> dict[str, object]:
        return {
            entry.camera.id: (
                status.state,
                sorted(fault.code for fault in status.faults),
                entry.health.outage is not None,
                entry.memory.device.identity,
                entry.memory.login.refusals,
                entry.camera.outdated,
                dict(entry.episodes) != {},
            )
            for entry, status in self.fleet.snapshot().entries
        } | {f"uplink {uplink.name}": uplink.down for uplink in self.fleet.uplinks if uplink.down}

    def check(self) -> None:
        """The history holds everything that is open, and nothing twice."""
        stored = self.history.load()
        entries = {entry.camera.id: entry.health for entry, _ in self.fleet.pairs()}
        faults = [(name, fault.code) for name, health in entries.items() for fault in health.confirmed]
        faults += [("", fault.code) for fault in self.fleet.monitor_faults]
        assert sorted((item.camera, item.fault) for item in stored.open_episodes if not item.uplink) == sorted(faults)
        outages = sorted((name, health.outage.key) for name, health in entries.items() if health.outage)
        assert sorted((name, outage.key) for name, outage in stored.open_outages) == outages
        down = sorted(uplink.name for uplink in self.fleet.uplinks if uplink.down)
        assert sorted(item.uplink for item in stored.open_episodes if item.uplink) == down
        assert stored.cameras.keys() == entries.keys()


NAMES = st.sampled_from([item.id for item in CAMERAS])
CODES = st.sampled_from([None, "connect_timeout", "rtsp_timeout", "auth_failed", "no_media"])


class RestartMachine(RuleBasedStateMachine):
    """Two fleets observe the same; one is reloaded when the other is stopped or killed and restarted."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = ManualClock(START)
        self.files: dict[str, Camera | None] = {item.id: item for item in CAMERAS}
        self.codes: dict[str, str | None] = {}
        self.serial = 0

    @initialize()
    def begin(self) -> None:
        places = Path(self.folder.name) / "a", Path(self.folder.name) / "b"
        self.worlds = World(places[0], self.clock), World(places[1], self.clock)
        self.settle()

    def inventory(self) -> Inventory:
        good = tuple(item for item in self.files.values() if item is not None)
        bad = tuple(Problem(Path(f"cameras.d/{name}.yaml"), 1, "bad") for name, item in self.files.items() if not item)
        return Inventory(good, bad)

    def visit(self, rounds: int) -> None:
        for _ in range(rounds):
            self.clock.advance(5)
            for world in self.worlds:
                world.write_what_happened()
                for entry, _ in list(world.fleet.pairs()):
                    name = entry.camera.id
                    code = self.codes.get(name)
                    made = visited(name, self.clock.now(), code, Rung.STREAM)
                    world.fleet.apply(made, world.fleet.entry(name).memory, 0.0)

    def settle(self) -> None:
        """Visit until nothing is undecided, and write everything."""
        self.visit(16)
        for world in self.worlds:
            world.flush()

    @rule(name=NAMES, code=CODES)
    def break_one(self, name: str, code: str | None) -> None:
        self.codes[name] = code

    @rule(code=CODES)
    def break_all(self, code: str | None) -> None:
        self.codes = dict.fromkeys(self.files, code)

    @rule(rounds=st.integers(1, 6))
    def watch(self, rounds: int) -> None:
        self.visit(rounds)

    @rule(name=NAMES)
    def learn(self, name: str) -> None:
        """Both fleets learn a camera's identity and write it."""
        for world in self.worlds:
            if world.fleet.camera(name) is not None:
                login = Login(refusals=(START,))
                memory = replace(world.fleet.entry(name).memory, device=DeviceMemory(identity=WHO), login=login)
                made = visited(name, self.clock.now(), self.codes.get(name), Rung.RTSP)
                world.fleet.apply(made, memory, 0.0)
            world.flush()

    def file(self, name: str) -> Camera:
        return self.files.get(name) or next(item for item in CAMERAS if item.id == name)

    @rule(name=NAMES, uplink=st.sampled_from(["sw", "other", ""]))
    def move(self, name: str, uplink: str) -> None:
        self.files[name] = changed(self.file(name), uplink=uplink)

    @rule(name=NAMES)
    def readdress(self, name: str) -> None:
        self.serial += 1
        self.files[name] = changed(self.file(name), address=f"127.1.{self.serial // 250}.{self.serial % 250 + 1}")

    @rule(name=NAMES)
    def accept_change(self, name: str) -> None:
        self.serial += 1
        self.files[name] = changed(self.file(name), identity=IdentitySection(serial=f"SN-{self.serial}"))

    @rule(name=NAMES)
    def spoil(self, name: str) -> None:
        if name in self.files:
            self.files[name] = None

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        self.files.pop(name, None)

    @rule(kill=st.booleans())
    def take_up(self, kill: bool) -> None:
        """Reload one fleet; stop or kill, and restart, the other."""
        inventory = self.inventory()
        self.worlds[1].write_what_happened()
        self.worlds[0].reload(inventory)
        if not kill:
            self.worlds[1].flush()
        self.worlds[1].restart(inventory)
        self.settle()
        self.settle()
        shown = self.worlds[0].shown(), self.worlds[1].shown()
        assert shown[0] == shown[1]
        for world in self.worlds:
            world.check()

    @invariant()
    def outages_do_not_overlap(self) -> None:
        for world in getattr(self, "worlds", ()):
            last: dict[str, float] = {}
            for name, outage in world.history.outages(0, START * 2):
                assert outage.began >= last.get(name, 0.0)
                last[name] = outage.began if outage.ended is None else outage.ended

    def teardown(self) -> None:
        for world in getattr(self, "worlds", ()):
            world.history.close()
        self.folder.cleanup()


RestartMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestRestartMachine = RestartMachine.TestCase


def test_files_are_kept_as_they_were(tmp_path: Path) -> None:
    data = CameraFile.model_validate(
        {
            "site": "S", "address": "cam.example", "rtsp": "tls", "uplink": "sw", "listen": "3s", "credentials": "x",
            "picture": {"limits": {"picture_moved": "off"}, "evidence": "never"}, "onvif_port": 8000,
            "stream": {"width": 640, "bits_per_second_range": [1, 2]}, "identity": {"serial": 5},
        }
    )  # fmt: skip
    history = History(tmp_path)
    days = SimulatedDays(CAMERAS[:1], lambda _name, _at: None)
    days.run(20)
    entry = days.fleet.entry("cam-0")
    history.write(Changes(cameras=(CameraRecord("cam-0", entry.health, entry.memory, data),)))
    assert history.load().cameras["cam-0"].data == data
    history.close()

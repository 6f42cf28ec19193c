"""Webhooks are told of problems in order, once each, over failures of the receiver and restarts."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import ssl
from pathlib import Path

import pytest
import trustme

from tests.notification.fleet import Site
from tests.notification.receiver import Receiver
from tests.waiting import until
from tests.web.test_problems import UP
from xueliang_monitor.fleet.notification_status import Trouble
from xueliang_monitor.metrics import render
from xueliang_monitor.model import VisitResult
from xueliang_monitor.notification import delivery_queue, http_client, webhooks
from xueliang_monitor.probing.memory import Memory

OUTAGE, FAULT = "outage:cam-1:", "fault:cam-2:clock_drift"
OPENED = [("opened", FAULT), ("opened", OUTAGE)]


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "TURN_SECONDS", 0.02)
    monkeypatch.setattr(webhooks, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(delivery_queue, "FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(delivery_queue, "LONGEST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(delivery_queue, "FIRST_REFUSED_SECONDS", 0.1)


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


def site_of(folder: Path, receiver: Receiver) -> Site:
    return Site(folder, f'webhooks: {{tickets: {{url: "{receiver.url}", secret_file: secret}}}}\n')


def mend(site: Site, camera: str) -> None:
    """Let a camera answer again."""
    for _ in range(3):
        cleared = frozenset({"connection_refused"})
        result = VisitResult(camera, site.fleet.now, UP, ruled_out=cleared, online=True)
        site.fleet.apply(result, Memory(), 0.0)


async def test_an_event_tells_what_a_ticket_needs(tmp_path: Path, receiver: Receiver) -> None:
    site = site_of(tmp_path, receiver)
    async with receiver.up(), site.webhooks():
        await until(lambda: len(receiver.accepted) == 2)
        site.acknowledge(OUTAGE)
        await until(lambda: len(receiver.accepted) == 3)
        site.release(OUTAGE)
        await until(lambda: len(receiver.accepted) == 4)
        mend(site, "cam-1")
        await until(lambda: len(receiver.accepted) == 5)
    events = [each for each in receiver.accepted if each["data"]["problem"] == OUTAGE]
    assert [each["type"] for each in events] == [
        "problem.opened", "problem.acknowledged", "problem.released", "problem.closed",
    ]  # fmt: skip
    assert len({each["data"]["episode"] for each in events}) == 1
    opened, acknowledged, released, closed = (each["data"] for each in events)
    assert (opened["camera"], opened["site"], opened["severity"]) == ("cam-1", "site-1", "critical")
    assert opened["faults"][0]["code"] == "connection_refused"
    assert opened["acknowledgement"] is None
    assert opened["page"].endswith("/cameras/cam-1")
    assert acknowledged["acknowledgement"]["note"] == "spare part ordered"
    assert released["reason"] == "taken_back"
    assert closed["ended"] >= closed["since"]


async def test_a_problem_that_comes_back_is_another_episode(tmp_path: Path, receiver: Receiver) -> None:
    site = site_of(tmp_path, receiver)
    async with receiver.up(), site.webhooks():
        await until(lambda: len(receiver.accepted) == 2)
        mend(site, "cam-1")
        await until(lambda: len(receiver.accepted) == 3)
        site.lose("cam-1")
        await until(lambda: len(receiver.accepted) == 4)
    first, last = (each["data"]["episode"] for each in receiver.accepted if each["type"] == "problem.opened"
                   and each["data"]["problem"] == OUTAGE)  # fmt: skip
    assert first != last


async def test_an_expired_acknowledgement_is_told(tmp_path: Path, receiver: Receiver) -> None:
    site = site_of(tmp_path, receiver)
    async with receiver.up(), site.webhooks():
        site.acknowledge(OUTAGE, seconds=1.0)
        await until(lambda: ("released", OUTAGE) in receiver.told)
    assert receiver.accepted[-1]["data"]["reason"] == "expired"


async def test_what_happens_while_the_receiver_is_down_is_told_in_order(
    tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    site = site_of(tmp_path, receiver)
    status = site.fleet.monitor.notifications.webhooks
    async with site.webhooks():
        await until(lambda: "tickets" in status and status["tickets"].trouble is Trouble.CONNECTION)
        site.acknowledge(OUTAGE)
        await until(lambda: status["tickets"].waiting == 3)
        mend(site, "cam-1")
        await until(lambda: status["tickets"].waiting == 4)
        text = render(site.fleet.snapshot(), "")[0].decode()
        assert 'xueliang_webhook_waiting{webhook="tickets"} 4.0' in text
        assert 'xueliang_webhook_up{webhook="tickets"} 0.0' in text
        async with receiver.up():
            await until(lambda: len(receiver.accepted) == 4)
            await until(lambda: status["tickets"].waiting == 0)
            await until(lambda: status["tickets"].trouble is None)
    assert [kind for kind, problem in receiver.told if problem == OUTAGE] == ["opened", "acknowledged", "closed"]
    lines = [record.message for record in caplog.records if "tickets" in record.message]
    assert len(lines) == 2, "told once, and once that it works again"
    assert "cannot be reached" in lines[0]
    assert "token" not in caplog.text


@pytest.mark.parametrize("mode", ["500", "503", "302", "hang"])
async def test_a_receiver_that_fails_is_told_again(
    tmp_path: Path, receiver: Receiver, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "CALL_SECONDS", 0.2)
    site = site_of(tmp_path, receiver)
    receiver.mode = mode
    async with receiver.up(), site.webhooks():
        await until(lambda: receiver.calls >= 3)
        assert site.fleet.monitor.notifications.webhooks["tickets"].trouble in (Trouble.STATUS, Trouble.TIMEOUT)
        receiver.mode = "ok"
        await until(lambda: len(receiver.accepted) == 2)
    assert sorted(receiver.told) == OPENED
    assert receiver.elsewhere == 0


async def test_a_certificate_that_is_not_trusted_is_refused(tmp_path: Path, receiver: Receiver) -> None:
    site = Site(
        tmp_path, f'webhooks: {{tickets: {{url: "https://127.0.0.1:{receiver.port}/", secret_file: secret}}}}\n'
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    status = site.fleet.monitor.notifications.webhooks
    async with receiver.up(context), site.webhooks():
        await until(lambda: "tickets" in status and status["tickets"].trouble is Trouble.TLS)
    assert receiver.calls == 0


async def test_a_receiver_that_hangs_or_is_slow_delays_no_other(tmp_path: Path, receiver: Receiver) -> None:
    hanging, slow = Receiver(mode="hang"), Receiver(mode="slow")
    hooks = {"a": hanging, "b": slow, "c": receiver}
    lines = [f'  {name}: {{url: "{each.url}", secret_file: secret}}\n' for name, each in hooks.items()]
    site = Site(tmp_path, "webhooks:\n" + "".join(lines))
    async with hanging.up(), slow.up(), receiver.up(), site.webhooks():
        await until(lambda: len(receiver.accepted) == 2 and len(slow.accepted) == 2)
        site.acknowledge(OUTAGE)
        await until(lambda: len(receiver.accepted) == 3 and len(slow.accepted) == 3)
    assert (hanging.calls, hanging.accepted) == (1, [])


async def test_an_endless_answer_is_not_read(tmp_path: Path, receiver: Receiver) -> None:
    site = site_of(tmp_path, receiver)
    receiver.mode = "flood"
    async with receiver.up(), site.webhooks():
        await until(lambda: receiver.calls == 2)
        await until(lambda: site.fleet.monitor.notifications.webhooks["tickets"].sent == 2)


async def test_an_event_that_is_refused_holds_back_its_problem_only(tmp_path: Path, receiver: Receiver) -> None:
    site = site_of(tmp_path, receiver)
    receiver.refused = FAULT
    async with receiver.up(), site.webhooks():
        await until(lambda: receiver.told == [("opened", OUTAGE)])
        site.acknowledge(OUTAGE)
        await until(lambda: len(receiver.accepted) == 2)
        receiver.refused = ""
        await until(lambda: len(receiver.accepted) == 3)
    assert receiver.told[-1] == ("opened", FAULT)


async def test_a_restart_in_the_middle_loses_nothing_and_repeats_nothing(tmp_path: Path, receiver: Receiver) -> None:
    site = site_of(tmp_path, receiver)
    async with receiver.up(), site.webhooks():
        await until(lambda: len(receiver.accepted) == 2 and waiting(tmp_path) == 0)
    async with site.webhooks():  # the receiver is down
        site.acknowledge(OUTAGE)
        await until(lambda: site.fleet.monitor.notifications.webhooks["tickets"].waiting == 1)
    mend(site, "cam-1")  # nobody looks
    calls = receiver.calls
    async with receiver.up(), site.webhooks():
        await until(lambda: len(receiver.accepted) == 4 and waiting(tmp_path) == 0)
    assert receiver.told[2:] == [("acknowledged", OUTAGE), ("closed", OUTAGE)]
    assert receiver.calls == calls + 2


def waiting(folder: Path) -> int:
    with contextlib.closing(sqlite3.connect(folder / "state" / "history.db")) as database:
        (count,) = database.execute("SELECT count(*) FROM outbox").fetchone()
    return int(count)


async def test_the_oldest_of_too_many_events_are_given_up_and_counted(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_queue, "MOST_WAITING", 2)
    monkeypatch.setattr(webhooks, "MOST_WAITING", 2)
    site = site_of(tmp_path, receiver)
    status = site.fleet.monitor.notifications.webhooks
    async with site.webhooks():
        await until(lambda: "tickets" in status and status["tickets"].waiting == 2)
        site.acknowledge(OUTAGE)
        await until(lambda: status["tickets"].given_up == 1)
    assert waiting(tmp_path) == 2
    text = render(site.fleet.snapshot(), "")[0].decode()
    assert 'xueliang_webhook_given_up_total{webhook="tickets"} 1.0' in text


async def test_a_history_that_is_locked_delays_events_and_loses_none(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("xueliang_monitor.storage.outbox.BUSY_SECONDS", 0.01)
    site = site_of(tmp_path, receiver)
    async with receiver.up():
        with contextlib.closing(sqlite3.connect(tmp_path / "state" / "history.db", isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            async with site.webhooks():
                await until(lambda: "webhooks are told when it works again" in caplog.text)
                database.execute("ROLLBACK")
                await until(lambda: len(receiver.accepted) == 2)


async def test_without_webhooks_a_history_that_cannot_be_used_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(tmp_path, "")
    (tmp_path / "state" / "history.db").write_bytes(b"")
    async with site.webhooks() as made:
        await until(lambda: made.ready)
    assert caplog.text == ""


async def test_a_webhook_that_is_removed_is_told_no_more(tmp_path: Path, receiver: Receiver) -> None:
    site = site_of(tmp_path, receiver)
    async with site.webhooks():
        await until(lambda: waiting(tmp_path) == 2)
        site.set("webhooks: {}\n")
        await until(lambda: waiting(tmp_path) == 0)
    assert site.fleet.monitor.notifications.webhooks == {}


async def test_a_secret_that_cannot_be_read_is_a_problem_of_the_settings(tmp_path: Path, receiver: Receiver) -> None:
    site = site_of(tmp_path, receiver)
    (tmp_path / "secret").write_text("tooshort")
    site.set(site.file.read_text())
    (problem,) = site.installation.every_problem
    assert "openssl rand" in str(problem)
    assert "tooshort" not in str(problem)
    async with receiver.up(), site.webhooks():
        status = site.fleet.monitor.notifications.webhooks
        await until(lambda: "tickets" in status and status["tickets"].trouble is Trouble.UNREADABLE)
    assert receiver.calls == 0

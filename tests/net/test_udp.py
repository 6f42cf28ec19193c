"""The pair of UDP ports: keep-alives go where a camera's packets come from."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.waiting import until
from xueliang_monitor.net.udp import PortPair, open_pair

CAMERA = "127.0.0.1"
RTP = b"\x80\x60" + bytes(20)


@contextlib.contextmanager
def ports(count: int) -> Iterator[list[socket.socket]]:
    made = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    try:
        for each in made:
            each.bind((CAMERA, 0))
            each.setblocking(False)
        yield made
    finally:
        for each in made:
            each.close()


def got(port: socket.socket) -> bytes:
    try:
        return port.recv(100)
    except BlockingIOError:
        return b""


async def received(pair: PortPair, sender: socket.socket) -> None:
    sender.sendto(RTP, (CAMERA, pair.port))
    media, _ = await pair.receive()
    assert media == [RTP]


async def test_the_announced_ports_are_opened_and_reported_to() -> None:
    pair = await open_pair(CAMERA, CAMERA)
    with ports(2) as (media, control):
        pair.expect(None, (media.getsockname()[1], control.getsockname()[1]))
        pair.open_nat()
        await until(lambda: got(media)[:2] == b"\x80\x00")
        await until(lambda: got(control)[1:2] == b"\xc9")
        await received(pair, media)
        assert not pair.is_strange
    pair.close()


@pytest.mark.parametrize("announced", [True, False])
async def test_reports_go_to_the_ports_that_packets_come_from(announced: bool) -> None:
    """Behind symmetric NAT they are not the announced ones, and some cameras announce none."""
    pair = await open_pair(CAMERA, CAMERA)
    with ports(4) as (media, control, said_media, said_control):
        pair.expect(None, (said_media.getsockname()[1], said_control.getsockname()[1]) if announced else None)
        await received(pair, media)
        assert (pair.is_strange, pair.announced) == (True, announced)
        control.sendto(b"\x80\xc9\x00\x01" + bytes(4), (CAMERA, pair.port + 1))
        await until(lambda: pair.control.sent_from is not None)
        pair.report()
        await until(lambda: got(media)[:2] == b"\x80\x00")
        await until(lambda: got(control)[1:2] == b"\xc9")
        if announced:
            await until(lambda: got(said_control)[1:2] == b"\xc9")
    pair.close()


async def test_packets_of_strangers_and_of_tracks_that_are_not_read_are_dropped() -> None:
    pair, unread = await open_pair(CAMERA, CAMERA), await open_pair(CAMERA, CAMERA, keeps=False)
    pair.expect("127.0.0.009", None)  # no address: ignored
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.bind(("127.0.0.3", 0))
    with ports(1) as (media,), stranger:
        stranger.sendto(RTP, (CAMERA, pair.port))
        media.sendto(RTP, (CAMERA, unread.port))
        await until(lambda: unread.media.sent_from is not None)
        await received(pair, media)
        assert unread.media.waiting == []
    pair.close()
    unread.close()


async def test_a_private_address_that_alone_sends_rtp_is_taken_for_the_cameras(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorder with several addresses sends from another one than it was asked at."""
    monkeypatch.setattr("xueliang_monitor.net.udp.ALONE_SECONDS", 0.0)
    pair = await open_pair("127.0.0.1", "127.0.0.9")
    with ports(1) as (media,):
        media.sendto(b"not RTP", (CAMERA, pair.port))
        await received(pair, media)
        assert pair.is_strange
        assert pair.senders == {"127.0.0.9", CAMERA}
    pair.close()


async def test_a_second_address_is_not_taken_beside_the_cameras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xueliang_monitor.net.udp.ALONE_SECONDS", 0.0)
    pair = await open_pair(CAMERA, CAMERA)
    with ports(1) as (media,), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.9", 0))
        await received(pair, media)
        other.sendto(RTP, (CAMERA, pair.port))
        await received(pair, media)
        assert pair.senders == {CAMERA}
        assert not pair.adopt("203.0.113.9", RTP)
    pair.close()
    silent = await open_pair(CAMERA, CAMERA)
    assert not silent.adopt("8.8.8.8", RTP)
    assert silent.adopt("192.168.1.9", RTP)
    silent.close()

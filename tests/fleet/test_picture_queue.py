"""The queue of pictures: order, bounds and places, without a clock of its own."""

from __future__ import annotations

from xueliang_monitor.fleet import picture_queue
from xueliang_monitor.fleet.picture_queue import (
    INVITED_SECONDS,
    MAX_HELD_BYTES,
    PictureQueue,
    Purpose,
    Wish,
)

ROUTINE = Wish(Purpose.ROUTINE, 100.0)


def waiting(queue: PictureQueue, count: int, wish: Wish = ROUTINE, prefix: str = "cam") -> None:
    for number in range(count):
        queue.wish(f"{prefix}-{number}", wish)


def hold(queue: PictureQueue, count: int, size: int = 1000, seconds: float | None = None) -> None:
    """Fetch so many pictures; with `seconds` each is looked at for that long, and gone."""
    for number in range(count):
        name = f"held-{number}"
        queue.begin(name, 100.0, asked=Wish(Purpose.CONFIRM, 100.0))
        queue.fetched(name, size, 100.0)
        if seconds is not None:
            queue.done(name, seconds)


def test_what_confirms_comes_before_what_is_due_and_that_before_what_teaches_the_oldest_first() -> None:
    queue = PictureQueue(workers=2, fetches=10)
    queue.wish("learning", Wish(Purpose.LEARN, 10.0))
    queue.wish("young", Wish(Purpose.ROUTINE, 90.0))
    queue.wish("old", Wish(Purpose.ROUTINE, 20.0))
    queue.wish("undecided", Wish(Purpose.CONFIRM, 95.0))
    assert list(queue.invite(100.0)) == ["undecided", "old", "young", "learning"]


def test_no_more_are_invited_than_may_fetch_at_once() -> None:
    queue = PictureQueue(workers=2, fetches=3)
    waiting(queue, 5)
    first = list(queue.invite(100.0))
    assert len(first) == 3
    assert list(queue.invite(100.1)) == []
    assert queue.begin(first[0], 100.2) == ROUTINE
    queue.ended(first[0])
    assert len(list(queue.invite(100.3))) == 1


def test_a_camera_whose_host_gives_no_turn_keeps_no_place() -> None:
    queue = PictureQueue(workers=2, fetches=1)
    waiting(queue, 2)
    assert list(queue.invite(100.0)) == ["cam-0"]
    later = 100.0 + INVITED_SECONDS + 0.1
    assert list(queue.invite(later)) == ["cam-1"]
    assert queue.begin("cam-1", later) == ROUTINE
    assert queue.begin("cam-0", later) is None, "its place was given away"
    assert queue.waits("cam-0")
    queue.ended("cam-1")
    assert list(queue.invite(later)) == ["cam-0"]


def test_keyframes_wait_for_no_longer_than_the_backlog() -> None:
    queue = PictureQueue(workers=2, fetches=1000)
    hold(queue, 200, seconds=0.1)
    hold(queue, 100)
    waiting(queue, 50)
    assert list(queue.invite(100.0)) == []
    for number in range(80):
        queue.done(f"held-{number}", 0.1)
    assert 15 < len(list(queue.invite(100.0))) < 25, "two seconds of work for two workers are 40 pictures"


def test_the_bytes_of_keyframes_are_bounded_also_of_those_that_are_coming() -> None:
    queue = PictureQueue(workers=64, fetches=1000)
    hold(queue, 200, size=2_000_000, seconds=0.001)
    waiting(queue, 200)
    invited = list(queue.invite(100.0))
    assert 0 < len(invited) <= MAX_HELD_BYTES / 1_900_000
    for name in invited:
        assert queue.begin(name, 100.0) is not None
        queue.fetched(name, 2_000_000, 100.0)
    assert list(queue.invite(100.0)) == []
    assert queue.state(100.0).held_bytes <= 1.1 * MAX_HELD_BYTES


def test_learning_takes_what_others_leave() -> None:
    queue = PictureQueue(workers=2, fetches=64)
    waiting(queue, 100, Wish(Purpose.LEARN, 50.0), "learning")
    invited = list(queue.invite(100.0))
    assert len(invited) == picture_queue.LEARNING_AHEAD * queue.workers
    queue.wish("due", ROUTINE)
    assert list(queue.invite(100.0)) == ["due"]
    hold(queue, 3)
    assert list(queue.invite(100.0 + 2 * INVITED_SECONDS)) == [], "three keyframes wait for two workers"


def test_a_stream_alone_is_not_kept_back_by_pictures() -> None:
    queue = PictureQueue(workers=1, fetches=64)
    hold(queue, 60)
    queue.wish("stream", Wish(Purpose.ROUTINE, 1.0, picture=False))
    waiting(queue, 3)
    assert list(queue.invite(100.0)) == ["stream"]


def test_a_camera_that_a_person_asked_for_is_never_refused() -> None:
    queue = PictureQueue(workers=1, fetches=1)
    hold(queue, 60)
    assert queue.begin("asked", 100.0, asked=Wish(Purpose.CONFIRM, 100.0)) is not None


def test_a_camera_waits_once_and_not_while_it_is_under_way() -> None:
    queue = PictureQueue(workers=1, fetches=8)
    queue.wish("cam", Wish(Purpose.LEARN, 50.0))
    queue.wish("cam", Wish(Purpose.CONFIRM, 60.0))
    assert list(queue.invite(100.0)) == ["cam"]
    queue.wish("cam", ROUTINE)
    assert queue.begin("cam", 100.0) == Wish(Purpose.CONFIRM, 60.0)
    queue.wish("cam", ROUTINE)
    queue.fetched("cam", 10, 101.0)
    queue.wish("cam", ROUTINE)
    assert not queue.waits("cam")
    queue.done("cam", 0.1)
    queue.wish("cam", ROUTINE)
    assert queue.waits("cam")
    queue.drop("cam")
    assert list(queue.invite(102.0)) == []


def test_wishes_that_are_changed_again_and_again_take_no_more_memory() -> None:
    queue = PictureQueue(workers=1, fetches=1)
    hold(queue, 60)
    for number in range(5000):
        queue.wish("cam", Wish(Purpose.LEARN, float(number)))
    assert len(queue._ordered) < 300
    for number in range(60):
        queue.done(f"held-{number}", 0.01)
    assert list(queue.invite(6000.0)) == ["cam"]
    assert list(queue.invite(6002.0)) == []


def test_its_state_says_how_long_the_oldest_regular_picture_waits() -> None:
    queue = PictureQueue(workers=1, fetches=1)
    assert queue.state(100.0).oldest_seconds == 0.0
    hold(queue, 60)
    waiting(queue, 2)
    queue.wish("learning", Wish(Purpose.LEARN, 1.0))
    state = queue.state(160.0)
    assert (state.oldest_seconds, state.held, state.waiting[Purpose.ROUTINE]) == (60.0, 60, 2)

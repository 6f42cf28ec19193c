"""Later readings replace earlier ones, one by one."""

from __future__ import annotations

from xueliang_monitor.readings import NO_READINGS, Readings


def test_each_known_reading_replaces_the_one_before() -> None:
    before = Readings(server="A", codec="h264", jitter_seconds=0.1, measures={"brightness_ratio": 0.5})
    later = Readings(codec="h265", connect_seconds=0.2, measures={"sharpness_ratio": 0.6})
    assert before.updated(later) == Readings(
        connect_seconds=0.2,
        server="A",
        codec="h265",
        jitter_seconds=0.1,
        measures={"brightness_ratio": 0.5, "sharpness_ratio": 0.6},
    )
    assert before.updated(NO_READINGS) is before
    assert NO_READINGS.updated(later) is later


def test_a_reading_that_was_withdrawn_is_gone_until_it_is_told_again() -> None:
    gone = Readings(server="A", time_zone="CST").updated(Readings(withdrawn=frozenset({"time_zone"})))
    assert (gone.time_zone, gone.server, gone.withdrawn) == (None, "A", {"time_zone"})
    told = gone.updated(Readings(time_zone="UTC"))
    assert (told.time_zone, told.withdrawn) == ("UTC", set())


def test_texts_are_the_readings_that_are_texts() -> None:
    told = Readings(server="A", connect_seconds=0.2, oddities="none", measures={"brightness_ratio": 0.5})
    assert dict(told.texts()) == {"server": "A", "oddities": "none"}
    assert dict(told.items()) == {"connect_seconds": 0.2, "server": "A", "oddities": "none", "brightness_ratio": 0.5}

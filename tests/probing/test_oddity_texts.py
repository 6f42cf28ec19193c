"""Every oddity has its sentence in both languages, and is read back as it was written."""

from __future__ import annotations

from xueliang_monitor.probing.oddity_texts import ODDITY_TEXTS
from xueliang_monitor.wire.oddities import Oddities, Oddity, read


def test_every_oddity_has_a_sentence_in_both_languages() -> None:
    assert list(ODDITY_TEXTS) == list(Oddity)
    for text in ODDITY_TEXTS.values():
        assert text.en.endswith(".")
        assert text.zh.endswith("。")


def test_counts_are_read_as_they_were_written() -> None:
    oddities = Oddities()
    assert (str(oddities), read(str(oddities))) == ("none", ())
    oddities.count(Oddity.START_CODES)
    oddities.count(Oddity.OTHER_CSEQ, 2)
    oddities.count(Oddity.OTHER_CSEQ)
    assert str(oddities) == "other_cseq 3, start_codes 1"
    assert read(str(oddities)) == ((Oddity.OTHER_CSEQ, 3), (Oddity.START_CODES, 1))
    assert read("of_a_later_version 4, start_codes 1") == ((Oddity.START_CODES, 1),)

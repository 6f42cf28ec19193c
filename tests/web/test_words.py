"""Every text in the templates has a Chinese translation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

import xueliang_monitor
from xueliang_monitor.web.texts import catalogue

WEB = Path(xueliang_monitor.__file__).parent / "web"


def used() -> set[str]:
    found = extract_from_dir(
        str(WEB / "templates"),
        method_map=[("**.html", "jinja2")],
        options_map={"**.html": {"trim_blocks": "true", "lstrip_blocks": "true"}},
    )
    return {str(message) for _, _, message, _, _ in found}


def test_every_word_of_the_templates_is_translated_and_none_is_left_over() -> None:
    chinese = catalogue("zh")
    words = used()
    assert len(words) > 100
    assert sorted(word for word in words if chinese.ugettext(word) == word) == []
    source = (WEB / "locales" / "zh.po").read_text(encoding="utf-8")
    known = {eval(line) for line in re.findall(r'^msgid (".*")$', source, re.MULTILINE)} - {""}
    assert sorted(known - words) == []


@pytest.mark.parametrize("placeholder", ["%(count)s"])
def test_translations_keep_their_placeholders(placeholder: str) -> None:
    chinese = catalogue("zh")
    for word in used():
        assert (placeholder in word) == (placeholder in chinese.ugettext(word)), word

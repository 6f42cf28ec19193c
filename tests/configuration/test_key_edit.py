"""A command changes single keys of a camera file that people wrote; what they wrote around them stays."""

from __future__ import annotations

import string
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from xueliang_monitor.configuration.key_edit import with_keys
from xueliang_monitor.configuration.yaml_text import YamlTextError

FILE = """\
# 北门 North gate
name: "North gate"   # as on the map
site: depot

# do not change
address: 127.0.0.1
identity:  # as delivered
  manufacturer: Maker
  # a note within
  serial: DS1  # on the label

# below
stream: {codec: h264, width: 1920}
status: active # since spring
"""


@pytest.mark.parametrize(
    ("values", "old", "new"),
    [
        ({"status": "retired"}, "status: active #", "status: retired #"),
        ({"status": None}, "status: active # since spring\n", ""),
        ({"name": "校门"}, '"North gate"   #', "校门   #"),
        ({"site": "a: b"}, "site: depot", "site: 'a: b'"),
        ({"view_since": "2026-11-27"}, "spring\n", "spring\nview_since: '2026-11-27'\n"),
        ({"stream": {"codec": "h265"}}, "stream: {codec: h264, width: 1920}\n", "stream:\n  codec: h265\n"),
        ({"stream": None}, "stream: {codec: h264, width: 1920}\n", ""),
        (
            {"identity": {"serial": "DS2"}},
            "identity:  # as delivered\n  manufacturer: Maker\n  # a note within\n  serial: DS1  # on the label\n",
            "identity:\n  serial: DS2\n",
        ),
        ({"unknown": None}, "", ""),
    ],
)
def test_only_the_key_changes(values: dict[str, Any], old: str, new: str) -> None:
    assert with_keys(FILE, values) == FILE.replace(old, new)
    assert with_keys(FILE.replace("\n", "\r\n"), values).replace("\r\n", "\n") == FILE.replace(old, new)


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("", "\nstatus: retired\n"),
        ("# nothing yet", "# nothing yet\nstatus: retired\n"),
        ("{}", "status: retired\n"),
        ("site: a", "site: a\nstatus: retired\n"),
        ("status:\nsite: a\n", "status: retired\nsite: a\n"),
        ("status: |\n  active\n\n# end\n", "status: retired\n\n# end\n"),
        ("---\nsite: a\n...\n", "---\nsite: a\nstatus: retired\n...\n"),
        ("# one\n{site: a, status: active}\n", "# one\nsite: a\nstatus: retired\n"),
        ("  site: a\n", "  site: a\n  status: retired\n"),
        ("  site: a\n  status: active\n", "  site: a\n  status: retired\n"),
    ],
)
def test_odd_texts(text: str, changed: str) -> None:
    assert with_keys(text, {"status": "retired"}) == changed


@pytest.mark.parametrize("text", ["- a\n", "a: [", "status: a\nstatus: b\n", "a: &x 1\nb: *x\n", "--- {site: a\n}"])
def test_what_cannot_be_changed_is_refused(text: str) -> None:
    with pytest.raises(YamlTextError):
        with_keys(text, {"status": "retired"})


WORDS = st.text(string.ascii_letters + string.digits + " :#'\"-{}[],&*!|>%@`校门", max_size=12)
VALUES = st.recursive(
    st.one_of(WORDS, st.integers(-9, 99999), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)),
    max_leaves=5,
)
DOCUMENTS = st.dictionaries(st.sampled_from(["a", "b", "c", "d", "校"]), VALUES, min_size=1)


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS, DOCUMENTS, st.booleans())
def test_any_mapping_gets_the_values(before: dict[str, Any], values: dict[str, Any], flow: bool) -> None:
    text = yaml.safe_dump(before, allow_unicode=True, sort_keys=False, default_flow_style=flow)
    wanted = {key: value for key, value in {**before, **values}.items() if value is not None or key not in values}
    assert yaml.safe_load(with_keys(text, values)) == wanted or not wanted

"""Names that mean something to PromQL, to Go's templates, to HTML or to a mail's header, as cases for promtool."""

from __future__ import annotations

import copy
import itertools
import json
from typing import Any
from urllib.parse import quote_plus

ODD = (
    'a"b', "a'b", "a`b", "a\\", '\\"', "a\\nb", "{{ .x }}", "{{", "}}", "{a}", "$labels.site", "%q%s%d%", "a=b,c",
    "a&b#c?d=e", "<b>x</b>", "</td>", "a\nb", "a\tb", "a\rb", "\x7f\x85", "\u2028x", "\u202ex", "\ufeffx", "\ue000",
    "😀", "東門 é", '"', "'", "\\", "`", "\x01", '")) or vector(1) #',
)  # fmt: skip
TITLE = "Switch at the gate"
"""The uplink's name for people, which is told beside the other one only where it is another."""

REPLACED = ("East gate", "Liulin", "sw1", TITLE, "Town hall, cellar", "1:24", "line-3", "SC-0012")
"""The camera, the site and the uplink of the cases, and what describes the uplink."""

OF_UPLINK = 'xueliang_uplink_up{job="xueliang",instance="m:9147",uplink="sw1"'


def _go_quoted(text: str) -> str:
    """Return a text within double quotes as PromQL reads it, with every character but ASCII letters escaped."""
    return "".join(
        character if character.isascii() and character.isalnum() else f"\\U{ord(character):08x}" for character in text
    )


def with_odd_names(cases: dict[str, Any]) -> dict[str, Any]:
    """Return promtool's cases with odd names for the camera, its site and its uplink.

    Every name is an uplink's, whose alert queries by it; the other cases take turns, as promtool takes 0.1 s for each.
    """
    named = [case for case in cases["tests"] if any(old in json.dumps(case) for old in REPLACED)]
    uplink = next(case for case in named if any(each["series"].startswith(OF_UPLINK) for each in case["input_series"]))
    turns = itertools.cycle(named)
    return {**cases, "tests": [_with_name(case, name) for name in ODD for case in (uplink, next(turns))]}


def _with_name(case: dict[str, Any], name: str) -> dict[str, Any]:
    case = copy.deepcopy(case)
    for series in case["input_series"]:
        series["series"] = _in_selector(series["series"], name)
    for query in case.get("promql_expr_test", ()):
        query["expr"] = _in_selector(query["expr"], name)
    for rule in case.get("alert_rule_test", ()):
        for alert in rule["exp_alerts"]:
            for kind in ("exp_labels", "exp_annotations"):
                alert[kind] = {key: _named(key, text, name) for key, text in alert.get(kind, {}).items()}
    return {**case, "name": f"{case['name']} {json.dumps(name)}"}


def _in_selector(text: str, name: str) -> str:
    for old in REPLACED:
        text = text.replace(f'="{old}"', f'="{_go_quoted(_new(old, name))}"')
    return text


def _new(old: str, name: str) -> str:
    return f"{name} too" if old == TITLE else name


def _named(key: str, text: str, name: str) -> str:
    if key == "page":
        # A plus is a space in a query, but not in a fragment.
        name = quote_plus(name).replace("+", "%20") if "#" in text else quote_plus(name)
    for number, old in enumerate(REPLACED):
        text = text.replace(old, f"\0{number}")
    for number, old in enumerate(REPLACED):
        text = text.replace(f"\0{number}", _new(old, name))
    return text

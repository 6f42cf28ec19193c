"""Sets single keys in the text of a YAML file. Comments, order and the style of everything else stay. No I/O."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import yaml

from xueliang_monitor.configuration import yaml_text
from xueliang_monitor.configuration.yaml_text import YamlTextError

MAX_VALUES = 1000


def _dumped(values: Mapping[str, Any], indent: int = 0) -> str:
    if not values:
        return ""
    text = str(yaml.safe_dump(dict(values), allow_unicode=True, sort_keys=False, width=4096))
    return textwrap.indent(text, " " * indent)


def _end(node: yaml.Node, text: str) -> int:
    """Return where the text of a node ends. The end mark of a block comes after the comments and empty lines below."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last, text)
    return len(text[: node.end_mark.index].rstrip())


def _line_end(text: str, at: int) -> int:
    """Return where the next line starts."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _is_inline(node: yaml.Node, key: yaml.Node) -> bool:
    """Return whether a value is a text or number on the line of its key."""
    return (
        isinstance(node, yaml.ScalarNode)
        and node.style not in ("|", ">")
        and node.start_mark.line == node.end_mark.line == key.start_mark.line
        and node.start_mark.index < node.end_mark.index
    )


def _replaced(text: str, pair: tuple[yaml.Node, yaml.Node], values: Mapping[str, Any]) -> str:
    """Return a text in which a key has the value in `values`, or is removed if they are empty."""
    key, node = pair
    if values and _is_inline(node, key) and not isinstance(next(iter(values.values())), dict | list):
        value = _dumped(values).partition(": ")[2].rstrip("\n")
        return text[: node.start_mark.index] + value + text[node.end_mark.index :]
    start = text.rfind("\n", 0, key.start_mark.index) + 1
    return (
        text[:start]
        + _dumped(values, key.start_mark.column)
        + text[_line_end(text, max(key.end_mark.index, _end(node, text))) :]
    )


def with_keys(text: str, values: Mapping[str, Any]) -> str:
    """Return the text of a mapping in which some keys of the top level have other values; None removes a key.

    Raises:
        YamlTextError: the text is not a mapping within the bounds of `yaml_text`, or cannot be changed like this.

    """
    before = yaml_text.parse(text, most_values=MAX_VALUES)
    if not isinstance(before.data, dict) or before.duplicates:
        raise YamlTextError(1, "must contain keys and values, each key once")
    wanted = {key: value for key, value in {**before.data, **values}.items() if value is not None or key not in values}
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    if root is None or not isinstance(root, yaml.MappingNode) or not root.value:
        changed = f"{text}\n{_dumped(wanted)}" if root is None else _dumped(wanted)
    elif root.flow_style:
        changed = text[: root.start_mark.index] + _dumped(wanted).rstrip("\n") + text[root.end_mark.index :]
    else:
        changed = _with_block_keys(text, root, values, before.data)
    if yaml_text.parse(changed, most_values=MAX_VALUES).data != wanted:
        raise YamlTextError(1, "is written in a way that only an editor can change")
    return changed


def _with_block_keys(text: str, root: yaml.MappingNode, values: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    end = _line_end(text, _end(root, text))
    new = {key: value for key, value in values.items() if value is not None and key not in known}
    head = text[:end] if text[:end].endswith("\n") or not new else f"{text[:end]}\n"
    text = head + _dumped(new, root.start_mark.column) + text[end:]
    for key, node in reversed(root.value):  # from the last one to the first one, so that the marks stay right
        if key.value in values:
            value = values[key.value]
            text = _replaced(text, (key, node), {} if value is None else {key.value: value})
    return text

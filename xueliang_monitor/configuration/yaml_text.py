"""Parses the text of a YAML file: one mapping of plain values, bounded in depth, number and length. No I/O.

The text is parsed by libyaml, event by event and without recursion. Aliases, merge keys, directives and tags of other
types are refused, so the result is never larger than the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

MAX_DEPTH = 16
MAX_SCALAR = 4096
"""Largest number of characters of a key or value."""

MAX_NUMBER = 64
"""Largest number of characters of a number: a number of base 60 takes quadratic time."""

MAX_DUPLICATES = 20

_TAG = "tag:yaml.org,2002:"
_RESOLVER = Resolver()
_CONSTRUCTOR = SafeConstructor()
_CONSTRUCT: Mapping[str, Callable[[yaml.ScalarNode], Any]] = MappingProxyType(
    {
        f"{_TAG}null": _CONSTRUCTOR.construct_yaml_null,
        f"{_TAG}bool": _CONSTRUCTOR.construct_yaml_bool,
        f"{_TAG}int": _CONSTRUCTOR.construct_yaml_int,
        f"{_TAG}float": _CONSTRUCTOR.construct_yaml_float,
        f"{_TAG}timestamp": _CONSTRUCTOR.construct_yaml_timestamp,
    }
)
_ALLOWED_TAGS = frozenset({None, "!", f"{_TAG}str", f"{_TAG}map", f"{_TAG}seq", *_CONSTRUCT})
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_SHOWN = 80

Path_ = tuple[str | int, ...]


class YamlTextError(ValueError):
    """A text is refused; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Parsed:
    """A parsed text.

    Attributes:
        data: the value of the document; an empty mapping if there is none.
        lines: the line of every path, counted from 1; empty if there is no document.
        duplicates: the paths of keys that were given twice, with the line of the later one; at most `MAX_DUPLICATES`.

    """

    data: Any
    lines: Mapping[Path_, int]
    duplicates: tuple[tuple[Path_, int], ...]


def has_control_character(text: str) -> bool:
    """Return whether a text contains control characters, line separators or marks that change its direction."""
    return _CONTROL.search(text) is not None


def shown(part: str | int) -> str:
    """Return a key as it may be shown: shortened, and with escapes for characters that are not printable."""
    text = str(part)
    return escape_controls(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def escape_controls(text: str) -> str:
    """Return a text with escapes for characters that are not printable, such as a line break in the name of a file."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


@dataclass(slots=True)
class _Collection:
    """A mapping or sequence whose end was not reached yet; `key` is the key whose value comes next."""

    path: Path_
    value: dict[str, Any] | list[Any]
    key: str | None = None


@dataclass(slots=True)
class _Composer:
    """Builds the value of a document from the events of a parser."""

    most_values: int
    words: frozenset[str] = frozenset()
    data: Any = field(default_factory=dict)
    documents: int = 0
    values: int = 0
    lines: dict[Path_, int] = field(default_factory=dict)
    duplicates: list[tuple[Path_, int]] = field(default_factory=list)
    stack: list[_Collection] = field(default_factory=list)

    def take(self, event: yaml.Event) -> None:
        """Take the next event.

        Raises:
            YamlTextError: the text is refused.

        """
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.ScalarEvent):
            self._take_scalar(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            self.stack.pop()
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open({} if isinstance(event, yaml.MappingStartEvent) else [], event.tag, line)
        elif isinstance(event, yaml.AliasEvent):
            raise YamlTextError(line, "aliases are not allowed; write the value out")
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise YamlTextError(line, "has more than one document")

    def _count(self, tag: str | None, line: int) -> None:
        self.values += 1
        if self.values > self.most_values:
            raise YamlTextError(line, f"has more than {self.most_values} keys and values")
        if tag not in _ALLOWED_TAGS:
            raise YamlTextError(line, f"the tag {shown(tag or '')} is not allowed; write a plain value")

    def _open(self, value: dict[str, Any] | list[Any], tag: str | None, line: int) -> None:
        self._count(tag, line)
        if len(self.stack) >= MAX_DEPTH:
            raise YamlTextError(line, f"is nested more than {MAX_DEPTH} levels deep")
        self.stack.append(_Collection(self._put(value, line), value))

    def _take_scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        self._count(event.tag, line)
        text: str = event.value.rstrip("\n") if event.style in ("|", ">") else event.value
        if len(text) > MAX_SCALAR:
            raise YamlTextError(line, f"a value has more than {MAX_SCALAR} characters")
        if _CONTROL.search(text):
            raise YamlTextError(line, "a value has control characters or more than one line")
        into = self.stack[-1] if self.stack else None
        if into is not None and isinstance(into.value, dict) and into.key is None:
            self._take_key(into, text, line)
        elif into is not None and into.key in self.words:
            self._put(text, line)
        else:
            self._put(_value(event, text, line), line)

    def _take_key(self, into: _Collection, name: str, line: int) -> None:
        if name == "<<":
            raise YamlTextError(line, "merge keys are not allowed; write the values out")
        path = (*into.path, name)
        if name in into.value and len(self.duplicates) < MAX_DUPLICATES:
            self.duplicates.append((path, line))
        self.lines[path] = line
        into.key = name

    def _put(self, value: Any, line: int) -> Path_:
        """Put a value where it belongs; return its path."""
        if not self.stack:
            self.data = value
            self.lines[()] = line
            return ()
        into = self.stack[-1]
        if isinstance(into.value, list):
            path: Path_ = (*into.path, len(into.value))
            into.value.append(value)
            self.lines[path] = line
            return path
        if into.key is None:
            raise YamlTextError(line, "a key must be a plain text")
        path, into.value[into.key], into.key = (*into.path, into.key), value, None
        return path


def _value(event: yaml.ScalarEvent, text: str, line: int) -> Any:
    """Return the value of a scalar, by its tag or by its look (YAML 1.1)."""
    tag = event.tag
    if tag in (None, "!"):
        tag = _RESOLVER.resolve(yaml.ScalarNode, text, event.implicit)  # type: ignore[no-untyped-call]
    construct = _CONSTRUCT.get(tag or "")
    if construct is None:
        return text
    if len(text) > MAX_NUMBER:
        raise YamlTextError(line, f"a number or date has more than {MAX_NUMBER} characters; quote a text")
    try:
        return construct(yaml.ScalarNode(tag or "", text))
    except (ValueError, KeyError, AttributeError) as error:
        raise YamlTextError(line, "a value looks like a number, date or boolean but is none; quote a text") from error


def parse(text: str, *, most_values: int, words: frozenset[str] = frozenset()) -> Parsed:
    """Parse a text that contains at most one document with at most `most_values` keys and values.

    The values of the keys in `words` are texts, also if they look like numbers: `0012` and `1:24` stay as they are.

    Raises:
        YamlTextError: the text is not YAML, or contains what is not allowed.

    """
    if directive := re.search("^%", text, re.MULTILINE):
        raise YamlTextError(text.count("\n", 0, directive.start()) + 1, "directives (%) are not allowed")
    composer = _Composer(most_values, words)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            composer.take(event)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise YamlTextError(line, f"is not valid YAML: {error.problem}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlTextError(line, f"is not valid YAML: {error.reason}") from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise YamlTextError(0, f"is not valid YAML: {type(error).__name__}") from error
    return Parsed(composer.data, composer.lines, tuple(composer.duplicates))

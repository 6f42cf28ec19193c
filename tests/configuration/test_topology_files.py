"""The files of the topology: what they may contain, what a bad node costs, and what stays in force at a reload."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from xueliang_monitor.cli import app
from xueliang_monitor.configuration import topology_checks, topology_files
from xueliang_monitor.configuration.topology_files import BOTH, DeclaredNodes, load
from xueliang_monitor.topology import Node, NodeKind

SW1 = "sw1: {uplink: line, port: 1:24}\n"
LINE = "line: {name: 镇东线, place: 东门机房, circuit: 0012}\n"


def written(folder: Path, text: str) -> DeclaredNodes:
    (folder / "uplinks.yaml").write_text(text, encoding="utf-8")
    return load(folder)


def messages(found: DeclaredNodes) -> list[str]:
    return [f"{problem.file.name}:{problem.line}: {problem.message}" for problem in found.problems]


def by_name(found: DeclaredNodes) -> dict[str, Node]:
    return {node.name: node for node in found.nodes}


def test_without_files_nothing_is_declared(tmp_path: Path) -> None:
    (tmp_path / "uplinks.d").mkdir()
    assert load(tmp_path) == DeclaredNodes(tmp_path)
    assert load(tmp_path / "missing").nodes == ()


def test_a_file_declares_every_node_and_keeps_what_looks_like_a_number(tmp_path: Path) -> None:
    found = written(
        tmp_path,
        SW1 + LINE + "nvr:\n  uplink: sw1\n  address: NVR.example.\n  sessions: 8\n上联 1/2:\nsw2: {uplink: 007}\n007:",
    )
    assert found.problems == ()
    assert found.nodes == (
        Node("sw1", "line", port="1:24"),
        Node("line", title="镇东线", place="东门机房", circuit="0012"),
        Node("nvr", "sw1", NodeKind.HOST, address="NVR.example.", sessions=8),
        Node("上联 1/2"),
        Node("sw2", "007"),
        Node("007"),
    )
    assert found.sessions_by_address == {"nvr.example": 8}
    assert found.at("nvr", "x").line == 3


def test_a_folder_has_one_file_for_each_node(tmp_path: Path) -> None:
    folder = tmp_path / "uplinks.d"
    folder.mkdir()
    (folder / "镇东线.yaml").write_text("place: 东门机房\n", encoding="utf-8")
    (folder / "sw 1.yaml").write_text("uplink: 镇东线\nprot: 3\n", encoding="utf-8")
    (folder / "sw2.yaml").write_text("uplink: [\n", encoding="utf-8")
    (folder / f"{' '}.yaml").write_text("", encoding="utf-8")
    (folder / ".sw3.yaml").write_text("x", encoding="utf-8")
    found = load(tmp_path)
    assert by_name(found) == {
        "镇东线": Node("镇东线", place="东门机房"),
        "sw 1": Node("sw 1", "镇东线"),
        "sw2": Node("sw2"),
    }
    said = messages(found)
    assert len(said) == 3
    assert said[0].startswith(" .yaml:0: the file name without .yaml is the name of the uplink")
    assert said[1] == 'sw 1.yaml:2: prot: unknown key; did you mean "port"?'
    assert said[2].startswith("sw2.yaml:2: is not valid YAML")


def test_two_places_are_a_problem_and_change_nothing(tmp_path: Path) -> None:
    before = written(tmp_path, LINE)
    (tmp_path / "uplinks.d").mkdir()
    (tmp_path / "uplinks.d" / "sw.yaml").touch()
    assert messages(load(tmp_path)) == [f"uplinks.yaml:0: {BOTH}"]
    assert load(tmp_path).nodes == ()
    assert load(tmp_path, before).nodes == before.nodes
    (tmp_path / "uplinks.yaml").unlink()
    assert [node.name for node in load(tmp_path, before).nodes] == ["sw"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("uplnk: line", 'sw.uplnk: unknown key; did you mean "uplink"?'),
        ("address: 10.0.0.012", "sw.address: 10.0.0.012 is not a plain IPv4 address: some programs read 012 as octal"),
        ("address: rtsp://10.0.0.1/", "sw.address: not an IP address or host name"),
        ("sessions: 4", "sw: sessions: only a node with an address has sessions"),
        ("sessions: 65, address: 10.0.0.1", "sw.sessions: input should be less than or equal to 64"),
        ("sessions: 0, address: 10.0.0.1", "sw.sessions: input should be greater than or equal to 1"),
        (f"place: {'x' * 121}", "sw.place: string should have at most 120 characters"),
        ("port: [1]", "sw.port: input should be a valid string"),
        ("uplink: lime", 'sw.uplink: no uplink "lime" is declared; did you mean "line"?'),
        ("uplink: sw", "sw.uplink: it hangs on itself"),
        ("password: x", "sw.password: a secret does not belong in this file"),
    ],
)
def test_a_bad_key_costs_that_key_only(tmp_path: Path, text: str, message: str) -> None:
    found = written(tmp_path, f"line:\nsw: {{circuit: 7, {text}}}\ncam-sw: {{uplink: sw}}\n")
    (said,) = messages(found)
    assert said.startswith(f"uplinks.yaml:2: {message}")
    assert by_name(found) == {
        "line": Node("line"),
        "sw": Node(
            "sw",
            circuit="7",
            kind=NodeKind.HOST if "address: 10.0.0.1" in text and "012" not in text else NodeKind.UPLINK,
            address="10.0.0.1" if text.endswith("address: 10.0.0.1") else "",
        ),
        "cam-sw": Node("cam-sw", "sw"),
    }


def test_a_bad_node_stays_as_it_was(tmp_path: Path) -> None:
    before = written(tmp_path, SW1 + LINE + "sw2: {uplink: line, port: 7}")
    (tmp_path / "uplinks.yaml").write_text(LINE + "sw1: {uplink: lnie}\nsw2: {prot: 8}\nnew: x\n", encoding="utf-8")
    found = load(tmp_path, before)
    assert by_name(found) == {
        "sw1": Node("sw1", "line"),
        "line": by_name(before)["line"],
        "sw2": Node("sw2", "line", port="7"),
        "new": Node("new"),
    }
    assert [text.partition(": ")[2] for text in messages(found)] == [
        'sw2.prot: unknown key; did you mean "port"?',
        "new: must contain keys and values",
        'sw1.uplink: no uplink "lnie" is declared; did you mean "line"?',
    ]
    for text in ("- x\n", "sw1: [\n", "sw1:\nsw1:\n", "\x00", "a: &x {}\nb: *x\n"):
        (tmp_path / "uplinks.yaml").write_text(text, encoding="utf-8")
        kept = load(tmp_path, before)
        assert kept.nodes == before.nodes
        assert kept.problems
        assert load(tmp_path).nodes == ()
    (tmp_path / "uplinks.yaml").unlink()
    assert load(tmp_path, before) == DeclaredNodes(tmp_path)


def test_a_circle_is_named_once_with_all_its_members(tmp_path: Path) -> None:
    before = written(tmp_path, "a: {uplink: b}\nb: {uplink: c}\nc:\nd: {uplink: a}\n")
    (tmp_path / "uplinks.yaml").write_text("a: {uplink: b}\nb: {uplink: c}\nc: {uplink: a}\nd: {uplink: a}\n")
    said = "uplinks.yaml:1: a.uplink: these hang on each other in a circle: a, b, c"
    found = load(tmp_path)
    assert messages(found) == [said]
    assert {node.name: node.parent for node in found.nodes} == {"a": "", "b": "", "c": "", "d": "a"}
    found = load(tmp_path, before)
    assert messages(found) == [said]
    assert {node.name: node.parent for node in found.nodes} == {"a": "b", "b": "c", "c": "", "d": "a"}


def test_one_address_has_one_node(tmp_path: Path) -> None:
    text = "a: {address: nvr.example, sessions: 4}\nb: {address: NVR.example.}\n"
    found = written(tmp_path, text)
    assert messages(found) == ['uplinks.yaml:2: b.address: "a" has the same address']
    assert found.nodes == (Node("a", kind=NodeKind.HOST, address="nvr.example", sessions=4), Node("b"))
    before = written(tmp_path, "a: {address: 10.0.0.1}\nb: {address: NVR.example.}\n")
    (tmp_path / "uplinks.yaml").write_text(text)
    assert {node.name: node.address for node in load(tmp_path, before).nodes} == {"a": "10.0.0.1", "b": "NVR.example."}


def test_unsuitable_files_are_refused_and_links_do_not_show_what_they_lead_to(tmp_path: Path) -> None:
    inside = tmp_path / "etc"
    inside.mkdir()
    file, secret = inside / "uplinks.yaml", tmp_path / "secret"
    secret.write_text("hunter2: {hunter3: x}\n")
    file.symlink_to(secret)
    found = load(inside)
    assert "hunter3" not in " ".join(messages(found))
    assert messages(found) == [f"uplinks.yaml:1: {topology_files.LINK_OUTSIDE}"]
    file.unlink()
    file.symlink_to(file)
    assert "cannot be read" in messages(load(inside))[0]
    file.unlink()
    os.mkfifo(file)
    assert messages(load(inside)) == ["uplinks.yaml:0: is a FIFO, not a regular file"]
    file.unlink()
    (inside / "uplinks.d").mkdir()
    (inside / "uplinks.d" / "sw.yaml").symlink_to(secret)
    assert messages(load(inside)) == [f"sw.yaml:1: {topology_files.LINK_OUTSIDE}"]


def test_too_many_nodes_are_refused(tmp_path: Path) -> None:
    found = written(tmp_path, "".join(f"sw{number}:\n" for number in range(topology_files.MAX_NODES + 1)))
    assert messages(found) == ["uplinks.yaml:0: declares more than 5,000 uplinks"]
    assert found.nodes == ()
    found = written(tmp_path, "".join(f"sw{number}: {{a: 1, b: 2}}\n" for number in range(topology_files.MAX_NODES)))
    assert len(found.nodes) == 5000
    assert len(found.problems) == 5500


NAMES = st.sampled_from("abcdef")
NODES = st.dictionaries(
    NAMES, st.tuples(st.sampled_from([*"abcdefx", ""]), st.sampled_from(["", "10.0.0.1", "10.0.0.2"])), max_size=6
)


@given(NODES, NODES)
def test_what_is_left_has_no_contradiction(now: dict[str, tuple[str, str]], last: dict[str, tuple[str, str]]) -> None:
    def declared(values: dict[str, tuple[str, str]]) -> dict[str, Node]:
        return {name: Node(name, parent, address=address) for name, (parent, address) in values.items()}

    known = declared(last)
    list(topology_checks.resolve(known, {}))
    assert list(topology_checks.resolve(dict(known), {})) == []
    nodes = declared(now)
    found = list(topology_checks.resolve(nodes, known))
    assert nodes.keys() == now.keys()
    assert list(topology_checks.resolve(dict(nodes), known)) == []
    if not found:
        assert nodes == declared(now)


def check(folder: Path, cameras: dict[str, str], uplinks: str) -> tuple[int, str]:
    """Write camera files by id, each with these keys, and the uplinks; return the exit code of `config check`."""
    (folder / "xueliang.yaml").write_text("", encoding="utf-8")
    (folder / "cameras.d").mkdir(exist_ok=True)
    for name, keys in cameras.items():
        (folder / "cameras.d" / f"{name}.yaml").write_text(f"site: S\n{keys}\n", encoding="utf-8")
    (folder / "uplinks.yaml").write_text(uplinks, encoding="utf-8")
    done = CliRunner().invoke(app, ["config", "check", "-c", str(folder / "xueliang.yaml")], env={"NO_COLOR": "1"})
    return done.exit_code, done.output.replace(str(folder), "")


def test_config_check_warns_of_what_is_probably_a_mistake(tmp_path: Path) -> None:
    cameras = {
        "a": "address: 10.0.0.1\nuplink: sw1",
        "b": "address: 10.0.0.2\nuplink: sv1",
        "c": "address: 10.0.0.3\nuplink: sv1",
        "d": "address: 10.0.0.4\nuplink: sw2",
        "e": "address: 10.0.0.4\nrtsp_path: /2\nuplink: sw1",
        "f": "address: 10.0.0.4\nrtsp_path: /3",
        "g": "address: 10.0.0.5\nuplink: sw1\nrtsp_path: /1",
        "h": "address: 10.0.0.5\nuplink: sw2\nrtsp_path: /2",
        "i": "address: 10.0.0.5\nuplink: sw2\nrtsp_path: /3",
    }
    uplinks = (
        "line:\nsw1: {uplink: line}\nsw2: {uplink: line}\nnvr: {address: 10.0.0.4, uplink: sw2}\n"
        "old:\nolder: {uplink: old}\n"
    )
    code, said = check(tmp_path, cameras, uplinks)
    odd = 'hangs on "sw2", but cameras with its address name "sw1"'
    assert (code, sorted(said.splitlines())) == (
        0,
        [
            "/xueliang.yaml: valid; 9 cameras, 6 uplinks",
            'warning: /cameras.d/b.yaml:3: uplink: "sv1" of 2 cameras is declared nowhere; did you mean "sw1"?',
            f"warning: /cameras.d/e.yaml:4: uplink: the device at 10.0.0.4 {odd}",
            f"warning: /cameras.d/g.yaml:3: uplink: the device at 10.0.0.5 {odd}",
            "warning: /uplinks.yaml:5: old: no camera hangs on it",
            "warning: /uplinks.yaml:6: older: no camera hangs on it",
        ],
    )


def test_config_check_names_errors_of_the_topology(tmp_path: Path) -> None:
    code, said = check(
        tmp_path, {"a": "address: 10.0.0.1\nuplink: a"}, "a: {uplink: b}\nb: {uplink: a}\nc: {uplink: d}\n"
    )
    assert code == 1
    assert said.splitlines()[1:] == [
        "warning: /uplinks.yaml:3: c: no camera hangs on it",
        '/uplinks.yaml:3: c.uplink: no uplink "d" is declared',
        "/uplinks.yaml:1: a.uplink: these hang on each other in a circle: a, b",
        "2 errors; 1 cameras are valid",
    ]


def test_config_check_says_nothing_of_uplinks_without_a_file(tmp_path: Path) -> None:
    code, said = check(tmp_path, {"a": "address: 10.0.0.1\nuplink: a"}, "")
    assert (code, said) == (0, "/xueliang.yaml: valid; 1 cameras\n")

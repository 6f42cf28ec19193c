"""The settings of the relay: what is missing is named, and no secret is where others can read it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from xueliang_monitor.configuration.strict_yaml import DocumentError
from xueliang_monitor.relay.settings import RelaySettings, load

ADDRESS = "https://oapi.dingtalk.com/robot/send?access_token=0f1e2d3c4b5a"
SAMPLE = Path(__file__).parents[2] / "config" / "relay.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("robot.url", ADDRESS), ("robot.secret", "SEC123"), ("mail.password", "pass word")):
        (tmp_path / name).write_text(text + "\n")
        (tmp_path / name).chmod(0o600)
    return tmp_path


def written(folder: Path, receiver: str, more: str = "") -> Path:
    file = folder / "relay.yaml"
    file.write_text(f"{more}\nreceivers:\n  on-call: {{{receiver}}}\n")
    return file


def test_a_robot(folder: Path) -> None:
    relay = load(written(folder, "kind: dingtalk, url_file: robot.url, secret_file: robot.secret, language: en"))
    receiver = relay.receivers["on-call"]
    assert (receiver.url, receiver.secret, receiver.language) == (ADDRESS, "SEC123", "en")
    assert relay.state == folder / "relay-state"
    assert "SEC123" not in repr(relay)
    assert "0f1e2d3c4b5a" not in repr(relay)


def test_a_mail_server(folder: Path) -> None:
    mail = (
        load(
            written(
                folder,
                "kind: email, server: 'smtp.example.org:465', sender: cameras@example.org, to: [a@example.org],"
                " username: cameras, password_file: mail.password",
            )
        )
        .receivers["on-call"]
        .mail
    )
    assert mail is not None
    assert (mail.host, mail.port, mail.password) == ("smtp.example.org", 465, "pass word")
    assert "pass word" not in repr(mail)


@pytest.mark.parametrize("name", ["robot.url", "robot.secret"])
@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_secret_that_others_may_read_is_refused(folder: Path, name: str, mode: int) -> None:
    (folder / name).chmod(mode)
    with pytest.raises(DocumentError, match=r"other users can read .*; run chmod 600 on it"):
        load(written(folder, "kind: dingtalk, url_file: robot.url, secret_file: robot.secret"))


def test_systemd_hands_secrets_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handed = folder / "handed"
    handed.mkdir()
    (handed / "relay-secrets_robot.url").write_text(ADDRESS)
    (handed / "relay-secrets_robot.url").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(handed))
    relay = load(written(folder, "kind: wecom, url_file: relay-secrets/robot.url"))
    assert relay.receivers["on-call"].url == ADDRESS


@pytest.mark.parametrize(
    ("receiver", "more", "wrong"),
    [
        ("kind: dingtalk", "", "kind dingtalk needs url_file"),
        ("kind: email", "", "kind email needs server and sender and to"),
        ("kind: wecom, url_file: robot.url, secret_file: robot.secret", "", "kind wecom has no secret_file"),
        ("kind: feishu, url_file: robot.url, sender: a@example.org", "", "kind feishu has no sender"),
        ("kind: feishu, url_file: robot.secret", "", "does not contain an address that begins with https://"),
        ("kind: feishu, url_file: none.url", "", "cannot read .*none.url: No such file"),
        ("kind: feishu, url: 'https://x'", "", 'unknown key; did you mean "url_file"'),
        ("kind: dingtalk, url_file: robot.url, pause: 5", "", "not a duration"),
        ("kind: dingtalk, url_file: robot.url", "listen: 0.0.0.0:9099", "set token_file"),
        ("kind: dingtalk, url_file: robot.url", "token_file: robot.secret", "needs at least 16 characters"),
        (
            "kind: email, server: 'a:25', sender: a@b, to: [a@b], security: none, username: a, password_file: p",
            "",
            "a password needs security: tls or starttls",
        ),
        ("kind: email, server: 'a:25', sender: a@b, to: ['a@b,c@d']", "", "not an e-mail address"),
    ],
)
def test_what_is_wrong_is_named(folder: Path, receiver: str, more: str, wrong: str) -> None:
    with pytest.raises(DocumentError, match=wrong):
        load(written(folder, receiver, more))


def test_the_sample_is_valid() -> None:
    assert RelaySettings.model_validate(yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))).receivers


def test_systemd_hands_over_the_folder_of_the_sample() -> None:
    """`LoadCredential=` hands over FOLDER/FILE as `FOLDER_FILE`, where the relay looks for it."""
    unit = (SAMPLE.parents[1] / "deploy/systemd/xueliang-relay.service").read_text()
    sample = RelaySettings.model_validate(yaml.safe_load(SAMPLE.read_text(encoding="utf-8")))
    named = [
        file
        for each in sample.receivers.values()
        for file in (each.url_file, each.secret_file, each.password_file)
        if file is not None
    ]
    assert {str(file.parent) for file in named} == {"relay-secrets"}
    assert "\nLoadCredential=relay-secrets:/etc/xueliang-monitor/relay-secrets\n" in unit

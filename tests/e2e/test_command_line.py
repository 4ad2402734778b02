# SPDX-License-Identifier: Apache-2.0
"""Options, help, exit statuses, and the texts of mistakes."""

import subprocess

import pytest
from harness import GROUP


def test_version_and_help(tailgate):
    assert tailgate.call("--version").stdout.startswith("tailgate ")
    overview = tailgate.call("help").stdout
    for command in ("run", "backfill", "match", "findings", "status"):
        assert f"tailgate {command}" in overview
        text = tailgate.call("help", command).stdout
        assert text.startswith(f"tailgate {command}")
        assert tailgate.call(command, "--help").stdout == text


@pytest.mark.parametrize("words, says", [
    (["rnu"], "did you mean run?"),
    (["run", "--lgo-group", "x"], "did you mean --log-group?"),
    (["run", "--log-group"], "--log-group: needs a value"),
    (["help", "stats"], "did you mean status?"),
    (["run", "--network", "10.0.0.0/8"], "nothing to read"),
    (["run", "--log-group", GROUP], "nothing to look for"),
    (["run", "--log-group", GROUP, "--network", "10.0.0.0/33"], "network vpc: \"10.0.0.0/33\""),
    (["run", "--log-group", GROUP, "--network", "10.0.0.1/8"], "10.0.0.0/8"),
    (["run", "--log-group", GROUP, "--network", "10.0.0.0/8", "--region", "nowhere"], "\"nowhere\" is not a region"),
    (["run", "--log-group", GROUP, "--network", "10.0.0.0/8", "--topic-arn", "arn:aws:sns:x"], "is not an ARN such as"),
    (["run", "--log-group", "a b", "--network", "10.0.0.0/8"], "is not the name of a log group"),
    (["run", "--log-group", GROUP, "--filter", "CONNECT ("], "at character 9 of the pattern"),
    (["run", "--log-group", GROUP, "--network", "10.0.0.0/8", "--since", "yesterday"], "\"yesterday\" is no time"),
    (["run", "--log-group", GROUP, "--network", "10.0.0.0/8", "--log-level", "loud"], "one of error, warning"),
    (["backfill", "--network", "10.0.0.0/8", "--log-group", GROUP], "--since TIME, or --file PATH"),
    (["backfill", "--network", "10.0.0.0/8", "--log-group", GROUP, "--since", "2026-02-01", "--until", "2026-01-01"],
     "is not before --until"),
    (["findings", "--severity", "huge"], "is not low, medium, high or critical"),
    (["findings", "--limit", "0"], "is not a number from 1"),
])
def test_mistakes_say_what_was_meant(tailgate, words, says):
    done = tailgate.call(*words, status=2)
    assert says in done.stderr
    assert done.stdout == ""


def test_all_mistakes_are_told(tailgate):
    done = tailgate.call("run", "--region", "x", "--network", "1.2.3.4/40", "--log-level", "y", status=2)
    assert done.stderr.count("\n") >= 4


def test_a_full_disk_is_not_an_empty_answer(tailgate):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(tailgate.command("help"), stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 4 and b"could not be written" in done.stderr


def test_environment_and_precedence(tailgate, tmp_path):
    path = tmp_path / "rows"
    path.write_text("20261122 14:08:14,srv,app,10.1.2.3,8,0,CONNECT,,,0\n"
                    "20261122 14:08:14,srv,app,10.2.2.3,9,0,CONNECT,,,0\n")
    environment = {**tailgate.environment, "TAILGATE_NETWORK": "10.1.0.0/16,office=192.0.2.0/24"}
    environment.pop("TAILGATE_STATE")
    found = tailgate.call("backfill", "--file", path, environment=environment).stdout
    assert "10.2.2.3" in found and "10.1.2.3" not in found
    # The command line replaces the network of that name, and only that.
    found = tailgate.call("backfill", "--file", path, "--network", "10.2.0.0/16", environment=environment).stdout
    assert "10.1.2.3" in found and "10.2.2.3" not in found


@pytest.mark.parametrize("word, says", [
    ("--log", "no such option"), ("--log-leve", "did you mean --log-level"), ("--version=1", "no such option"), ("-xy", "-xy: options begin with"), ("--live=1", "takes no value"),
])
def test_no_abbreviations(tailgate, word, says):
    assert says in tailgate.call("status", word, status=2).stderr


def test_odd_configuration_files(tailgate, tmp_path):
    assert "cannot be read" in tailgate.call("findings", "--config", tmp_path, status=2).stderr
    assert "cannot be read" in tailgate.call("findings", "--config", tmp_path / "none", status=2).stderr
    path = tmp_path / "large"
    path.write_text("# " + "x" * (2 << 20) + "\n")
    assert "longer than" in tailgate.call("findings", "--config", path, status=2).stderr
    path.write_text("")
    assert "state.db" in tailgate.call("findings", "--config", path, status=5).stderr
    path.write_text('{"networks": {"vpc": ["10.0.0.0/8"]}, "sources": [{"log_group": "a b"}]}')
    done = tailgate.call("run", "--config", path, status=2)
    assert "large:1:65: log_group" in done.stderr and "needs a log_group" not in done.stderr

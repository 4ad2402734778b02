# SPDX-License-Identifier: Apache-2.0
"""The configuration file."""

import signal

import pytest
from harness import GROUP, json_lines, row

EXAMPLE = """
state: {state}
region: eu-west-1
networks:
  vpc: [172.31.0.0/16, 2001:db8:5::/48]
  office: [203.0.113.0/24]
sources:
  - log_group: {group}
rules:
  - name: outside
    outside: [vpc, office]
    except:
      - address: 198.51.100.7
        until: 2037-01-31
        reason: quarterly scan by the auditor
  - name: as-in-the-console
    filter: CONNECT -localhost -172.31
alerts:
  topic_arn: {topic}
  fold: 1h
"""


@pytest.fixture
def write(tmp_path):
    def write_file(text):
        path = tmp_path / "tailgate.yaml"
        path.write_text(text)
        return path

    return write_file


@pytest.mark.parametrize("text, says", [
    ("regoin: eu-west-1\n", ":1:1: there is no key \"regoin\" here; did you mean \"region\"?"),
    ("region: eu-west-1\nregion: eu-west-2\n", ":2:1: \"region\" is already set in line 1"),
    ("networks:\n  vpc: [10.0.0.0/8, 10.1.1.1/8]\n", ":2:21: network vpc: \"10.1.1.1/8\""),
    ("networks: [10.0.0.0/8]\n", ":1:11: networks are names"),
    ("poll_interval: 1ms\n", ":1:16: poll_interval: \"1ms\" is not a time from 1s"),
    ("rules:\n  - name: a\n    filter: x (y\n", ":3:15:"),
    ("rules:\n  - name: a\n    outside: [vcp]\n", ":3:14: rule a:"),
    ("rules:\n  - filter: x\n", ":2:5: a rule needs a name"),
    ("rules:\n  - name: a\n    filter: x\n  - name: a\n    filter: y\n", "rule a:"),
    ("rules:\n  - name: tailgate\n    filter: x\n", "no rule can be called tailgate"),
    ("sources:\n  - log_group: a b\n", ":2:16: log_group:"),
    ("sources:\n  - log_group: a\n    format: mssql\n", ":3:13: format: \"mssql\" is not one of auto, mysql, postgresql, sqlserver, oracle"),
    ("format: mysql\n", ":1:1: there is no key \"format\" here"),
    ("alerts: {topic_arn: x}\n", "is not an ARN"),
    ("a: &x 1\nb: *x\n", "aliases"),
    ("a: [1\n", ":2:1:"),
    ("- a\n", ":1:1: keys with values are expected"),
    ("rules:\n  - name: a\n    filter: x\n    except: [{reason: none}]\n", "needs an address or a user"),
])
def test_mistakes_have_a_place(tailgate, write, text, says):
    path = write(text)
    done = tailgate.call("run", "--config", path, status=2)
    assert str(path) + says in done.stderr if says.startswith(":") else says in done.stderr


def test_every_mistake_is_told(tailgate, write):
    done = tailgate.call("run", "--config", write("regoin: x\npoll_interval: 1ms\nnetworks: []\n"), status=2)
    assert all(f":{line}:" in done.stderr for line in (1, 2, 3))


def test_a_file_is_all_a_run_needs(tailgate, aws, write):
    now = aws.clock.now_ms()
    aws.logs.put(GROUP, "s", [(now - 5000, row("172.31.9.9", 1)), (now - 4000, row("198.51.100.7", 2)),
                              (now - 3000, row("198.51.100.8", 3)), (now - 2000, row("203.0.113.4", 4))])
    path = write(EXAMPLE.format(state=tailgate.state, group=GROUP, topic=tailgate.topic))
    process = tailgate.start("run", "--config", path, "--since", "1h")
    aws.wait_for(lambda: {m.attributes["rule"] for m in aws.sns.messages} == {"outside", "as-in-the-console"}, 30)
    assert tailgate.stop(process) == 0
    found = {(f["rule"], f["connection_id"], f.get("alert") is not None) for f in tailgate.findings()}
    # The auditor's scan is stored and not alerted; the office is not outside; the console's filter knows neither.
    assert ("outside", 2, False) in found and ("outside", 3, True) in found
    assert not any(rule == "outside" and number in (1, 4) for rule, number, _ in found)


def test_reload_keeps_what_works(tailgate, aws, write):
    text = EXAMPLE.format(state=tailgate.state, group=GROUP, topic=tailgate.topic)
    path = write(text)
    aws.logs.put(GROUP, "s", [(aws.clock.now_ms(), row("172.31.9.9", 1))])
    process = tailgate.start("run", "--config", path)
    aws.wait_for(lambda: len(aws.calls("logs", "FilterLogEvents")) >= 2, 30)
    write(text.replace("region:", "regoin:"))
    process.send_signal(signal.SIGHUP)
    aws.logs.put(GROUP, "s", [(aws.clock.now_ms(), row("198.51.100.8", 3))])
    aws.wait_for(lambda: len(aws.sns.messages) >= 1, 30)
    write(text.replace("office: [203.0.113.0/24]", "office: [203.0.113.0/28]"))
    process.send_signal(signal.SIGHUP)
    aws.logs.put(GROUP, "s", [(aws.clock.now_ms() + 1, row("203.0.113.44", 4))])
    aws.wait_for(lambda: any("203.0.113.44" in m.message and m.attributes["rule"] == "outside" for m in aws.sns.messages), 30)
    assert tailgate.stop(process) == 0
    log = process.log.read_text()
    assert "was not changed" in log and "configuration read again" in log


SQLSERVER_LINE = ("2026-11-22 14:08:14.12 Logon       Login failed for user 'sa'. Reason: The account is disabled. "
                  "[CLIENT: 203.0.113.7]")
ORACLE_LINE = ("22-NOV-2026 14:08:14 * (CONNECT_DATA=(SERVICE_NAME=X)) * (ADDRESS=(PROTOCOL=tcp)(HOST=203.0.113.8)(PORT=40000))"
               " * establish * X * 12514")


def test_sources_have_formats(tailgate, aws, write):
    now = aws.clock.now_ms()
    listener, error, other = (f"/aws/rds/instance/shop/{kind}" for kind in ("listener", "error", "audit"))
    aws.logs.put(GROUP, "s", [(now - 5000, row("203.0.113.6", 1))])
    aws.logs.put(listener, "s", [(now - 5000, ORACLE_LINE)])
    aws.logs.put(error, "s", [(now - 5000, SQLSERVER_LINE)])
    aws.logs.put(other, "s", [(now - 5000, row("203.0.113.9", 1))])
    # The first two go by their names. What the configuration says comes before what the name and the lines say.
    path = write(f"""
region: eu-west-1
networks: {{vpc: [10.0.0.0/8]}}
sources:
  - log_group: {GROUP}
  - log_group: {listener}
    format: auto
  - log_group: {error}
    format: sqlserver
  - log_group: {other}
    format: oracle
""")
    done = tailgate.call("backfill", "--config", path, "--state", tailgate.state, "--since", "1h", "--alert", "none", "--output", "json")
    found = {f["log_group"]: (f["address"], f["code"], f["severity"]) for f in json_lines(done.stdout)}
    assert found == {GROUP: ("203.0.113.6", 0, "high"), listener: ("203.0.113.8", 12514, "medium"),
                     error: ("203.0.113.7", 18470, "high")}

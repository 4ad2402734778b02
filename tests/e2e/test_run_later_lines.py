# SPDX-License-Identifier: Apache-2.0
"""`run`: lines that say more of rows told before, in the same page, in a later one, and when everything is read again."""

import json

import pytest
from harness import GROUP, Tailgate, row

POSTGRESQL = "/aws/rds/instance/orders/postgresql"


def put(aws, *rows, group=GROUP, age_ms=1000):
    now = aws.clock.now_ms()
    aws.logs.put(group, "orders", [(now - age_ms + i, text) for i, text in enumerate(rows)])


def line(address, pid, text, port=41216, name="[unknown]@[unknown]"):
    return f"2026-11-22 14:09:04 UTC:{address}({port}):{name}:[{pid}]:{text}"


def received(address, pid, port=41216):
    return line(address, pid, f"LOG:  connection received: host={address} port={port}", port)


def authorized(address, pid):
    return line(address, pid, "LOG:  connection authorized: user=app database=prod SSL enabled (protocol=TLSv1.3, "
                              "cipher=TLS_AES_256_GCM_SHA384, bits=256)", name="app@prod")


def watch_postgresql(tailgate, *words):
    return tailgate.start("run", "--log-group", POSTGRESQL, *tailgate.networks(), "--since", "1d", "--requests-per-second", "50",
                          "--topic-arn", tailgate.topic, *words)


def read_once_more(aws):
    count = len(aws.calls("logs", "FilterLogEvents"))
    aws.wait_for(lambda: len(aws.calls("logs", "FilterLogEvents")) > count + 2, 30)


def test_an_outcome_in_the_same_page_is_in_the_alert(tailgate, aws):
    put(aws, received("203.0.113.50", 77), received("10.0.0.5", 78, 5000), authorized("203.0.113.50", 77), group=POSTGRESQL)
    process = watch_postgresql(tailgate)
    aws.wait_for(lambda: aws.sns.messages, 30)
    assert tailgate.stop(process) == 0
    (finding,) = tailgate.findings()
    assert (finding["address"], finding["port"], finding["connection_id"]) == ("203.0.113.50", 41216, 77)
    assert (finding["outcome"], finding["user"], finding["database"], finding["tls"]) == ("success", "app", "prod", "TLSv1.3")
    assert len(aws.sns.messages) == 1 and "SUCCEEDED" in aws.sns.messages[0].message


def test_an_alert_does_not_wait_for_the_outcome_and_a_success_is_told(tailgate, aws):
    put(aws, received("203.0.113.50", 77), group=POSTGRESQL)
    process = watch_postgresql(tailgate)
    aws.wait_for(lambda: aws.sns.messages, 30)
    put(aws, authorized("203.0.113.50", 77), group=POSTGRESQL)
    aws.wait_for(lambda: len(aws.sns.messages) == 2, 30)
    read_once_more(aws)
    assert tailgate.stop(process) == 0
    (finding,) = tailgate.findings()
    assert finding["outcome"] == "success" and finding["severity"] == "high"
    first, second = aws.sns.messages
    assert "SUCCEEDED" not in first.message and "SUCCEEDED" in second.message
    assert first.attributes["alert_id"] != second.attributes["alert_id"]
    assert first.attributes["fingerprint"] == second.attributes["fingerprint"] == finding["id"]


def test_after_a_restart_later_lines_make_no_second_finding(tailgate, aws):
    put(aws, received("203.0.113.50", 77), group=POSTGRESQL, age_ms=200_000)
    process = watch_postgresql(tailgate)
    aws.wait_for(lambda: aws.sns.messages, 30)
    assert tailgate.stop(process) == 0
    put(aws, authorized("203.0.113.50", 77), group=POSTGRESQL)
    process = watch_postgresql(tailgate)
    aws.wait_for(lambda: len(aws.sns.messages) == 2, 30)
    assert tailgate.stop(process) == 0
    (finding,) = tailgate.findings()
    assert finding["outcome"] == "success"


def test_a_row_proved_forged_names_its_client(tailgate, aws):
    def block(operation, code):
        return row("8.8.4.4", 8), row("203.0.113.9", 6, operation, user="y", database="", code=code)

    put(aws, *block("FAILED_CONNECT", 1045), *block("DISCONNECT", 0))
    process = tailgate.watch()
    aws.wait_for(lambda: aws.sns.messages, 30)
    read_once_more(aws)
    assert tailgate.stop(process) == 0
    findings = tailgate.findings()
    forged = [f for f in findings if f["address"] == "8.8.4.4"]
    assert len(forged) == 2 and all("forged" in f["marks"] and f["true_client"] == "203.0.113.9" for f in forged)
    assert [f["connection_id"] for f in findings if f["kind"] == "forgery"] == [6]
    assert any("203.0.113.9" in m.message for m in aws.sns.messages)


def test_a_torn_row_whose_rest_comes_is_not_told(tailgate, aws):
    put(aws, "20261122 14:00:02,srv,new", "user,10.0.0.5,7,0,CONNECT,,,0", "20261122 14:00:03,srv,torn", row("203.0.113.9", 8, server="srv"))
    process = tailgate.watch()
    aws.wait_for(lambda: len(aws.sns.messages) >= 2, 30)
    read_once_more(aws)
    assert tailgate.stop(process) == 0
    assert sorted((f["kind"], f["message"][:27]) for f in tailgate.findings()) == [
        ("connection", "20261122 14:08:14,srv,app,2"), ("fragment", "20261122 14:00:03,srv,torn")]


@pytest.fixture
def fast(tailgate):
    from aws import Loopback

    with Loopback(speed=600) as fast:
        folder = tailgate.folder / "fast"
        folder.mkdir()
        program = Tailgate(fast, folder)
        yield program
        program.stop_all()


def test_re_reads_tell_nothing_anew(fast):
    """Hours pass, so everything is read again at growing ages, by a judge that has not seen what came before."""
    rows = [row("10.0.0.5", 7), row("", 7, "CHANGEUSER", user="", database="O" * 40), "20261122 14:00:02,srv,new",
            "user,10.0.0.5,8,0,CONNECT,,,0", row("203.0.113.9", 9)]
    put(fast.aws, *rows)
    process = fast.watch(since="1h")
    fast.aws.wait_for(lambda: fast.aws.sns.messages, 60)
    start = fast.aws.clock.now_ms()
    fast.aws.wait_for(lambda: fast.aws.clock.now_ms() > start + 3 * 3_600_000, 60)
    fast.stop(process)
    assert [f["connection_id"] for f in fast.findings()] == [9]
    assert len(fast.aws.sns.messages) == 1
    (source,) = json.loads(fast.call("status", "--output", "json", status=None).stdout)["sources"]
    assert source["dialect"] == "MariaDB, or MySQL 5.6"


def test_status_counts_what_was_not_told(tailgate, aws):
    statement = ("20261122 14:08:14,ip-172-31-0-10,app,10.0.0.5,100,9,QUERY,prod,"
                 "'SELECT \\',8.8.8.8,9999,0,CONNECT,prod,,0\\'',0")
    put(aws, row("10.0.0.5", 100), statement, row("10.0.0.5", 104))
    process = tailgate.watch()
    aws.wait_for(lambda: len(aws.calls("logs", "FilterLogEvents")) > 1, 30)
    read_once_more(aws)
    assert tailgate.stop(process) == 0
    assert not tailgate.findings()
    (source,) = json.loads(tailgate.call("status", "--output", "json", status=None).stdout)["sources"]
    assert (source["in_sql"], source["id_gaps"]) == (1, 3)

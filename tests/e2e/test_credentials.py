# SPDX-License-Identifier: Apache-2.0
"""Credentials that end, change or are slow to come, and clocks that are wrong, while the agent runs."""

import json
import socket

import pytest
from aws import Loopback, faults
from harness import GROUP, Tailgate, row

MINUTE = 60_000


@pytest.fixture
def aws():
    with Loopback() as loopback:
        loopback.logs.create(GROUP)
        yield loopback


@pytest.fixture
def tailgate(aws, tmp_path):
    program = Tailgate(aws, tmp_path)
    yield program
    program.stop_all()


def put(aws, *numbers, age_ms=5000):
    now = aws.clock.now_ms() - age_ms
    aws.logs.put(GROUP, "s", [(now + n, row("203.0.113.50", n, user=f"u{n}")) for n in numbers])


def without_keys(tailgate):
    return {name: value for name, value in tailgate.environment.items() if not name.startswith("AWS_")}


def watch(tailgate, environment, *words):
    return tailgate.start("run", "--log-group", GROUP, *tailgate.networks(), "--since", "1h", "--topic-arn", tailgate.topic,
                          "--requests-per-second", "100", *words, environment=environment)


def found(tailgate):
    return sorted(finding["connection_id"] for finding in tailgate.findings())


def status(tailgate):
    return json.loads(tailgate.call("status", "--output", "json", status=None).stdout)


@pytest.mark.parametrize("broken", [False, True], ids=["renewed in time", "renewed too late"])
def test_keys_end_in_the_middle_of_many_pages(tmp_path, broken):
    """Twenty minutes of keys, and more pages than that: where new keys do not come in time, the page is asked for again."""
    with Loopback(speed=300) as aws:
        aws.credentials.tolerance_min = 300  # of this clock, which a request takes on a busy machine
        aws.logs.create(GROUP)
        aws.logs.page_events = 1
        aws.imds.keys.lifetime_s = 1200
        tailgate = Tailgate(aws, tmp_path)
        put(aws, *range(1, 1001), age_ms=30 * MINUTE)
        ends = aws.clock.now_ms() + 1200 * 1000
        if broken:
            aws.faults.add("imds", "*", "internal_error", times=None,
                           when=lambda call: ends - 15 * MINUTE < call.time_ms < ends + MINUTE)
        process = watch(tailgate, without_keys(tailgate) | aws.imds_environment() | aws.clock.environment())
        try:
            aws.wait_for(lambda: aws.clock.now_ms() > ends + 5 * MINUTE, 60)
            while len(found(tailgate)) < 1000:
                asked = len(aws.requests)
                aws.wait_for(lambda: len(aws.requests) > asked + 50, 60)
        finally:
            tailgate.stop(process)
        keys = {call.headers["authorization"].split("Credential=")[1].split("/")[0] for call in aws.calls("logs", "FilterLogEvents")}
        assert found(tailgate) == list(range(1, 1001)) and len(keys) >= 2
        assert not [call for call in aws.refused if not (broken and call.error.startswith("ExpiredToken"))]


def test_keys_are_rotated(tailgate, aws, tmp_path):
    """The old key is deleted and the new one stands in the file: it is read again, without a restart."""
    def write(access_key, secret):
        (tmp_path / ".aws" / "credentials").write_text(
            f"[default]\naws_access_key_id = {access_key}\naws_secret_access_key = {secret}\n")

    (tmp_path / ".aws").mkdir()
    aws.credentials.add("AKIAOLDOLDOLDOLDOLD1", "old")
    write("AKIAOLDOLDOLDOLDOLD1", "old")
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    put(aws, 1)
    process = watch(tailgate, {name: value for name, value in tailgate.environment.items() if name not in keys})
    aws.wait_for(lambda: len(aws.sns.messages) == 1, 30)
    aws.credentials.add("AKIANEWNEWNEWNEWNEW2", "new")
    write("AKIANEWNEWNEWNEWNEW2", "new")
    aws.credentials.remove("AKIAOLDOLDOLDOLDOLD1")
    aws.wait_for(lambda: any("AKIANEWNEWNEWNEWNEW2" in call.headers["authorization"] for call in aws.requests), 60)
    put(aws, 2, age_ms=0)
    aws.wait_for(lambda: len(aws.sns.messages) == 2, 60)
    assert tailgate.stop(process) == 0
    assert found(tailgate) == [1, 2]


@pytest.mark.parametrize("minutes", [10, -10])
def test_a_wrong_clock_is_said_once(tailgate, aws, minutes):
    """minutes: how far the service's clock is before this host's."""
    aws.faults.add("*", "*", faults.SkewedClock(minutes * 60), times=None)
    put(aws, 1, age_ms=5000 - minutes * MINUTE)
    process = tailgate.watch()
    aws.wait_for(lambda: aws.sns.messages, 30)
    aws.wait_for(lambda: len(aws.calls("logs", "FilterLogEvents")) >= 4, 30)
    told = status(tailgate)
    text = tailgate.call("status", status=None).stdout
    tailgate.stop(process)
    which = "slow" if minutes > 0 else "fast"
    log = process.log.read_text()
    assert log.count("this host's clock is") == 1 and f"clock is 10m {which}" in log.replace("9m 59s", "10m")
    assert abs(told["clock_offset_ms"] - minutes * MINUTE) < 5000
    assert f"this host's is" in text and which in text
    assert told["sources"][0]["behind_ms"] < 5 * MINUTE, "how far behind is told by the clock that coverage is of"
    # The host's clock was set meanwhile.
    aws.faults.clear()
    process = tailgate.watch()
    aws.wait_for(lambda: "right again" in process.log.read_text(), 30)
    tailgate.stop(process)
    assert status(tailgate)["clock_offset_ms"] == 0


def test_a_slow_metadata_service(tailgate, aws):
    """Its first answers do not come in time; the next ones do."""
    aws.faults.add("imds", "token", faults.Slow(0.5), times=1)
    put(aws, 1)
    process = watch(tailgate, without_keys(tailgate) | aws.imds_environment())
    aws.wait_for(lambda: aws.sns.messages, 60)
    assert tailgate.stop(process) == 0


@pytest.mark.parametrize("how", ["refuses", "is silent"])
def test_no_metadata_service(tailgate, aws, how):
    """What stands on a machine that is none of Amazon's: said soon, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        if how == "refuses":
            silent.close()
        environment = without_keys(tailgate) | aws.imds_environment()
        environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = f"http://127.0.0.1:{port}"
        process = watch(tailgate, environment)
        assert process.wait(30) == 3
    log = process.log.read_text()
    assert "no credentials" in log and "169.254" not in log

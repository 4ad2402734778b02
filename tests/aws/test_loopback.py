# SPDX-License-Identifier: Apache-2.0
"""The loopback AWS tested with a client that is not ours: botocore, and http.client."""

import gzip
import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import botocore.session
import pytest
from aws import Loopback, faults, rows
from aws.clock import signature_date
from aws.loopback import ACCESS_KEY, SECRET_KEY
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.client import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

GROUP = "/aws/rds/instance/orders/audit"
SESSION = botocore.session.get_session()
CONFIG = Config(
    retries={"max_attempts": 0}, proxies={}, read_timeout=10, parameter_validation=False
)
FILTER = {
    "X-Amz-Target": "Logs_20140328.FilterLogEvents",
    "Content-Type": "application/x-amz-json-1.1",
}
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.fixture(name="aws")
def _aws():
    with Loopback() as loopback:
        yield loopback
        assert not loopback.defects


def client(aws, service, access_key=ACCESS_KEY, secret=SECRET_KEY, token=None, region=None):
    return SESSION.create_client(
        service,
        region_name=region or aws.region,
        endpoint_url=aws.url,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=CONFIG,
    )


def signed(aws, service, headers, body, now_ms=None):
    """Headers of a POST to /, signed for a time of our choice."""
    request = AWSRequest("POST", aws.url + "/", dict(headers), body)
    stamp = signature_date(now_ms or aws.clock.now_ms())
    request.headers["Host"] = urlsplit(aws.url).netloc
    request.headers["X-Amz-Date"] = request.context["timestamp"] = stamp
    signer = SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), service, aws.region)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(text, request))
    return dict(request.headers.items())


def connect(aws):
    return http.client.HTTPConnection(urlsplit(aws.url).netloc, timeout=10)


def post(connection, headers, body):
    """(status, headers, body) of a request on an open connection."""
    connection.request("POST", "/", body, headers)
    response = connection.getresponse()
    return response.status, response.headers, response.read()


def read_page(aws, connection=None):
    """A signed FilterLogEvents on a bare connection."""
    body = json.dumps({"logGroupName": GROUP}).encode()
    return post(connection or connect(aws), signed(aws, "logs", FILTER, body), body)


def refusal(function, *arguments, **options):
    """(code, message, status) of the error that a botocore call raises."""
    with pytest.raises(ClientError) as raised:
        function(*arguments, **options)
    response = raised.value.response
    error = response["Error"]
    return error["Code"], error["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def texts(pages):
    return [event["message"] for page in pages for event in page["events"]]


# CloudWatch Logs


def test_order_bounds_and_identity(aws):
    ids = aws.logs.put(
        GROUP,
        "b",
        [
            (2000, "third", 5000),
            (1000, b"bad \xff byte", 9000),
            (2000, "second", 4000),
            (3000, "end"),
        ],
    )
    aws.logs.put(GROUP, "a", [(2000, "fourth", 5000), (3001, "after the end"), (999, "before")])
    found = client(aws, "logs").filter_log_events(logGroupName=GROUP, startTime=1000, endTime=3000)
    assert texts([found]) == ["bad \ufffd byte", "second", "third", "fourth", "end"]
    assert found["searchedLogStreams"] == [] and "nextToken" not in found
    first = found["events"][0]
    assert first["eventId"] == ids[1] and len(first["eventId"]) == 56 and first["eventId"].isdigit()
    assert (first["timestamp"], first["ingestionTime"], first["logStreamName"]) == (1000, 9000, "b")
    assert len(set(ids)) == 4
    headers = found["ResponseMetadata"]["HTTPHeaders"]
    assert (
        abs(parsedate_to_datetime(headers["date"]).timestamp() * 1000 - aws.clock.now_ms()) < 5000
    )
    assert headers["x-amzn-requestid"]


def test_pages_empty_pages_and_empty_last_page(aws):
    messages = [f"event {number}" for number in range(10)]
    aws.logs.put(GROUP, "s", [(1000, message) for message in messages])
    aws.logs.page_events = 4
    logs = client(aws, "logs")

    def pages():
        return list(logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP))

    assert [len(page["events"]) for page in pages()] == [4, 4, 2]
    aws.logs.empty_pages = 2
    assert [len(page["events"]) for page in pages()] == [0, 0, 4, 0, 0, 4, 0, 0, 2]
    aws.logs.empty_pages, aws.logs.empty_last_page = 0, True
    assert [len(page["events"]) for page in pages()] == [4, 4, 2, 0]
    assert texts(pages()) == messages
    assert len(logs.filter_log_events(logGroupName=GROUP, limit=3)["events"]) == 3


def test_one_stream_by_forward_tokens(aws):
    """GetLogEvents: a token always comes; at the end it is the same again, and later it goes on from there."""
    aws.logs.put(GROUP, "s", [(1000 + number, f"event {number}") for number in range(5)])
    aws.logs.put(GROUP, "other", [(1001, "not asked for")])
    aws.logs.page_events, aws.logs.empty_pages = 2, 1
    logs = client(aws, "logs")
    asked = {"logGroupName": GROUP, "logStreamName": "s", "startFromHead": True, "startTime": 1001, "endTime": 2000}
    pages = []
    for _ in range(5):
        page = logs.get_log_events(**asked)
        pages.append([event["message"] for event in page["events"]])
        last, asked["nextToken"] = asked.get("nextToken"), page["nextForwardToken"]
    assert pages == [["event 1", "event 2"], [], ["event 3", "event 4"], [], []]
    assert last == asked["nextToken"]
    aws.logs.put(GROUP, "s", [(1003, "too late"), (1009, "event 9"), (2000, "after the end")])
    assert [event["message"] for event in logs.get_log_events(**asked)["events"]] == ["event 9"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        logs.get_log_events(logGroupName=GROUP, logStreamName="no", startFromHead=True)


def test_page_is_cut_by_bytes(aws):
    aws.logs.put(
        GROUP, "s", [(1000 + n, "x" * 400_000) for n in range(5)] + [(1005, "y" * (1 << 20))]
    )
    pages = client(aws, "logs").get_paginator("filter_log_events").paginate(logGroupName=GROUP)
    assert [len(page["events"]) for page in pages] == [2, 2, 1, 1]


def test_tokens_die_and_belong_to_their_request(aws):
    aws.logs.put(GROUP, "s", [(1000, "a"), (1000, "b")])
    aws.logs.page_events = 1
    logs = client(aws, "logs")
    token = logs.filter_log_events(logGroupName=GROUP)["nextToken"]
    assert texts([logs.filter_log_events(logGroupName=GROUP, nextToken=token)]) == ["b"]
    invalid = ("InvalidParameterException", "The specified nextToken is invalid.", 400)
    assert refusal(logs.filter_log_events, logGroupName=GROUP, nextToken="x") == invalid
    assert (
        refusal(logs.filter_log_events, logGroupName=GROUP, startTime=5, nextToken=token) == invalid
    )
    aws.logs.token_lifetime_ms = 0
    assert refusal(logs.filter_log_events, logGroupName=GROUP, nextToken=token) == invalid


def test_late_and_repeated_events(aws):
    now = aws.clock.now_ms()
    first, second = aws.logs.put(GROUP, "s", [(1000, "same"), (1000, "same")])
    aws.logs.put(GROUP, "s", [(1000, "later", None, now + 3_600_000), (1000, "late", None, now)])
    found = client(aws, "logs").filter_log_events(logGroupName=GROUP)
    assert texts([found]) == ["same", "same", "late"] and first != second


def test_patterns_are_terms_or_refused(aws):
    rows = ["a,CONNECT,", "localhost CONNECT", "172.31.0.4 CONNECT", "connect", 'say "CONNECT"']
    aws.logs.put(GROUP, "s", [(1000, row) for row in rows])
    logs = client(aws, "logs")

    def matched(pattern):
        return texts([logs.filter_log_events(logGroupName=GROUP, filterPattern=pattern)])

    assert matched("CONNECT -localhost -172.31") == ["a,CONNECT,", 'say "CONNECT"']
    assert matched('",CONNECT," - "172.31"') == ["a,CONNECT,"]
    assert matched(r'"\"CONNECT\""') == ['say "CONNECT"']
    assert matched("") == rows
    assert matched(r"%CONNECT[^,]*$|^1[0-9]+\.%") == rows[1:3] + rows[4:]
    assert matched(r"%\x22CONNECT%") == rows[4:]
    for pattern in ("?a ?b", "%a%b", "%(a)%", "%a b%", "{ $.a = 1 }", "[a, b]", 'a"b"', "a-b", '"open', "a:b"):
        code, message, _ = refusal(
            logs.filter_log_events, logGroupName=GROUP, filterPattern=pattern
        )
        assert code == "InvalidParameterException" and "Invalid filter pattern" in message


def test_a_page_can_end_without_what_was_looked_for(aws):
    aws.logs.put(GROUP, "s", [(1000, f"row {number}") for number in range(10)])
    aws.logs.page_scan_bytes = 10  # two rows
    logs = client(aws, "logs")
    pages = list(
        logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP, filterPattern="7")
    )
    assert texts(pages) == ["row 7"] and len(pages) == 5


def test_groups_accounts_and_regions(aws):
    aws.logs.put(GROUP, "one", [(1000, "own")])
    aws.logs.put(GROUP, "two", [(1000, "own too")])
    other = aws.logs.arn(GROUP, "us-east-1", "210987654321")
    aws.logs.put(other, "s", [(1000, "other")])
    logs = client(aws, "logs")
    arn = aws.logs.arn(GROUP)
    assert texts([logs.filter_log_events(logGroupIdentifier=arn)]) == ["own", "own too"]
    assert texts([logs.filter_log_events(logGroupName=GROUP, logStreamNames=["two"])]) == [
        "own too"
    ]
    assert texts([logs.filter_log_events(logGroupName=GROUP, logStreamNamePrefix="on")]) == ["own"]
    missing = ("ResourceNotFoundException", "The specified log group does not exist.", 400)
    assert refusal(logs.filter_log_events, logGroupName="/none") == missing
    assert refusal(logs.filter_log_events, logGroupIdentifier=other) == missing
    abroad = client(aws, "logs", region="us-east-1")
    assert refusal(abroad.filter_log_events, logGroupName=GROUP) == missing
    assert texts([abroad.filter_log_events(logGroupIdentifier=other)]) == ["other"]
    for wrong in (
        {},
        {"logGroupName": GROUP, "logGroupIdentifier": arn},
        {"logGroupIdentifier": arn + ":*"},
    ):
        assert refusal(logs.filter_log_events, **wrong)[0] == "InvalidParameterException"
    for wrong in ({"limit": 10_001}, {"startTime": 2, "endTime": 1}):
        code, _, _ = refusal(client(aws, "logs").filter_log_events, logGroupName=GROUP, **wrong)
        assert code == "InvalidParameterException"
    aws.logs.create("/rare", "INFREQUENT_ACCESS")
    code, _, _ = refusal(logs.filter_log_events, logGroupName="/rare")
    assert code == "InvalidOperationException"


def test_other_tools_can_write(aws):
    logs = client(aws, "logs")
    logs.create_log_group(logGroupName="/new")
    assert (
        refusal(logs.create_log_group, logGroupName="/new")[0] == "ResourceAlreadyExistsException"
    )
    logs.create_log_stream(logGroupName="/new", logStreamName="s")
    events = [{"timestamp": 1000, "message": "one"}, {"timestamp": 1000, "message": "two"}]
    logs.put_log_events(logGroupName="/new", logStreamName="s", logEvents=events)
    assert texts([logs.filter_log_events(logGroupName="/new")]) == ["one", "two"]
    described = logs.describe_log_groups(logGroupNamePrefix="/n")["logGroups"]
    assert [(group["logGroupName"], group["storedBytes"]) for group in described] == [("/new", 6)]
    assert described[0]["arn"] == aws.logs.arn("/new") + ":*"


# Signatures


def test_signatures_are_counted(aws):
    client(aws, "sts").get_caller_identity()
    assert (aws.verified, aws.refused) == (1, [])


@pytest.mark.parametrize(
    "service, action, wrong_secret, wrong_key, expired",
    [
        (
            "logs",
            "describe_log_groups",
            ("InvalidSignatureException", 400),
            ("UnrecognizedClientException", 400),
            ("ExpiredTokenException", 400),
        ),
        (
            "sts",
            "get_caller_identity",
            ("SignatureDoesNotMatch", 403),
            ("InvalidClientTokenId", 403),
            ("ExpiredToken", 403),
        ),
    ],
)
def test_wrong_keys_are_refused(aws, service, action, wrong_secret, wrong_key, expired):
    aws.credentials.add("ASIAOLD", "s", "old", expires=aws.clock.now_ms())
    aws.credentials.add("ASIANEW", "s", "new", expires=aws.clock.now_ms() + 60_000)

    def told(**keys):
        code, _, status = refusal(getattr(client(aws, service, **keys), action))
        return code, status

    assert told(secret="wrong") == wrong_secret
    assert told(access_key="AKIAUNKNOWN") == wrong_key
    assert told(access_key="ASIANEW", secret="s", token="other") == wrong_key
    assert told(access_key="ASIANEW", secret="s") == wrong_key
    assert told(access_key="ASIAOLD", secret="s", token="old") == expired
    getattr(client(aws, service, "ASIANEW", "s", "new"), action)()
    assert (aws.verified, len(aws.refused)) == (1, 5)


@pytest.mark.parametrize(
    "minutes, words", [(-6, "Signature expired: "), (6, "Signature not yet current: ")]
)
def test_wrong_time_is_refused(aws, minutes, words):
    body = urlencode({"Action": "GetCallerIdentity", "Version": "2011-06-15"}).encode()
    now = aws.clock.now_ms() + minutes * 60_000
    status, _, answer = post(connect(aws), signed(aws, "sts", FORM, body, now), body)
    assert (
        status == 403
        and b"<Code>SignatureDoesNotMatch</Code>" in answer
        and words.encode() in answer
    )
    status, _, answer = post(connect(aws), signed(aws, "logs", FILTER, b"{}", now), b"{}")
    told = json.loads(answer)
    assert status == 400 and told["__type"] == "InvalidSignatureException"
    assert told["message"].startswith(words) and told["message"].endswith(" 5 min.)")


def test_what_must_be_signed_is_signed(aws):
    def told(headers, body=b"{}"):
        return json.loads(post(connect(aws), headers, body)[2])["__type"]

    good = signed(aws, "logs", FILTER, b"{}")
    assert told(good) == "InvalidParameterException"
    assert (
        told(good | {"X-Amz-Target": "Logs_20140328.DescribeLogGroups"})
        == "InvalidSignatureException"
    )
    assert told(good, b"{ }") == "InvalidSignatureException"
    unsigned = signed(aws, "logs", {"Content-Type": FILTER["Content-Type"]}, b"{}") | FILTER
    assert told(unsigned) == "InvalidSignatureException"
    assert told(signed(aws, "sns", FILTER, b"{}")) == "InvalidSignatureException"
    digest = hashlib.sha256(b"other").hexdigest()
    forged = signed(aws, "logs", FILTER | {"X-Amz-Content-SHA256": digest}, b"{}")
    assert told(forged) == "InvalidSignatureException"
    del good["Authorization"]
    assert told(good) == "MissingAuthenticationTokenException"
    assert told(good | {"Authorization": "Bearer x"}) == "IncompleteSignatureException"


# CloudWatch


def test_put_metric_data(aws):
    cloudwatch = client(aws, "cloudwatch")
    dimensions = [{"Name": "Agent", "Value": "bastion a"}]
    datum = {"MetricName": "Heartbeat", "Dimensions": dimensions, "Value": 1, "Unit": "Count"}
    cloudwatch.put_metric_data(Namespace="tailgate", MetricData=[datum, {"MetricName": "x", "Value": 0.5}])
    first, second = aws.cloudwatch.values
    assert (first.namespace, first.name, first.value, first.unit) == ("tailgate", "Heartbeat", 1, "Count")
    assert first.dimensions == {"Agent": "bastion a"} and first.region == aws.region
    assert (second.name, second.value, second.unit, second.dimensions) == ("x", 0.5, None, {})


@pytest.mark.parametrize(
    "space, datum",
    [
        ("AWS/Logs", {}),
        ("", {}),
        ("tailgate", {"MetricName": ":x"}),
        ("tailgate", {"Unit": "Beats"}),
        ("tailgate", {"Value": 2.0**400}),
        ("tailgate", {"Dimensions": [{"Name": "Agent", "Value": " "}]}),
        ("tailgate", {"Dimensions": [{"Name": "Agent", "Value": "é"}]}),
    ],
)
def test_put_metric_data_refuses(aws, space, datum):
    asked = {"MetricName": "x", "Value": 1} | datum
    put = client(aws, "cloudwatch").put_metric_data
    assert refusal(put, Namespace=space, MetricData=[asked])[0] == "InvalidParameterValue"
    assert not aws.cloudwatch.values


# SNS


def test_publish(aws):
    topic = aws.sns.create("alerts")
    seen = []
    aws.sns.on_accept = seen.append
    sns = client(aws, "sns")
    attributes = {
        "severity": {"DataType": "String", "StringValue": "high & <low>"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    answer = sns.publish(
        TopicArn=topic, Subject="Who", Message="a+b & é\n", MessageAttributes=attributes
    )
    (message,) = aws.sns.messages
    assert (
        seen == [message] and answer["MessageId"] == message.id and "SequenceNumber" not in answer
    )
    assert (message.topic, message.subject, message.message) == (topic, "Who", "a+b & é\n")
    assert message.attributes == {"severity": "high & <low>", "raw": b"\x00\xff"}
    assert message.attribute_types == {"severity": "String", "raw": "Binary"}


@pytest.mark.parametrize(
    "asked, code",
    [
        ({"Subject": "x" * 101}, "InvalidParameter"),
        ({"Subject": "two\nlines"}, "InvalidParameter"),
        ({"Message": "é" * 131_073}, "InvalidParameter"),
        ({"Message": ""}, "InvalidParameter"),
        ({"MessageStructure": "json", "Message": '{"email": "x"}'}, "InvalidParameter"),
        ({"MessageStructure": "json", "Message": "{"}, "InvalidParameter"),
        ({"MessageDeduplicationId": "x"}, "InvalidParameter"),
        ({"TopicArn": "arn:aws:sns:us-east-1:123456789012:alerts"}, "InvalidParameter"),
        ({"TopicArn": "arn:aws:sns:eu-west-1:123456789012:none"}, "NotFound"),
        (
            {"MessageAttributes": {"a": {"DataType": "String", "StringValue": ""}}},
            "ParameterValueInvalid",
        ),
    ],
)
def test_publish_refuses(aws, asked, code):
    topic = aws.sns.create("alerts")
    sns = client(aws, "sns")
    assert refusal(sns.publish, **({"TopicArn": topic, "Message": "x"} | asked))[0] == code
    assert not aws.sns.messages


def test_fifo_topics_swallow_repeats(aws):
    topic = aws.sns.create("alerts.fifo")
    sns = client(aws, "sns")

    def publish(deduplication_id, group_id="g"):
        return sns.publish(
            TopicArn=topic,
            Message="m",
            MessageGroupId=group_id,
            MessageDeduplicationId=deduplication_id,
        )

    first, again, other = publish("1"), publish("1", "h"), publish("2")
    assert again["MessageId"] == first["MessageId"] != other["MessageId"]
    assert again["SequenceNumber"] == first["SequenceNumber"] < other["SequenceNumber"]
    assert [m.duplicate_of for m in aws.sns.messages] == [None, first["MessageId"], None]
    assert [m.deduplication_id for m in aws.sns.delivered] == ["1", "2"]
    for message in aws.sns.messages:
        message.accepted_ms -= 5 * 60 * 1000
    publish("1")
    assert aws.sns.messages[-1].duplicate_of is None
    for wrong in ({}, {"MessageGroupId": "g"}):
        assert refusal(sns.publish, TopicArn=topic, Message="m", **wrong)[0] == "InvalidParameter"
    by_content = aws.sns.create("content.fifo", content_based_deduplication=True)
    for _ in range(2):
        sns.publish(TopicArn=by_content, Message="m", MessageGroupId="g")
    assert aws.sns.messages[-1].duplicate_of == aws.sns.messages[-2].id


def test_publish_batch(aws):
    topic = aws.sns.create("alerts")
    sns = client(aws, "sns")
    entries = [{"Id": "a", "Message": "one"}, {"Id": "b", "Message": "two", "Subject": "\x07"}]
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["a"]
    assert [(entry["Id"], entry["SenderFault"]) for entry in answer["Failed"]] == [("b", True)]
    assert [message.message for message in aws.sns.messages] == ["one"]
    for wrong, code in (
        ([{"Id": "a", "Message": "x"}] * 2, "BatchEntryIdsNotDistinct"),
        ([{"Id": "a b", "Message": "x"}], "InvalidBatchEntryId"),
        ([{"Id": str(n), "Message": "x"} for n in range(11)], "TooManyEntriesInBatchRequest"),
        ([{"Id": str(n), "Message": "x" * 100_000} for n in range(3)], "BatchRequestTooLong"),
    ):
        told, _, _ = refusal(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=wrong)
        assert told == code


# STS and the endpoints that hand out credentials


def test_identity_and_roles(aws):
    identity = client(aws, "sts").get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == (
        aws.account,
        f"arn:aws:iam::{aws.account}:user/tailgate",
    )
    role = "arn:aws:iam::210987654321:role/ops/tailgate-read"
    aws.sts.add_role(role, external_id="x1")
    sts = client(aws, "sts")
    asked = {"RoleArn": role, "RoleSessionName": "me", "ExternalId": "x1"}
    keys = sts.assume_role(**asked)["Credentials"]
    session = keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]
    identity = client(aws, "sts", *session).get_caller_identity()
    assert identity["Arn"] == "arn:aws:sts::210987654321:assumed-role/tailgate-read/me"
    aws.logs.put(aws.logs.arn(GROUP, account="210987654321"), "s", [(1, "theirs")])
    assert texts([client(aws, "logs", *session).filter_log_events(logGroupName=GROUP)]) == [
        "theirs"
    ]
    code, message, status = refusal(sts.assume_role, **(asked | {"ExternalId": "x2"}))
    assert (code, status) == ("AccessDenied", 403)
    assert f"is not authorized to perform: sts:AssumeRole on resource: {role}" in message
    assert refusal(sts.assume_role, **asked, DurationSeconds=900 * 60)[0] == "ValidationError"


def test_web_identity_needs_no_signature(aws):
    role = "arn:aws:iam::123456789012:role/pod"
    aws.sts.add_role(role, web_identity_token="jwt-of-the-pod")
    sts = client(aws, "sts")
    asked = {"RoleArn": role, "RoleSessionName": "me"}
    keys = sts.assume_role_with_web_identity(**asked, WebIdentityToken="jwt-of-the-pod")[
        "Credentials"
    ]
    session = keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]
    assert client(aws, "sts", *session).get_caller_identity()["Arn"].endswith("assumed-role/pod/me")
    refused = refusal(sts.assume_role_with_web_identity, **asked, WebIdentityToken="jwt-of-another")
    assert refused[0] == "InvalidIdentityToken"


def test_imds_version_2_only(aws, monkeypatch):
    connection = connect(aws)

    def ask(method, path, **headers):
        connection.request(
            method, path, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        response = connection.getresponse()
        return response.status, response.read().decode()

    roles = "/latest/meta-data/iam/security-credentials/"
    assert ask("GET", roles)[0] == 401
    assert ask("PUT", "/latest/api/token")[0] == 400
    seconds = {"X_aws_ec2_metadata_token_ttl_seconds": "60"}
    assert ask("PUT", "/latest/api/token", X_Forwarded_For="10.0.0.1", **seconds)[0] == 403
    status, token = ask("PUT", "/latest/api/token", **seconds)
    assert status == 200
    shown = {"X_aws_ec2_metadata_token": token}
    assert ask("GET", "/latest/meta-data/placement/region", **shown) == (200, "eu-west-1")
    assert ask("GET", roles, **shown) == (200, "tailgate")
    assert ask("GET", roles + "other", **shown)[0] == 404
    assert ask("GET", roles, X_aws_ec2_metadata_token="wrong")[0] == 401
    keys = json.loads(ask("GET", roles + "tailgate", **shown)[1])
    assert keys["Code"] == "Success" and keys["AccessKeyId"].startswith("ASIA")
    assert keys == json.loads(ask("GET", roles + "tailgate", **shown)[1])
    aws.imds.keys.forget()
    assert keys != json.loads(ask("GET", roles + "tailgate", **shown)[1])
    assert_botocore_finds_credentials(
        aws, monkeypatch, aws.imds_environment(), "i-0123456789abcdef0"
    )
    assert "AWS_EC2_METADATA_DISABLED" not in aws.imds_environment()
    aws.imds.role = None
    assert ask("GET", roles, **shown)[0] == 404


def test_container_endpoint(aws, monkeypatch):
    environment = aws.container_environment()
    connection = connect(aws)
    for authorization in ("wrong", ""):
        connection.request(
            "GET", "/v2/credentials/tailgate", headers={"Authorization": authorization}
        )
        response = connection.getresponse()
        response.read()
        assert response.status == 401
    assert_botocore_finds_credentials(aws, monkeypatch, environment, "task")


def assert_botocore_finds_credentials(aws, monkeypatch, environment, session):
    """With this environment alone botocore gets keys that are good for a call."""
    for name in [name for name in os.environ if name.upper().endswith("_PROXY")]:
        monkeypatch.delenv(name)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    made = botocore.session.get_session().create_client(
        "sts", region_name=environment["AWS_REGION"], endpoint_url=environment["AWS_ENDPOINT_URL"]
    )
    arn = made.get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{aws.account}:assumed-role/tailgate/{session}"


# Faults


@pytest.mark.parametrize(
    "fault, code, status",
    [
        ("throttle", "ThrottlingException", 400),
        ("service_unavailable", "ServiceUnavailableException", 503),
        ("internal_error", "InternalFailure", 500),
        ("expired_token", "ExpiredTokenException", 400),
        ("access_denied", "AccessDeniedException", 400),
        ("log_class", "InvalidOperationException", 400),
    ],
)
def test_errors_of_logs(aws, fault, code, status):
    aws.logs.put(GROUP, "s", [(1000, "x")])
    aws.faults.add("logs", "FilterLogEvents", fault)
    logs = client(aws, "logs")
    told = refusal(logs.filter_log_events, logGroupName=GROUP)
    assert (told[0], told[2]) == (code, status)
    if fault == "access_denied":
        assert told[1] == (
            "User: arn:aws:iam::123456789012:user/tailgate is not authorized to perform: "
            "logs:FilterLogEvents on resource: arn:aws:logs:eu-west-1:123456789012:log-group:"
            f"{GROUP}:log-stream: because no identity-based policy allows the "
            "logs:FilterLogEvents action"
        )
    assert texts([logs.filter_log_events(logGroupName=GROUP)]) == ["x"]
    assert [(c.status, c.error, c.fault) for c in aws.requests] == [
        (status, code, fault),
        (200, None, None),
    ]


@pytest.mark.parametrize(
    "fault, code, status",
    [
        ("throttle", "Throttling", 400),
        ("throttled", "Throttled", 429),
        ("service_unavailable", "ServiceUnavailable", 503),
        ("internal_error", "InternalError", 500),
        ("expired_token", "ExpiredToken", 403),
        ("access_denied", "AuthorizationError", 403),
        ("kms_throttling", "KMSThrottling", 400),
        ("kms_access_denied", "KMSAccessDenied", 400),
        ("topic_not_found", "NotFound", 404),
    ],
)
def test_errors_of_sns(aws, fault, code, status):
    topic = aws.sns.create("alerts")
    aws.faults.add("sns", "Publish", fault)
    told = refusal(client(aws, "sns").publish, TopicArn=topic, Message="x")
    assert (told[0], told[2]) == (code, status) and not aws.sns.messages
    if fault == "access_denied":
        assert f"is not authorized to perform: SNS:Publish on resource: {topic} because" in told[1]


def test_storms_come_many_at_a_time(aws):
    aws.logs.put(GROUP, "s", [(1000, "x")])
    storms = (("throttle_storm", [400] * 20), ("server_error_burst", [500, 503] * 10))
    for fault, statuses in storms:
        entry = aws.faults.add("logs", "*", fault)
        assert [read_page(aws)[0] for _ in range(21)] == [*statuses, 200]
        assert entry.used == 20
    aws.faults.add("logs", "*", "throttle_storm", times=2)
    assert [read_page(aws)[0] for _ in range(3)] == [400, 400, 200]


def test_odd_pages(aws):
    aws.logs.put(GROUP, "s", [(1000, "a"), (1000, "b"), (1001, "c")])
    pages = client(aws, "logs").get_paginator("filter_log_events")

    def read():
        return [texts([page]) for page in pages.paginate(logGroupName=GROUP)]

    aws.faults.add("logs", "FilterLogEvents", "empty_page", times=2)
    assert read() == [[], [], ["a", "b", "c"]]
    aws.faults.add("logs", "FilterLogEvents", "short_page")
    assert read() == [["a"], ["b", "c"]]
    aws.faults.add("logs", "FilterLogEvents", "duplicate_delivery", after=1)
    aws.faults.add("logs", "FilterLogEvents", "short_page")
    assert read() == [["a"], ["b", "b", "c", "c"]]
    aws.logs.create("/empty")
    aws.faults.add("logs", "FilterLogEvents", "empty_page")
    assert "nextToken" in client(aws, "logs").filter_log_events(logGroupName="/empty")


def test_an_expiring_token_strikes_only_calls_with_one(aws):
    aws.logs.put(GROUP, "s", [(1000, "a"), (1000, "b")])
    aws.logs.page_events = 1
    aws.faults.add("logs", "FilterLogEvents", "expiring_token")
    logs = client(aws, "logs")
    token = logs.filter_log_events(logGroupName=GROUP)["nextToken"]
    code, message, _ = refusal(logs.filter_log_events, logGroupName=GROUP, nextToken=token)
    assert code == "InvalidParameterException" and "nextToken" in message
    assert texts([logs.filter_log_events(logGroupName=GROUP, nextToken=token)]) == ["b"]


def test_a_batch_fails_in_part(aws):
    topic = aws.sns.create("alerts")
    aws.faults.add("sns", "*", "partial_batch")
    sns = client(aws, "sns")
    sns.publish(TopicArn=topic, Message="alone")
    entries = [{"Id": name, "Message": name} for name in "abcd"]
    for failing in ("bd", ""):
        answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
        assert {entry["Id"] for entry in answer["Failed"]} == set(failing)
        assert all(
            (entry["Code"], entry["SenderFault"]) == ("InternalError", False)
            for entry in answer["Failed"]
        )
        assert {entry["Id"] for entry in answer["Successful"]} == set("abcd") - set(failing)
    assert [message.message for message in aws.sns.messages] == ["alone", *"ac", *"abcd"]


def test_odd_rows():
    a, b, c = plain = [(1000, "a"), (2000, "b"), (2500, "c")]
    assert {name: make(plain) for name, make in rows.NAMED.items()} == {
        "late": [(*a, 181_000, 181_000), (*b, 182_000, 182_000), (*c, 182_500, 182_500)],
        "readable_after_delay": [(*a, 1000, 181_000), (*b, 2000, 182_000), (*c, 2500, 182_500)],
        "same_millisecond": [(1000, "a"), (1000, "b"), (1000, "c")],
        "out_of_order": [(*a, 4000, 4000), (*b, 3000, 3000), (*c, 2500, 2500)],
        "duplicate_delivery": [a, a, b, b, c, c],
    }


def test_odd_rows_are_read_when_they_can_be():
    with Loopback(base_ms=1_000_000_000_000, speed=100) as aws:
        now = aws.clock.now_ms() + 10_000
        aws.logs.put(GROUP, "s", rows.out_of_order([(now, "first"), (now + 60_000, "last")]))
        aws.logs.put(GROUP, "s", rows.duplicate_delivery(rows.same_millisecond([(now, "twin")])))
        read = []
        while len(read) < 4:
            read = texts([json.loads(read_page(aws)[2])])
            assert "first" not in read or "last" in read
        assert read == ["twin", "twin", "first", "last"]


def test_which_calls_meet_a_fault(aws):
    aws.logs.put(GROUP, "s", [(1000, "x")])
    entry = aws.faults.add("logs", "*", "throttle", times=2, after=1)
    aws.faults.add(
        "logs", "*", "internal_error", times=None, when=lambda call: "limit" in call.parameters
    )
    assert [read_page(aws)[0] for _ in range(4)] == [200, 400, 400, 200]
    assert entry.used == 2
    for _ in range(2):
        code, _, _ = refusal(client(aws, "logs").filter_log_events, logGroupName=GROUP, limit=1)
        assert code == "InternalFailure"
    aws.faults.clear()
    client(aws, "logs").filter_log_events(logGroupName=GROUP, limit=1)


def test_a_fault_does_not_hide_a_bad_signature(aws):
    aws.faults.add("logs", "*", "throttle")
    code, _, _ = refusal(client(aws, "logs", secret="wrong").describe_log_groups)
    assert code == "InvalidSignatureException"


@pytest.mark.parametrize(
    "fault, error",
    [
        ("cut_connection", http.client.RemoteDisconnected),
        ("lost_response", http.client.RemoteDisconnected),
        ("reset_connection", ConnectionResetError),
        ("cut_body", http.client.IncompleteRead),
    ],
)
def test_cut_answers(aws, fault, error):
    aws.logs.put(GROUP, "s", [(1000, "x")])
    connection = connect(aws)
    assert read_page(aws, connection)[0] == 200
    aws.faults.add("logs", "*", fault)
    with pytest.raises(error) as raised:
        read_page(aws, connection)
    assert raised.type is error  # RemoteDisconnected is a ConnectionResetError too.
    connection.close()
    assert read_page(aws, connection)[0] == 200
    assert [call.connection for call in aws.requests] == [1, 1, 2]
    assert [call.fault for call in aws.requests] == [None, fault, None]


def test_lost_response_is_accepted(aws):
    topic = aws.sns.create("alerts")
    aws.faults.add("sns", "Publish", "lost_response")
    body = urlencode(
        {"Action": "Publish", "Version": "2010-03-31", "TopicArn": topic, "Message": "once"}
    ).encode()
    headers = signed(aws, "sns", FORM, body)
    with pytest.raises(http.client.RemoteDisconnected):
        post(connect(aws), headers, body)
    assert [message.message for message in aws.sns.messages] == ["once"]


def test_unreadable_bodies(aws):
    aws.logs.put(GROUP, "s", [(1000, "x")])
    connection = connect(aws)
    for fault in ("not_json", "empty_body", "half_body"):
        aws.faults.add("logs", "*", fault)
        status, _, body = read_page(aws, connection)
        assert status == 200
        with pytest.raises(ValueError):
            json.loads(body)
    for declared in (True, False):
        aws.faults.add("logs", "*", faults.HugeBody(size=1 << 20, declared=declared))
        _, headers, body = read_page(aws, connection)
        assert len(body) == 1 << 20 and ("Content-Length" in headers) is declared
    aws.faults.add("logs", "*", "huge_body")
    connection.request("POST", "/", b"{}", signed(aws, "logs", FILTER, b"{}"))
    assert connection.getresponse().headers["Content-Length"] == str(64 << 20)
    connection.close()


@pytest.mark.parametrize("fault", ["slow", "stall"])
def test_held_back_answers(aws, fault):
    aws.logs.put(GROUP, "s", [(1000, "x")])
    entry = aws.faults.add("logs", "*", fault)
    answers = []
    reader = threading.Thread(target=lambda: answers.append(read_page(aws)))
    reader.start()
    aws.wait_for(lambda: entry.used)
    assert not answers
    entry.release()
    reader.join()
    assert answers[0][0] == 200 and b'"x"' in answers[0][2]


def test_close_does_not_wait_for_what_is_held_back():
    loopback = Loopback()
    loopback.faults.add("*", "*", "stall", times=None)
    connection = connect(loopback)
    connection.request("GET", "/latest/meta-data/")
    loopback.wait_for(lambda: loopback.requests)
    loopback.close()
    connection.close()


def test_what_the_dead_asked_is_handled(aws):
    topic = aws.sns.create("alerts")
    body = urlencode(
        {"Action": "Publish", "Version": "2010-03-31", "TopicArn": topic, "Message": "last words"}
    ).encode()
    for number in range(1, 20):
        connection = connect(aws)
        connection.request("POST", "/", body, signed(aws, "sns", FORM, body))
        connection.close()
        aws.drain()
        assert len(aws.sns.messages) == number


def test_skewed_clock(aws):
    aws.faults.add("logs", "*", faults.SkewedClock(3600))
    aws.faults.add("logs", "*", faults.SkewedClock(-3600))
    aws.faults.add("logs", "*", faults.SkewedClock(-60))
    for words, seconds in ((b"Signature expired", 3600), (b"Signature not yet current", -3600)):
        status, headers, body = read_page(aws)
        told = parsedate_to_datetime(headers["Date"]).timestamp()
        assert status == 400 and words in body
        assert abs(told - time.time() - seconds) < 30
    assert b"ResourceNotFoundException" in read_page(aws)[2]


def test_missing_date_and_redirect(aws):
    aws.faults.add("logs", "*", "missing_date")
    assert "Date" not in read_page(aws)[1]
    aws.faults.add("logs", "*", faults.redirect("http://127.0.0.1:9/"))
    status, headers, _ = read_page(aws)
    assert (status, headers["Location"]) == (302, "http://127.0.0.1:9/")


def test_faults_of_metadata_endpoints(aws):
    aws.faults.add("imds", "token", "service_unavailable")
    aws.faults.add("container", "credentials", "throttle")
    for method, path, expected in (
        ("PUT", "/latest/api/token", 503),
        ("GET", "/v2/credentials/tailgate", 429),
    ):
        connection = connect(aws)
        connection.request(method, path)
        assert connection.getresponse().status == expected
        connection.close()


def test_every_named_fault_can_be_made():
    for name, make in faults.NAMED.items():
        assert make().name == name


# The whole


def test_clock_is_shared_and_fast():
    with Loopback(base_ms=1_000_000_000_000, speed=3600) as aws:
        real, virtual, speed = map(int, aws.environment()["TAILGATE_TEST_CLOCK"].split(","))
        assert (virtual, speed) == (1_000_000_000_000, 3600)
        computed = virtual + (time.time_ns() // 1_000_000 - real) * speed
        assert abs(aws.clock.now_ms() - computed) < 3_600_000
        now = aws.clock.now_ms()
        aws.logs.put(GROUP, "s", [(now, "soon", None, now + 20 * 60_000)])
        assert b'"events":[]' in read_page(aws)[2]
        time.sleep(aws.clock.real_seconds_until(now + 20 * 60_000))
        assert b'"soon"' in read_page(aws)[2]
        assert not aws.refused


def test_wait_for_tells_what_happened(aws):
    threading.Thread(target=read_page, args=(aws,)).start()
    assert aws.wait_for(lambda: aws.calls("logs", "FilterLogEvents"))[0].parameters == {
        "logGroupName": GROUP
    }
    with pytest.raises(TimeoutError, match="ResourceNotFoundException"):
        aws.wait_for(lambda: False, timeout=0.01)


def test_many_connections_at_once(aws):
    aws.logs.put(GROUP, "s", [(1000, "x")])
    threads = [threading.Thread(target=read_page, args=(aws,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [call.status for call in aws.requests] == [200] * 20
    assert {call.connection for call in aws.requests} == set(range(1, 21))


def test_what_is_not_imitated_is_said(aws):
    assert refusal(client(aws, "sns").list_topics)[0] == "InvalidAction"
    assert refusal(client(aws, "logs").describe_metric_filters)[0] == "UnknownOperationException"
    connection = connect(aws)
    connection.request("GET", "/elsewhere")
    assert connection.getresponse().status == 404
    assert post(connect(aws), FORM, b"Version=2010-03-31&Action=Publish")[0] == 403


@pytest.mark.parametrize("packed", [False, True])
def test_serve(tmp_path, packed):
    feed = tmp_path / ("feed.gz" if packed else "feed")
    content = b"first\r\n\nb\xffd\nlast, without an end"
    feed.write_bytes(gzip.compress(content) if packed else content)
    ports, messages = tmp_path / "environment", tmp_path / "messages"
    command = [sys.executable, str(Path(__file__).with_name("serve.py")), "--port-file", str(ports)]
    command += ["--feed", str(feed), "--rate", "0", "--messages", str(messages)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = [process.stderr.readline(), process.stderr.readline()]
            assert "serving" in said[0] and "fed 3 lines" in said[1] and "left out 1" in said[1]
            shell = (
                f'. "{ports}" && echo "$AWS_ENDPOINT_URL $TAILGATE_LOG_GROUP $TAILGATE_TOPIC_ARN"'
            )
            sourced = subprocess.run(
                ["sh", "-c", shell], capture_output=True, text=True, check=True
            )
            url, group, topic = sourced.stdout.split()
            place = type("Place", (), {"url": url, "region": "eu-west-1"})
            found = client(place, "logs").filter_log_events(logGroupName=group)
            assert texts([found]) == ["first\r", "b\ufffdd", "last, without an end"]
            client(place, "sns").publish(TopicArn=topic, Message="told")
            assert json.loads(messages.read_text())["message"] == "told"
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stderr.read() == ""

# SPDX-License-Identifier: Apache-2.0
"""CloudWatch: PutMetricData, as far as single values go.

Formats and rules: Amazon CloudWatch API Reference, PutMetricData, MetricDatum and
Dimension.
"""

import re
from dataclasses import dataclass

from .services import QueryService, members

PARAMETERS = {"Action", "Version", "Namespace"}
FIELDS = {"MetricName", "Timestamp", "Value", "Unit", "StorageResolution"}
UNITS = {"Seconds", "Milliseconds", "Bytes", "Percent", "Count", "Count/Second", "None"}
TEXT = re.compile(r"(?!:)(?=.*[!-~])[ -~]{1,255}")
MAX_DATA = 1000
MAX_DIMENSIONS = 30


@dataclass
class Value:
    """One value that was put; arrived_ms is its time unless it brought one."""

    namespace: str
    name: str
    dimensions: dict
    value: float
    unit: str | None
    timestamp: str | None
    region: str
    arrived_ms: int


class CloudWatch(QueryService):
    """values holds what was put, in order."""

    name = "cloudwatch"
    version = "2010-08-01"
    namespace = "http://monitoring.amazonaws.com/doc/2010-08-01/"
    signing_name = "monitoring"
    permission_prefix = "cloudwatch"
    conditions = QueryService.conditions | {
        "internal_error": ("InternalServiceError", 500),
        "invalid_parameter": ("InvalidParameterValue", 400),
    }

    def __init__(self, aws):
        super().__init__(aws)
        self.values = []

    def _put_metric_data(self, call):
        asked = call.parameters
        space = asked.get("Namespace", "")
        if not TEXT.fullmatch(space) or space.startswith("AWS/"):
            raise self._invalid("Namespace")
        unknown = {name for name in asked if not name.startswith("MetricData.")} - PARAMETERS
        if unknown:
            raise self._invalid(", ".join(sorted(unknown)))
        data = members(asked, "MetricData.member")
        if not 1 <= len(data) <= MAX_DATA:
            raise self._invalid("MetricData")
        self.values += [self._value(call, space, datum) for datum in data]

    def _value(self, call, space, datum):
        dimensions = {}
        for entry in members(datum, "Dimensions.member"):
            name, value = entry.get("Name", ""), entry.get("Value", "")
            if not TEXT.fullmatch(name) or not TEXT.fullmatch(value) or name in dimensions:
                raise self._invalid("Dimensions")
            dimensions[name] = value
        unknown = {name for name in datum if not name.startswith("Dimensions.")} - FIELDS
        if unknown or len(dimensions) > MAX_DIMENSIONS:
            raise self._invalid(", ".join(sorted(unknown)) or "Dimensions")
        if not TEXT.fullmatch(datum.get("MetricName", "")):
            raise self._invalid("MetricName")
        if datum.get("Unit", "None") not in UNITS:
            raise self._invalid("Unit")
        try:
            value = float(datum.get("Value", ""))
        except ValueError:
            raise self._invalid("Value") from None
        if not -(2.0**360) <= value <= 2.0**360:
            raise self._invalid("Value")
        return Value(
            space,
            datum["MetricName"],
            dimensions,
            value,
            datum.get("Unit"),
            datum.get("Timestamp"),
            call.region,
            self.aws.clock.now_ms(),
        )

    def _invalid(self, what):
        return self.error("invalid_parameter", f"The value of {what} is missing or not valid.")

    actions = {"PutMetricData": _put_metric_data}

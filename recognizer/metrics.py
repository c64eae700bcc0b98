"""Prometheus metrics of reading."""

from prometheus_client import Counter, Gauge, Histogram

READINGS = Counter("digit_readings_total", "Pictures read, by outcome", ["outcome"])
READING_SECONDS = Histogram(
    "digit_reading_seconds",
    "Seconds from bytes to reading",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
)
STAGE_SECONDS = Histogram(
    "digit_stage_seconds",
    "Seconds of the stages after the reading: encode, image, row",
    ["stage"],
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 20),
)
RESPONSES = Counter("digit_responses_total", "Answers, by status", ["status"])
WAITING = Gauge("digit_waiting", "Requests that wait for a thread", multiprocess_mode="livesum")
REFUSED = Counter("digit_refused_total", "Requests turned away before anything read them, by reason", ["reason"])
SERVING = Gauge("digit_serving", "Processes that serve a version", ["version"], multiprocess_mode="livesum")

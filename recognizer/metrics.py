"""What Prometheus is told of the reading."""

from prometheus_client import Counter, Histogram, Info

READINGS = Counter("digit_readings_total", "Pictures read, by outcome", ["outcome"])
READING_SECONDS = Histogram(
    "digit_reading_seconds",
    "Seconds from bytes to reading",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
)
REFUSED = Counter("digit_refused_total", "Requests turned away before anything read them, by reason", ["reason"])
SERVING = Info("digit_serving", "The version this process serves")

"""The dashboard in `deploy/` matches the metrics that the site exports."""

import json
import re

from django.conf import settings
from prometheus_client.metrics import MetricWrapperBase

from recognizer import metrics


def exported() -> dict[str, set[str]]:
    """Name every series of the site's metrics with its labels."""
    found: dict[str, set[str]] = {}
    for kept in vars(metrics).values():
        if not isinstance(kept, MetricWrapperBase):
            continue
        (told,) = kept.describe()
        labels = set(kept._labelnames)
        endings = {
            "counter": {"_total": set()},
            "histogram": {"_bucket": {"le"}, "_count": set(), "_sum": set()},
            "gauge": {"": set()},
        }
        found |= {told.name + ending: labels | more for ending, more in endings[told.type].items()}
    return found


def test_grafana_dashboard_uses_exactly_the_exported_metrics() -> None:
    board = json.loads((settings.BASE_DIR / "deploy" / "grafana.json").read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    series = exported()
    for expression in asked:
        (name,) = re.findall(r"\bdigit_\w+", expression)
        assert name in series, expression
        grouped = re.findall(r"by \(([^)]+)\)", expression)
        assert set(", ".join(grouped).replace(" ", "").split(",")) - {""} <= series[name], expression
    shown = " ".join(asked)
    assert all(name.rsplit("_", 1)[0] in shown for name in series)

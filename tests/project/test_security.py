"""SECURITY.md names tests and settings that exist, and each line of the standard once."""

import re
from pathlib import Path

from django.conf import settings as site

ROOT = Path(site.BASE_DIR)
SECURITY = (ROOT / "SECURITY.md").read_text()


def test_security_names_tests_that_exist() -> None:
    named = re.findall(r"`(tests/[^`]+)`", SECURITY)
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_security_names_settings_that_exist() -> None:
    named = set(re.findall(r"`([A-Z]{3,}_[A-Z_]+)`", SECURITY))
    assert [name for name in named if not hasattr(site, name)] == []


def test_security_has_each_line_of_chapters_7_and_8_once() -> None:
    lines = re.findall(r"^\| (\d\.\d\.\d) .* \| (yes|partly|no|operator) \| .+ \|$", SECURITY, re.MULTILINE)
    chapters = [number for number, _ in lines if number[0] in "78"]
    told = {"7.1": 4, "7.2": 2, "7.4": 3, "8.1": 4, "8.2": 3, "8.3": 8}
    # 7.3.2 was removed from the standard.
    expected = [f"{part}.{number}" for part, count in told.items() for number in range(1, count + 1)]
    assert chapters == sorted([*expected, "7.3.1", "7.3.3", "7.3.4"])

"""The README says what is so: its examples run as they stand, and its tables are the code's."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.contrib.auth.models import User
from django.core.management import get_commands
from django.template.loader import render_to_string
from rest_framework import exceptions

from benchmarks.publishing import RESULTS, block
from keys.models import Key
from keys.views import EXAMPLES
from recognizer.models import LONGEST_TEXT
from recognizer.reading import MAX_BYTES, MAX_PIXELS, Reason
from recognizer.serving import install_shipped_version
from training import report

README = (Path(site.BASE_DIR) / "README.md").read_text()
ADDRESS, TOKEN = "http://127.0.0.1:8000/api/v1/predictions/", "YOUR_TOKEN"
LANGUAGES = {"curl": "sh", "python": "python", "javascript": "js"}
COMMANDS = {"curl": ["sh"], "python": [sys.executable, "-"], "javascript": ["node", "--input-type=module"]}
NEEDED = {"curl": "curl", "javascript": "node"}


def section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, f"no section {title}"
    return found[1]


def example(slug: str) -> str:
    found = re.search(rf"^```{LANGUAGES[slug]}\n(.*?)^```", section("API"), re.MULTILINE | re.DOTALL)
    assert found, f"no example for {slug}"
    return found[1]


@pytest.mark.parametrize("shown", EXAMPLES, ids=lambda shown: shown["slug"])
def test_the_examples_are_those_the_site_shows(shown: dict[str, str]) -> None:
    on_site = render_to_string(shown["template"], {"address": ADDRESS, "token": TOKEN})
    assert example(shown["slug"]).strip() == on_site.strip()


@pytest.mark.parametrize("slug", LANGUAGES)
def test_the_examples_read_a_digit(
    slug: str, transactional_db: None, live_server: Any, tmp_path: Path, mnist_pictures: dict[int, bytes]
) -> None:
    if slug in NEEDED and shutil.which(NEEDED[slug]) is None:
        assert not os.environ.get("CI"), f"{NEEDED[slug]} is absent, and CI must not skip it"
        pytest.skip(f"{NEEDED[slug]} is not on this machine")
    install_shipped_version()
    token = Key.objects.issue(User.objects.create_user("reader of the README"))[1]
    (tmp_path / "digits.png").write_bytes(mnist_pictures[7])
    code = example(slug).replace(ADDRESS, f"{live_server.url}/api/v1/predictions/").replace(TOKEN, token)
    done = subprocess.run(COMMANDS[slug], cwd=tmp_path, input=code, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    text = json.loads(done.stdout)["text"] if slug == "curl" else done.stdout.strip()
    assert text == "7"


def test_the_calls_are_those_of_the_schema(client: Any) -> None:
    told = {path.replace("ID", "{id}") for path in re.findall(r"`[A-Z`, ]*(/api/v1/\S*?/)`", section("API"))}
    paths = set(client.get("/api/v1/schema/").json()["paths"])
    assert told - {"/api/v1/docs/", "/api/v1/schema/"} == paths


def test_the_limits_are_those_of_the_code() -> None:
    told = section("Limits").replace(",", "")
    rates = site.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    row = " | ".join(rates[kind].removesuffix("/min") for kind in ("store", "preview", "flag", "look", "batch"))
    assert f"| {row} |" in told
    assert f"{MAX_BYTES // 1024**2} MB and {MAX_PIXELS // 10**6} megapixels" in told
    assert f"{LONGEST_TEXT} characters" in told


def test_every_code_of_an_error_is_listed() -> None:
    listed = set(re.findall(r"`([a-z0-9_]+)`", section("API").partition("Errors are JSON")[2]))
    sources = [
        file
        for room in ("recognizer", "batches", "keys", "digitsite")
        for file in (Path(site.BASE_DIR) / room).rglob("*.py")
    ]
    code = "\n".join(path.read_text() for path in sources)
    written = set(re.findall(r'UnreadableImage\(\s*"(\w+)"', code))
    written |= set(re.findall(r'(?:BadPicture|RequestTooLarge)\(.*, "(\w+)"\)', code))
    written |= set(re.findall(r'BadArchive\(\s*"(\w+)"', code))
    written |= set(re.findall(r'default_code = "(\w+)"', code)) | set(re.findall(r'"code": "(\w+)"', code))
    written |= set(re.findall(r'\banswer\(.*, "(\w+)"\)', code)) | set(re.findall(r'\d+: \("(\w+)", "', code))
    written |= set(re.findall(r'\bPicture\(.*, "(\w+)"\)', code)) | {reason.value for reason in Reason}
    # Every address has one kind of answer, whatever kind a caller would accept.
    written |= {kind.default_code for kind in exceptions.APIException.__subclasses__()} - {"not_acceptable"}
    assert {"too_slow", "bad_request", "damaged", "not_authenticated", "throttled"} <= written
    assert {"truncated", "missing_image", "not_serving", "too_large"} <= written
    assert written <= listed


def test_the_network_it_measures_is_the_one_that_ships() -> None:
    card = json.loads((Path(site.SHIPPED_VERSION) / "card.json").read_text())
    table = re.search(r"<!-- evaluate -->\n(.*)<!-- /evaluate -->", section("How good it is"), re.DOTALL)
    assert table
    assert table[1] == report.table(card["evaluation"])
    assert card["evaluation"]["version"] == card["name"]


def test_what_it_says_of_learning_is_what_was_measured_of_the_network_that_ships() -> None:
    card = json.loads((Path(site.SHIPPED_VERSION) / "card.json").read_text())
    told = re.search(r"<!-- learning -->\n(.*)<!-- /learning -->", section("How it learns"), re.DOTALL)
    assert told
    assert told[1] == (report.learning_table(card["learning"]) if "learning" in card else "")


def test_every_step_of_learning_names_commands_that_exist() -> None:
    named = re.findall(r"`manage\.py (\w+)", section("How it learns"))
    assert set(named) <= set(get_commands())
    rows = re.findall(r"^\| (\d)\. ", section("How it learns"), re.MULTILINE)
    assert rows == list("1234567")


@pytest.mark.parametrize("name", ["bench", "rows", "drift"])
def test_the_speed_it_tells_is_what_was_measured(name: str) -> None:
    quoted, found = block(name).search(section("How fast it is")), block(name).search(RESULTS.read_text())
    assert quoted
    assert found
    assert quoted[0] == found[0]


@pytest.mark.parametrize("name", re.findall(r"\]\(([^)#:]+)\)", README))
def test_what_it_points_to_exists(name: str) -> None:
    assert (Path(site.BASE_DIR) / name).exists()


def test_the_policy_points_to_what_exists_and_deprecates_what_the_schema_does(client: Any) -> None:
    folder = Path(site.BASE_DIR) / "docs"
    policy = (folder / "api.md").read_text()
    for name in re.findall(r"\]\((?!https:)([^)#]+)", policy):
        assert (folder / name).exists(), name
    schema = json.dumps(client.get("/api/v1/schema/").json())
    assert ("Nothing is deprecated today." in policy) == ('"deprecated": true' not in schema)

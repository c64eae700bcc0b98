"""README and docs are true: examples run, tables match the code, and everything they name exists."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.contrib.auth.models import User
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.template.loader import render_to_string
from rest_framework.exceptions import APIException

from benchmarks import accuracy, learning_curve
from benchmarks.publishing import RESULTS, block
from keys.models import Key
from keys.views import EXAMPLES
from recognizer.api.codes import Code
from recognizer.models import MAX_TEXT_LENGTH
from recognizer.reading import MAX_BYTES, MAX_PIXELS, Reason, Unreadable
from recognizer.serving.install import install_shipped_version
from training.evaluation import report

ROOT = Path(site.BASE_DIR)
DOCS = ROOT / "docs"
PAGES = {path.name: path.read_text() for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.glob("*.md"))}
README = PAGES["README.md"]
README_LINES = 130
ADDRESS, TOKEN = "http://127.0.0.1:8000/api/v1/predictions/", "YOUR_TOKEN"
LANGUAGES = {"curl": "sh", "python": "python", "javascript": "js"}
COMMANDS = {"curl": ["sh"], "python": [sys.executable, "-"], "javascript": ["node", "--input-type=module"]}
NEEDED = {"curl": "curl", "javascript": "node"}
NOT_SETTINGS = {"TEST_POSTGRES_URL", "GRANT", "INSERT", "CONCURRENTLY"}
"""Words in capitals on pages that are not settings of the site."""


def section(page: str, title: str) -> str:
    """Return a section of a page, its subsections included."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGES[page], re.MULTILINE | re.DOTALL)
    assert found, f"no section {title}"
    return found[1]


def example(slug: str) -> str:
    found = re.search(rf"^```{LANGUAGES[slug]}\n(.*?)^```", section("api.md", "Examples"), re.MULTILINE | re.DOTALL)
    assert found, f"no example for {slug}"
    return found[1]


def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= README_LINES


@pytest.mark.parametrize("shown", EXAMPLES, ids=lambda shown: shown["slug"])
def test_docs_examples_match_the_sites(shown: dict[str, str]) -> None:
    on_site = render_to_string(shown["template"], {"address": ADDRESS, "token": TOKEN})
    assert example(shown["slug"]).strip() == on_site.strip()


def test_readme_example_matches_the_docs() -> None:
    assert example("curl") in section("README.md", "API")


@pytest.mark.parametrize("slug", LANGUAGES)
def test_examples_read_a_digit(
    slug: str, transactional_db: None, live_server: Any, tmp_path: Path, mnist_pictures: dict[int, bytes]
) -> None:
    if slug in NEEDED and shutil.which(NEEDED[slug]) is None:
        assert not os.environ.get("CI"), f"{NEEDED[slug]} is absent, and CI must not skip it"
        pytest.skip(f"{NEEDED[slug]} is not on this machine")
    install_shipped_version()
    token = Key.objects.issue(User.objects.create_user("reader of the docs"))[1]
    (tmp_path / "digits.png").write_bytes(mnist_pictures[7])
    code = example(slug).replace(ADDRESS, f"{live_server.url}/api/v1/predictions/").replace(TOKEN, token)
    done = subprocess.run(COMMANDS[slug], cwd=tmp_path, input=code, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    text = json.loads(done.stdout)["text"] if slug == "curl" else done.stdout.strip()
    assert text == "7"


def test_calls_are_those_of_the_schema(client: Any) -> None:
    told = {
        path.replace("ID", "{id}") for path in re.findall(r"`[A-Z`, ]*(/api/v1/\S*?/)`", section("api.md", "Calls"))
    }
    assert told - {"/api/v1/docs/", "/api/v1/schema/"} == set(client.get("/api/v1/schema/").json()["paths"])


def test_documented_limits_match_the_code() -> None:
    told = section("api.md", "Limits").replace(",", "")
    rates = site.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    row = " | ".join(rates[kind].removesuffix("/min") for kind in ("store", "preview", "flag", "look", "batch"))
    assert f"| {row} |" in told
    assert f"{MAX_BYTES // 1024**2} MB and {MAX_PIXELS // 10**6} megapixels" in told
    assert f"{MAX_TEXT_LENGTH} characters" in told


def kinds_of_errors(kind: type[APIException] = APIException) -> Iterator[type[APIException]]:
    for narrower in kind.__subclasses__():
        yield narrower
        yield from kinds_of_errors(narrower)


def test_every_raised_code_is_in_the_list() -> None:
    # Content negotiation is off, so `not_acceptable` never occurs.
    raised = {str(kind.default_code) for kind in kinds_of_errors()} - {"not_acceptable"}
    assert raised <= set(Code)
    assert {reason.value for reason in [*Reason, *Unreadable]} <= set(Code)


def test_docs_list_exactly_the_error_codes() -> None:
    listed = re.findall(r"^\|.*\|$", section("api.md", "Errors"), re.MULTILINE)
    assert set(re.findall(r"`([a-z0-9_]+)`", "\n".join(listed))) - {"reason"} == set(Code)


def test_published_accuracy_matches_the_shipped_card() -> None:
    card = json.loads((Path(site.SHIPPED_VERSION) / "card.json").read_text())
    assert card["evaluation"]["version"] == card["name"]
    assert _block("accuracy.md", "evaluate") == report.table(card["evaluation"])
    assert _block("README.md", "summary") == accuracy.summary(card["evaluation"])


def test_published_learning_matches_the_shipped_card() -> None:
    card = json.loads((Path(site.SHIPPED_VERSION) / "card.json").read_text())
    assert _block("learning.md", "learning") == (learning_curve.table(card["learning"]) if "learning" in card else "")


def test_published_peers_are_beside_the_shipped_version() -> None:
    card = json.loads((Path(site.SHIPPED_VERSION) / "card.json").read_text())
    found = _block("accuracy.md", "peers")
    assert not found or f"Version {card['name']} and " in found, "make bench-peers has not been run"


def test_learning_table_has_seven_steps() -> None:
    assert re.findall(r"^\| (\d)\. ", PAGES["learning.md"], re.MULTILINE) == list("1234567")


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("bench", "performance.md"),
        ("rows", "performance.md"),
        ("drift", "performance.md"),
        ("batches", "operations.md"),
        ("peers", "accuracy.md"),
    ],
)
def test_published_speed_matches_the_results(name: str, page: str) -> None:
    found = block(name).search(RESULTS.read_text())
    assert found
    assert _block(page, name) == found[0]


def _block(page: str, name: str) -> str:
    found = block(name).search(PAGES[page])
    assert found, f"{page} has no marks of {name}"
    return found[0]


@pytest.mark.parametrize("page", PAGES)
def test_links_in_docs_exist(page: str) -> None:
    folder = ROOT if (ROOT / page).exists() else DOCS
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", PAGES[page]):
        path = folder / target if target else folder / page
        assert path.exists(), target
        assert not anchor or anchor in _anchors(path.read_text()), f"{target}#{anchor}"


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_their_options_exist(page: str) -> None:
    for command, arguments in re.findall(r"manage\.py (\w+)([^`\n;&|]*)", PAGES[page]):
        assert command in get_commands()
        app = get_commands()[command]
        loaded = app if isinstance(app, BaseCommand) else load_command_class(app, command)
        known = loaded.create_parser("manage.py", command)._option_string_actions
        assert set(re.findall(r"(?<=\s)--[\w-]+", arguments)) <= set(known), command
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", PAGES[page], re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", PAGES)
def test_files_that_commands_name_exist(page: str) -> None:
    for path in re.findall(r"(?<![\w/.-])((?:tests|deploy|clients|benchmarks|digitsite)/\w[\w./]*\w)", PAGES[page]):
        assert (ROOT / path).exists(), path
    for module in re.findall(r"python -m ((?:benchmarks|tests)[\w.]*)", PAGES[page]):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module


@pytest.mark.parametrize("page", PAGES)
def test_settings_that_pages_name_exist(page: str) -> None:
    listed = set(re.findall(r"^\| `([A-Z_]+)` \|", PAGES["settings.md"], re.MULTILINE))
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+)(?:=[^`]*)?`", PAGES[page]))
    assert named - NOT_SETTINGS <= listed


def test_deprecated_calls_are_those_of_the_schema(client: Any) -> None:
    schema = json.dumps(client.get("/api/v1/schema/").json())
    assert ("Nothing is deprecated today." in PAGES["api.md"]) == ('"deprecated": true' not in schema)


def test_each_promise_names_tests_that_exist() -> None:
    rows = [row for row in re.findall(r"^\| (.*) \|$", PAGES["promises.md"], re.MULTILINE) if row != "promise | test"]
    assert len(rows) > 20
    for row in rows:
        named = re.findall(r"`(tests/\S+)::(test_\w+)`", row.rpartition(" | ")[2])
        assert named, row
        for path, test in named:
            assert f"\ndef {test}(" in (ROOT / path).read_text(), test

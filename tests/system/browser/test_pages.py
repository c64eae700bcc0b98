"""Accessibility of every page, on each screen, in light and dark."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from batches.lifecycle import stop_batch
from batches.models import Batch, Item
from keys.models import Key
from recognizer.identity import Identity
from recognizer.models import ModelVersion, Prediction, Sample
from recognizer.predictions import store_prediction
from recognizer.views import history

from .conftest import Complaints, OpenPage, fill_in_login, log_in
from .inspection import REFERENCE, SCHEMES, Inspection, Scheme
from .pictures import photograph

FOR_EVERYBODY = [
    "/",
    "/upload/",
    "/history/",
    "/about/",
    "/privacy/",
    "/api-access/",
    REFERENCE,
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/inactive/",
    "/accounts/password/reset/done/",
]


@pytest.fixture
def kept(site: str, superuser: Any) -> Prediction:
    """A flagged photograph of two lines."""
    picture = photograph("60\n71", seed=2)
    prediction = store_prediction(picture, identity=Identity(user=superuser), source="upload")
    prediction.flag("60\n91")
    return prediction


FAULTY = """
<!doctype html><html lang="en"><title>Faulty</title><meta name="viewport" content="width=device-width">
<style>@media (pointer: coarse) { p { width: 1000px; } }</style><main><h1>Faulty</h1><input><p>Wide</main>
"""


def test_accessibility_check_finds_a_known_fault(page: Page) -> None:
    page.route("**/faulty/", lambda route: route.fulfill(content_type="text/html", body=FAULTY))
    inspection = Inspection(page, "light")
    inspection.open("/faulty/")
    faults = [fault.split(":")[0] for fault in inspection.faults]
    label, wide = "/faulty/ at {} pixels label", "/faulty/ at 390 pixels is 618 pixels wider than the screen"
    assert faults == [label.format(1280), wide, label.format(390)]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_public_pages_are_accessible(page: Page, scheme: Scheme) -> None:
    inspection = Inspection(page, scheme)
    inspection.open(*FOR_EVERYBODY, "/sheet/en/")
    inspection.check()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_personal_pages_are_accessible(page: Page, kept: Prediction, superuser: User, scheme: Scheme) -> None:
    log_in(page, superuser)
    batch = Batch.objects.create(owner=superuser, name="many.zip", total=3, read=1, source="upload", state="running")
    told = Batch.objects.create(owner=superuser, total=1, source="api", webhook="https://hooks.example/")
    stop_batch(told)
    told.delivery.log.create(at=timezone.now(), status=503, failure="The receiver did not accept it.")
    Item.objects.create(batch=batch, number=1, name="one.png", prediction=kept)
    Item.objects.create(batch=batch, number=2, name="two.png", code="not_a_number")
    unsure = store_prediction(photograph("314", seed=3), identity=Identity(user=superuser), source="upload")
    Prediction.objects.filter(pk=unsure.pk).update(confidence=0.1)
    Sample.objects.draw(2)
    inspection = Inspection(page, scheme)
    inspection.open(
        "/batches/",
        f"/batches/{batch.pk}/",
        f"/batches/{told.pk}/",
        f"/predictions/{kept.pk}/",
        "/history/",
        "/history/?digit=9&flagged=false",
        "/history/erase/",
        "/accounts/password/",
        "/accounts/erase/",
        "/api-access/",
        Key.objects.issue(superuser)[0].get_absolute_url(),
        "/review/",
        "/review/unsure/",
        "/review/sample/",
    )
    inspection.check()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_admin_pages_are_accessible(page: Page, kept: Prediction, superuser: User, scheme: Scheme) -> None:
    inspection = Inspection(page, scheme)
    inspection.open("/admin/login/")
    log_in(page, superuser)
    version, correction = ModelVersion.objects.get(), kept.corrections.get()
    inspection.open(
        "/admin/",
        "/admin/recognizer/prediction/",
        f"/admin/recognizer/prediction/{kept.pk}/change/",
        f"/admin/recognizer/prediction/{kept.pk}/delete/",
        "/admin/recognizer/correction/",
        f"/admin/recognizer/correction/{correction.pk}/change/",
        "/admin/recognizer/modelversion/",
        f"/admin/recognizer/modelversion/{version.pk}/change/",
        "/admin/auth/user/",
        f"/admin/auth/user/{superuser.pk}/change/",
        "/admin/auth/user/add/",
        "/admin/password_change/",
        "/admin/keys/key/",
        "/admin/recognizer/",
        "/admin/auth/group/",
        "/admin/batches/batch/",
        "/admin/core/auditentry/",
    )
    inspection.check()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_errors_outside_the_api_are_pages(
    page: Page, complaints: Complaints, staff: User, monkeypatch: pytest.MonkeyPatch, scheme: Scheme
) -> None:
    for status in (400, 403, 404, 500):
        complaints.expect(f"^{status} from|status of {status}")
    inspection = Inspection(page, scheme)
    inspection.open("/nowhere/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Page not found")
    inspection.open("/history/?" + "&".join(["x=1"] * 60))
    expect(page.get_by_role("heading", level=1)).to_have_text("Bad request")

    page.goto("/accounts/login/")
    page.evaluate("document.querySelector('main form').elements.csrfmiddlewaretoken.value = 'x'.repeat(64)")
    fill_in_login(page, "grace", "a long pass phrase")
    expect(page.get_by_role("heading", level=1)).to_have_text("The form expired")

    log_in(page, staff)
    inspection.open("/admin/recognizer/prediction/")
    expect(page.get_by_role("heading", level=1)).to_have_text("You do not have access")

    def stumble(*args: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(history, "page_of", stumble)
    inspection.open("/history/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Something went wrong")
    inspection.check()


def test_other_persons_prediction_is_404(page: Page, kept: Prediction, complaints: Complaints) -> None:
    complaints.expect("status of 404")
    page.goto(f"/predictions/{kept.pk}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Page not found")


def test_about_page_shows_the_model_card(page: Page, site: str) -> None:
    version = ModelVersion.objects.get()
    page.goto("/")
    page.get_by_role("navigation", name="Site").get_by_role("link", name="About").click()
    expect(page.locator(".version")).to_have_text(version.name)
    accuracy = f"{version.test_accuracy:.2%}".replace("%", "\N{NO-BREAK SPACE}%")
    expect(page.get_by_role("definition").filter(has_text=accuracy)).to_be_visible()
    expect(page.locator(".confusion tbody tr")).to_have_count(10)
    expect(page.locator(".chart polyline")).to_have_count(4)
    expect(page.locator(".mistakes li")).to_have_count(len(version.card["mistakes"]))


def test_header_links_to_staff_pages_for_staff_only(
    open_page: OpenPage, user: User, staff: User, superuser: User
) -> None:
    pages = ["Review", "Dashboard", "Admin"]
    expected = {None: [], user: [], staff: pages[1:], superuser: pages}
    for somebody, links in expected.items():
        page = open_page()
        if somebody is not None:
            log_in(page, somebody)
        page.goto("/")
        header = page.get_by_role("navigation", name="Site")
        expect(header.get_by_role("link", name=re.compile(f"^({'|'.join(pages)})$"))).to_have_text(links)
    for name, path in zip(pages, ("review", "dashboard", "admin"), strict=True):
        header.get_by_role("link", name=name, exact=True).click()
        page.wait_for_url(f"**/{path}/")
        page.go_back()


def test_chosen_theme_is_remembered(open_page: OpenPage) -> None:
    page = open_page(color_scheme="light")
    page.goto("/")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Switch between light and dark").click()
    dark = page.evaluate(paper)
    assert dark != light
    page.goto("/about/")
    assert page.evaluate(paper) == dark


def test_first_tab_key_focuses_the_skip_link(page: Page) -> None:
    page.goto("/history/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_api_reference_loads_nothing_from_elsewhere(page: Page, site: str) -> None:
    elsewhere: list[str] = []
    page.on("request", lambda request: None if request.url.startswith(site) else elsewhere.append(request.url))
    for path in FOR_EVERYBODY:
        page.goto(path)
        page.wait_for_load_state("networkidle")
    assert [url for url in elsewhere if not url.startswith(("data:", "blob:"))] == []

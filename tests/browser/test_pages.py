"""Every page there is: for everybody, on every screen, by day and by night."""

from collections.abc import Iterable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from batches.ending import stop_batch
from batches.models import Batch, Item
from keys.models import Key
from recognizer import views
from recognizer.models import ModelVersion, Prediction
from recognizer.predictions import store_prediction
from recognizer.visitors import Identity

from .conftest import Complaints, OpenPage, log_in
from .pictures import photograph

DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
SCREENS = [
    pytest.param(screen | {"color_scheme": scheme}, id=f"{name} {scheme}")
    for name, screen, scheme in (
        ("desktop", DESKTOP, "light"),
        ("desktop", DESKTOP, "dark"),
        ("phone", PHONE, "light"),
        ("phone", PHONE, "dark"),
    )
]
# Swagger UI draws the reference; its markup is not ours to mend.
AXE_CONTEXT = {"exclude": ["#swagger-ui"]}
# To look into imported style sheets axe would write inline ones, which the policy forbids.
AXE_OPTIONS = {"preload": False}

FOR_EVERYBODY = [
    "/",
    "/upload/",
    "/history/",
    "/about/",
    "/api-access/",
    "/api/v1/docs/",
    "/accounts/login/",
    "/accounts/signup/",
]


@pytest.fixture
def kept(site: str, superuser: Any) -> Prediction:
    """A flagged photograph of two lines."""
    picture = photograph("60\n71", seed=2)
    prediction = store_prediction(picture, identity=Identity(user=superuser), source="upload")
    prediction.flag("60\n91")
    return prediction


def faults_of(page: Page, path: str) -> list[str]:
    """Open a page and tell what is wrong with it: what axe finds, and whether it is wider than the screen."""
    page.goto(path)
    page.wait_for_load_state("networkidle")
    wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    faults = [f"{path} is {wider} pixels wider than the screen"] if wider > 0 else []
    for violation in Axe().run(page, AXE_CONTEXT, AXE_OPTIONS).response["violations"]:
        nodes = "; ".join(node["html"][:150] for node in violation["nodes"][:3])
        faults.append(f"{path} {violation['id']}: {violation['help']} ({nodes})")
    return faults


def faults_in(page: Page, paths: Iterable[str]) -> list[str]:
    return [fault for path in paths for fault in faults_of(page, path)]


def assert_none(faults: list[str]) -> None:
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("screen", SCREENS)
def test_pages_for_everybody_have_no_fault(open_page: OpenPage, screen: dict[str, Any]) -> None:
    assert_none(faults_in(open_page(**screen), FOR_EVERYBODY))


@pytest.mark.parametrize("screen", SCREENS)
def test_pages_of_ones_own_have_no_fault(
    open_page: OpenPage, kept: Prediction, superuser: Any, screen: dict[str, Any]
) -> None:
    page = open_page(**screen)
    log_in(page, superuser)
    batch = Batch.objects.create(owner=superuser, name="many.zip", total=3, read=1, source="upload", state="running")
    told = Batch.objects.create(owner=superuser, total=1, source="api", webhook="https://hooks.example/")
    stop_batch(told)
    told.delivery.log.create(at=timezone.now(), status=503, failure="It was not accepted.")
    Item.objects.create(batch=batch, number=1, name="one.png", prediction=kept)
    Item.objects.create(batch=batch, number=2, name="two.png", code="not_a_number")
    own = [
        "/batches/",
        f"/batches/{batch.pk}/",
        f"/batches/{told.pk}/",
        f"/predictions/{kept.pk}/",
        "/history/",
        "/history/?digit=9&flagged=false",
        "/history/erase/",
        "/accounts/password/",
        "/api-access/",
        Key.objects.issue(superuser)[0].get_absolute_url(),
        "/review/",
    ]
    assert_none(faults_in(page, own))


@pytest.mark.parametrize("screen", SCREENS)
def test_pages_of_the_admin_have_no_fault(
    open_page: OpenPage, kept: Prediction, superuser: Any, screen: dict[str, Any]
) -> None:
    page = open_page(**screen)
    faults = faults_of(page, "/admin/login/")
    log_in(page, superuser)
    version, correction = ModelVersion.objects.get(), kept.corrections.get()
    faults += faults_in(
        page,
        [
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
        ],
    )
    assert_none(faults)


@pytest.mark.parametrize("screen", SCREENS)
def test_errors_are_pages_too(
    open_page: OpenPage,
    complaints: Complaints,
    staff: User,
    monkeypatch: pytest.MonkeyPatch,
    screen: dict[str, Any],
) -> None:
    for status in (400, 403, 404, 500):
        complaints.expect(f"^{status} from|status of {status}")
    page = open_page(**screen)
    faults = faults_of(page, "/nowhere/")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
    faults += faults_of(page, "/history/?" + "&".join(["x=1"] * 60))
    expect(page.get_by_role("heading", level=1)).to_have_text("That did not make sense")

    page.goto("/accounts/login/")
    page.evaluate("document.querySelector('main form').elements.csrfmiddlewaretoken.value = 'x'.repeat(64)")
    page.get_by_label("Username").fill("grace")
    page.get_by_label("Password").fill("a long pass phrase")
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The form was out of date")

    log_in(page, staff)
    faults += faults_of(page, "/admin/recognizer/prediction/")
    expect(page.get_by_role("heading", level=1)).to_have_text("This is not for you")

    def stumble(*args: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(views, "page_of", stumble)
    faults += faults_of(page, "/history/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Something went wrong")
    assert_none(faults)


def test_somebody_elses_prediction_is_not_there(page: Page, kept: Prediction, complaints: Complaints) -> None:
    complaints.expect("status of 404")
    page.goto(f"/predictions/{kept.pk}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")


def test_the_network_is_described_by_its_card(page: Page, site: str) -> None:
    version = ModelVersion.objects.get()
    page.goto("/")
    page.get_by_role("navigation", name="Site").get_by_role("link", name="About").click()
    expect(page.locator(".version")).to_have_text(version.name)
    accuracy = f"{version.test_accuracy:.2%}".replace("%", "\N{NO-BREAK SPACE}%")
    expect(page.get_by_role("definition").filter(has_text=accuracy)).to_be_visible()
    expect(page.locator(".confusion tbody tr")).to_have_count(10)
    expect(page.locator(".chart polyline")).to_have_count(4)
    expect(page.locator(".mistakes li")).to_have_count(len(version.card["mistakes"]))


def test_a_theme_once_chosen_stays(open_page: OpenPage) -> None:
    page = open_page(color_scheme="light")
    page.goto("/")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Switch between light and dark").click()
    dark = page.evaluate(paper)
    assert dark != light
    page.goto("/about/")
    assert page.evaluate(paper) == dark


def test_the_first_tab_skips_to_the_content(page: Page) -> None:
    page.goto("/history/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_pages_of_the_reference_load_nothing_from_elsewhere(page: Page, site: str) -> None:
    elsewhere: list[str] = []
    page.on("request", lambda request: None if request.url.startswith(site) else elsewhere.append(request.url))
    for path in FOR_EVERYBODY:
        page.goto(path)
        page.wait_for_load_state("networkidle")
    assert [url for url in elsewhere if not url.startswith(("data:", "blob:"))] == []

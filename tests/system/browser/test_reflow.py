"""No page is wider than a narrow screen, with normal text or twice the size."""

from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from batches.lifecycle import stop_batch
from batches.models import Batch, Item
from keys.models import Key
from recognizer.models import ModelVersion
from training.models import RunState, TrainingRun

from .conftest import OpenPage, log_in
from .test_dashboard import CHECKS, training
from .test_pages import FOR_EVERYBODY, kept  # noqa: F401

# Width of the screen in pixels, and size of text in percent.
NARROW = [(320, 100), (390, 100), (640, 200), (320, 200)]
ADMIN = ["", "recognizer/prediction/", "recognizer/correction/", "recognizer/modelversion/", "auth/user/", "keys/key/",
         "training/trainingrun/", "batches/batch/"]  # fmt: skip
CUT_OFF = """() => [...document.querySelectorAll("main :is(a, button, input, select, label)")]
  .filter((each) => !each.closest(".scrolls, .results, #swagger-ui, pre"))
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
  .map((each) => each.outerHTML.slice(0, 80))"""


def too_wide(page: Page, path: str) -> list[str]:
    page.goto(path)
    page.wait_for_load_state("networkidle")
    found = []
    for width, size in NARROW:
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate("size => { document.documentElement.style.fontSize = size; }", f"{size}%")
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        cut_off = page.evaluate(CUT_OFF)
        if wider > 0 or cut_off:
            found.append(f"{path} at {width} pixels and {size} % is {wider} pixels too wide, cuts off {cut_off[:3]}")
    return found


@pytest.mark.usefixtures("kept")
def test_no_page_is_wider_than_its_screen(open_page: OpenPage, superuser: Any) -> None:
    prediction = superuser.predictions.get()
    batch = Batch.objects.create(owner=superuser, name="many.zip", total=3, read=1, source="upload", state="running")
    Item.objects.create(batch=batch, number=1, name="one.png", prediction=prediction)
    told = Batch.objects.create(owner=superuser, total=1, source="api", webhook="https://hooks.example/a/long/path")
    stop_batch(told)
    told.delivery.log.create(at=timezone.now(), status=503, failure="The receiver did not accept it.")
    version = ModelVersion.objects.get()
    verdict = {"passed": False, "checks": CHECKS}
    ended = TrainingRun.objects.create(state=RunState.REFUSED, verdict=verdict, champion=version, **training(120))
    active = TrainingRun.objects.create(state=RunState.RUNNING, **training(50))
    page = open_page(viewport={"width": 320, "height": 800})
    log_in(page, superuser)
    paths = [
        *FOR_EVERYBODY,
        "/history/?digit=9&flagged=false",
        "/history/erase/",
        prediction.get_absolute_url(),
        "/accounts/",
        "/accounts/erase/",
        "/accounts/password/",
        "/accounts/sessions/",
        "/accounts/email/",
        "/accounts/mfa/",
        "/accounts/mfa/totp/activate/",
        "/batches/",
        batch.get_absolute_url(),
        told.get_absolute_url(),
        Key.objects.issue(superuser)[0].get_absolute_url(),
        "/review/",
        "/dashboard/",
        *(f"/dashboard/runs/{run.pk}/" for run in (ended, active)),
        *(f"/admin/{path}" for path in ADMIN),
        f"/admin/recognizer/prediction/{prediction.pk}/change/",
        f"/admin/auth/user/{superuser.pk}/change/",
    ]
    found = [fault for path in paths for fault in too_wide(page, path)]
    assert not found, "\n".join(found)

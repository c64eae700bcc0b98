"""What staff watch and do: the dashboard, a run while it works and when it has ended."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from recognizer.models import ModelVersion
from recognizer.predictions import store_prediction
from recognizer.visitors import Identity
from training import tasks
from training.models import State, TrainingRun

from .conftest import OpenPage, log_in
from .test_pages import SCREENS, assert_none, faults_in

LOSSES = [0.9, 0.6, 0.45, 0.36, 0.3, 0.27, 0.25, 0.24]
CHECKS = [
    {
        "name": "MNIST test",
        "passed": True,
        "sentence": "54 of 10000 wrong after 54: 3 mended, 3 spoilt; at most 0.05% worse is allowed.",
    },
    {
        "name": "held-out corrections",
        "passed": False,
        "sentence": "4 of 9 right after 5: 1 mended, 2 spoilt (McNemar p = 1.000); more must be mended than spoilt.",
    },
]


@pytest.fixture(autouse=True)
def nothing_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.train, "delay", lambda pk: None)


@pytest.fixture
def busy(site: str, superuser: Any, mnist_pictures: dict[int, bytes], settings: Any) -> None:
    """Readings of two people, some of them flagged, approved and rejected."""
    settings.RETRAIN_LEAST = 4
    for digit, content in mnist_pictures.items():
        owner = Identity(user=superuser)
        claim = store_prediction(content, identity=owner, source="upload").flag(str((digit + digit % 3) % 10))
        if digit < 8:
            claim.reject(superuser) if digit % 4 == 3 else claim.approve(superuser)


def training(number: int) -> dict[str, Any]:
    told = {"number": number, "steps": 120, "loss": 0.25, "accuracy": 0.93, "seconds_left": 120 - number}
    return {"phase": "training", "progress": told, "curves": {"loss": LOSSES, "accuracy": LOSSES}}


def test_a_run_is_started_watched_and_cancelled(page: Page, busy: None, superuser: Any) -> None:
    log_in(page, superuser)
    page.goto("/dashboard/")
    page.get_by_role("button", name="Retrain", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Waiting for a worker")
    page.evaluate("window.stays = true")
    run = TrainingRun.objects.get()
    fence = TrainingRun.objects.take(run.pk)
    assert fence is not None
    TrainingRun.objects.report(run.pk, fence, **training(36))
    expect(page.get_by_role("status")).to_have_text("training: step 36 of 120, loss 0.250, accuracy 93.0%, 84 s left")
    assert page.get_by_role("progressbar").evaluate("bar => bar.value") == pytest.approx(0.3)
    expect(page.get_by_role("img", name="The loss over the steps")).to_be_visible()
    TrainingRun.objects.report(run.pk, fence, **training(60))
    expect(page.get_by_role("status")).to_contain_text("step 60 of 120")
    assert page.evaluate("window.stays"), "the page was loaded anew"
    page.get_by_role("button", name="Cancel this run").click()
    expect(page.locator(".words")).to_have_text("Cancelled")
    expect(page.get_by_role("button", name="Cancel this run")).to_have_count(0)
    run.refresh_from_db()
    assert run.state == State.CANCELLED


def test_the_verdict_shows_as_soon_as_the_run_ends(page: Page, busy: None, superuser: Any) -> None:
    run = TrainingRun.objects.create(state=State.RUNNING, **training(120))
    log_in(page, superuser)
    page.goto(f"/dashboard/runs/{run.pk}/")
    expect(page.get_by_role("status")).to_contain_text("step 120 of 120")
    TrainingRun.objects.filter(pk=run.pk).update(state=State.REFUSED, verdict={"passed": False, "checks": CHECKS})
    expect(page.get_by_role("heading", name="The gate refused it")).to_be_visible()
    expect(page.get_by_text("4 of 9 right after 5")).to_be_visible()


def test_a_challenger_is_let_serve_and_rolled_back(page: Page, busy: None, superuser: Any) -> None:
    shipped = ModelVersion.objects.get()
    files = {name: getattr(shipped, name) for name in ("card", "keras_file", "litert_file", "litert_sha256")}
    twin = ModelVersion.objects.create(name="2026-11-24-run-1", **files)
    run = TrainingRun.objects.create(
        state=State.PASSED, verdict={"passed": True, "checks": CHECKS[:1]}, challenger=twin, champion=shipped
    )
    log_in(page, superuser)
    page.goto(f"/dashboard/runs/{run.pk}/")
    page.get_by_role("button", name=f"Let {twin} serve").click()
    expect(page.get_by_text(f"{twin} serves from now on.")).to_be_visible()
    assert ModelVersion.objects.serving() == twin
    page.get_by_role("button", name=f"Roll back to {shipped}").click()
    expect(page.get_by_text(f"{shipped} serves from now on.")).to_be_visible()
    assert ModelVersion.objects.serving() == shipped


@pytest.mark.parametrize("screen", SCREENS)
def test_dashboard_and_runs_have_no_fault(
    open_page: OpenPage, busy: None, superuser: Any, screen: dict[str, Any]
) -> None:
    shipped = ModelVersion.objects.get()
    twin = ModelVersion.objects.create(name="2026-11-24-run-1", card=shipped.card)
    twin.promote(by=superuser)
    shipped.promote(by=superuser)
    prediction = superuser.predictions.first()
    differences = {"read": 9, "differ": [{"prediction": prediction.pk, "before": "9", "after": "4"}]}
    ended = TrainingRun.objects.create(
        state=State.REFUSED,
        verdict={"passed": False, "checks": CHECKS},
        differences=differences,
        champion=shipped,
        challenger=twin,
        **training(120),
    )
    active = TrainingRun.objects.create(state=State.RUNNING, **training(50))
    page = open_page(**screen)
    log_in(page, superuser)
    runs = [f"/dashboard/runs/{run.pk}/" for run in (ended, active)]
    assert_none(faults_in(page, ["/dashboard/", *runs, "/admin/training/trainingrun/"]))

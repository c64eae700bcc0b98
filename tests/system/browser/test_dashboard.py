"""The dashboard and the page of a run in the browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from digitsite import celery_app
from recognizer.identity import Identity
from recognizer.models import ModelVersion, Sample
from recognizer.predictions import store_prediction
from training.models import RunState, TrainingRun
from training.retraining.runs import PARTS, share_done

from .conftest import log_in
from .inspection import SCHEMES, Inspection, Scheme

LOSSES = [0.9, 0.6, 0.45, 0.36, 0.3, 0.27, 0.25, 0.24]
CHECKS = [
    {
        "name": "MNIST test",
        "passed": True,
        "sentence": "54 of 10000 wrong, before 54: fixed 3, broke 3. At most 0.05% worse is allowed.",
    },
    {
        "name": "held-out corrections",
        "passed": False,
        "sentence": "4 of 9 right, before 5: fixed 1, broke 2 (p = 1.000). It must fix more than it breaks.",
    },
]


@pytest.fixture(autouse=True)
def nothing_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celery_app, "send_task", lambda *args, **options: None)


@pytest.fixture
def busy(site: str, superuser: Any, mnist_pictures: dict[int, bytes], settings: Any) -> None:
    """Readings of two people, some of them flagged, approved and rejected."""
    settings.RETRAIN_LEAST = 4
    for digit, content in mnist_pictures.items():
        owner = Identity(user=superuser)
        correction = store_prediction(content, identity=owner, source="upload").flag(str((digit + digit % 3) % 10))
        if digit < 8:
            correction.reject(superuser) if digit % 4 == 3 else correction.approve(superuser)


def training(number: int, **more: Any) -> dict[str, Any]:
    told = {"number": number, "steps": 120, "loss": 0.25, "accuracy": 0.93, "seconds_left": 120 - number} | more
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
    expect(page.get_by_role("status")).to_contain_text(
        "training: step 36 of 120, loss 0.250, accuracy 93.0 %, 84 s left"
    )
    assert page.get_by_role("progressbar").evaluate("bar => bar.value") == pytest.approx(0.02 + 0.5 * 0.3)
    expect(page.get_by_role("img", name="Training loss by step")).to_be_visible()
    TrainingRun.objects.report(run.pk, fence, **training(60))
    expect(page.get_by_role("status")).to_contain_text("step 60 of 120")
    assert page.evaluate("window.stays"), "the page was loaded anew"
    page.get_by_text("Cancel this run…").click()
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.locator(".words")).to_have_text("Cancelled")
    expect(page.get_by_text("Cancel this run…")).to_have_count(0)
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED


def phases() -> Iterator[dict[str, Any]]:
    """What a run reports, in order: of each phase its name, then its progress."""
    yield {"phase": "reading the snapshot", "progress": {}}
    yield {"phase": "training", "progress": {}}
    yield training(1, seconds_left=None)
    yield training(2, seconds_left=118)
    yield training(119, seconds_left=1)
    yield {"phase": "exporting", "progress": {}}
    for part in PARTS[:-1]:
        yield {"phase": f"champion: {part}", "progress": {}}
    for part in PARTS:
        yield {"phase": f"challenger: {part}", "progress": {}}
    yield {"phase": "reading stored images", "progress": {}}
    yield {"phase": "reading stored images", "progress": {"number": 5, "steps": 10}}
    yield {"phase": "storing the version", "progress": {}}


def test_progress_bar_moves_in_every_phase_of_a_run(page: Page, busy: None, superuser: Any) -> None:
    run = TrainingRun.objects.create(state=RunState.RUNNING, phase="starting", started_at=timezone.now())
    log_in(page, superuser)
    page.goto(f"/dashboard/runs/{run.pk}/")
    status, bar = page.get_by_role("status"), page.get_by_role("progressbar")
    expect(status).to_have_text("Starting")
    assert bar.evaluate("bar => bar.value") == 0
    done = -1.0
    for report in phases():
        TrainingRun.objects.filter(pk=run.pk).update(**report)
        run.refresh_from_db()
        expect(status).to_contain_text(run.in_words)
        share = bar.evaluate("bar => bar.value")
        assert share == pytest.approx(share_done(run))
        assert done < share < 1
        done = share
        begun = run.phase not in ("reading the snapshot", "training") or run.progress.get("seconds_left") is not None
        assert ("until it ends" in status.inner_text()) is begun
    challenger = ModelVersion.objects.get()
    verdict = {"passed": True, "checks": CHECKS[:1]}
    ended = {"state": RunState.PROMOTED, "phase": "", "progress": {}, "verdict": verdict, "challenger": challenger}
    TrainingRun.objects.filter(pk=run.pk).update(**ended)
    expect(page.get_by_role("heading", name="Passed the gate")).to_be_visible()
    expect(page.locator(".words")).to_have_text("Promoted")
    expect(bar).to_have_count(0)


def test_sample_accuracy_is_shown_by_version_with_its_interval(page: Page, site: str, superuser: Any) -> None:
    shipped = ModelVersion.objects.get()
    newer = ModelVersion.objects.create(name="2026-11-24-run-1", card=shipped.card)
    answers = {shipped: [True, True, True, False, None], newer: [True, True]}
    for version, known in answers.items():
        for right in known:
            Sample.objects.create(model_version=version, right=right)
    log_in(page, superuser)
    page.goto("/dashboard/")
    rows = page.locator("[aria-labelledby=sample-title] tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0).locator("th, td")).to_have_text([newer.name, "100.00 %", "34.24 % – 100.00 %", "2", "2"])
    expect(rows.nth(1).locator("th, td")).to_have_text([shipped.name, "75.00 %", "30.06 % – 95.44 %", "4", "5"])


def test_the_verdict_shows_as_soon_as_the_run_ends(page: Page, busy: None, superuser: Any) -> None:
    run = TrainingRun.objects.create(state=RunState.RUNNING, **training(120))
    log_in(page, superuser)
    page.goto(f"/dashboard/runs/{run.pk}/")
    expect(page.get_by_role("status")).to_contain_text("step 120 of 120")
    TrainingRun.objects.filter(pk=run.pk).update(state=RunState.REFUSED, verdict={"passed": False, "checks": CHECKS})
    expect(page.get_by_role("heading", name="Not good enough to promote")).to_be_visible()
    expect(page.get_by_text("4 of 9 right, before 5")).to_be_visible()


def test_challenger_is_promoted_and_rolled_back(page: Page, busy: None, superuser: Any) -> None:
    shipped = ModelVersion.objects.get()
    files = {name: getattr(shipped, name) for name in ("card", "keras_file", "litert_file", "litert_sha256")}
    twin = ModelVersion.objects.create(name="2026-11-24-run-1", **files)
    run = TrainingRun.objects.create(
        state=RunState.PASSED, verdict={"passed": True, "checks": CHECKS[:1]}, challenger=twin, champion=shipped
    )
    log_in(page, superuser)
    page.goto(f"/dashboard/runs/{run.pk}/")
    page.get_by_role("button", name=f"Promote {twin}").click()
    expect(page.get_by_text(f"{twin} is now the current version.")).to_be_visible()
    assert ModelVersion.objects.serving() == twin
    page.get_by_role("button", name=f"Roll back to {shipped}").click()
    expect(page.get_by_text(f"{shipped} is now the current version.")).to_be_visible()
    assert ModelVersion.objects.serving() == shipped


@pytest.mark.parametrize("scheme", SCHEMES)
def test_dashboard_and_runs_are_accessible(page: Page, busy: None, superuser: Any, scheme: Scheme) -> None:
    shipped = ModelVersion.objects.get()
    twin = ModelVersion.objects.create(name="2026-11-24-run-1", card=shipped.card)
    twin.promote(by=superuser)
    shipped.promote(by=superuser)
    prediction = superuser.predictions.first()
    differences = {"read": 9, "differ": [{"prediction": prediction.pk, "before": "9", "after": "4"}]}
    ended = TrainingRun.objects.create(
        state=RunState.REFUSED,
        verdict={"passed": False, "checks": CHECKS},
        differences=differences,
        champion=shipped,
        challenger=twin,
        **training(120),
    )
    active = TrainingRun.objects.create(state=RunState.RUNNING, **training(50))
    log_in(page, superuser)
    inspection = Inspection(page, scheme)
    runs = [f"/dashboard/runs/{run.pk}/" for run in (ended, active)]
    inspection.open("/dashboard/", *runs, "/admin/training/trainingrun/")
    inspection.check()

import datetime
import io
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
from celery.signals import celeryd_after_setup
from django.conf import settings as site
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

import batches.tasks
from core.leases import LeaseLost
from digitsite import celery_app
from recognizer.models import ModelVersion, Prediction
from tests.factories import user_client
from training import tasks
from training.models import MAX_ATTEMPTS, RunState, TrainingRun
from training.retraining import snapshots, supervisor
from training.retraining.runs import PARTS, SHARES, TASK, RunActive, seconds_left, share_done, start_run
from training.retraining.snapshots import Lesson, TooFew, capped, freeze, gather, held_out_people, thaw

Make = Callable[..., Prediction]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_delivered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record messages instead of sending them to the broker."""
    sent: list[int] = []
    monkeypatch.setattr(celery_app, "send_task", lambda name, args, **options: sent.append(*args))
    return sent


@pytest.fixture
def approved(make_prediction: Make, superuser: User) -> Callable[..., None]:
    def approve(count: int, **facts: Any) -> None:
        for _ in range(count):
            make_prediction("42", **facts).flag("47").approve(by=superuser)

    return approve


@pytest.fixture
def ready(approved: Callable[..., None], user: User, other_user: User) -> None:
    approved(10, owner=user)
    approved(10, owner=other_user)


def test_run_snapshot_holds_the_approved_corrections(
    ready: None, superuser: User, nothing_delivered: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = start_run(by=superuser)
    assert (run.state, run.taught, run.held_out, run.corrections.count()) == ("queued", 10, 10, 20)
    assert nothing_delivered == [run.pk]
    with default_storage.open(run.snapshot.name) as stored:
        lessons = thaw(stored.read(), run.snapshot_sha256)
    assert len(lessons) == 20
    assert {tuple(lesson.labels or ()) for lesson in lessons} == {(4, 7)}
    assert {lesson.frames.shape for lesson in lessons} == {(2, 28, 28)}


def test_correction_lists_the_runs_that_used_it(ready: None, superuser: User, user: User) -> None:
    run = start_run()
    used = run.corrections.filter(prediction__owner=user)[0]
    assert (
        f"Retraining {run.pk} used it" in user_client(user).get(f"/predictions/{used.prediction_id}/").content.decode()
    )
    admin = user_client(superuser).get(f"/admin/recognizer/correction/{used.pk}/change/").content.decode()
    assert f"run {run.pk}" in admin


def test_one_person_is_either_trained_or_tested_on(ready: None) -> None:
    sides: dict[str, set[bool]] = {}
    for lesson in gather(1, 0.5):
        sides.setdefault(lesson.person, set()).add(lesson.held_out)
    assert sorted(map(tuple, sides.values())) == [(False,), (True,)]


def test_train_test_split_is_stable_as_people_join() -> None:
    people = [f"person {number % 40}" for number in range(400)]
    before = held_out_people(people)
    after = held_out_people([*people, *["newcomer"] * 10])
    assert len(before) == 10
    assert len(before ^ after) <= 2


def test_one_person_has_at_most_the_largest_share(approved: Callable[..., None], user: User, other_user: User) -> None:
    approved(30, owner=user)
    approved(5, owner=other_user)
    approved(5)
    kept = capped(snapshots.candidates(), 0.5)
    newest = [candidate for candidate in kept if candidate.correction.prediction.owner == user]
    assert len(newest) <= 0.5 * len(kept)
    assert len(newest) == 10
    assert newest[0].correction.pk == min(c.correction.pk for c in newest) > 20


def test_approved_correction_by_staff_is_trusted(approved: Callable[..., None], staff: User) -> None:
    approved(20, owner=staff)
    lessons = gather(20, 0.5)
    assert len({lesson.person for lesson in lessons}) == 20
    assert sum(lesson.held_out for lesson in lessons) == 5


def test_confirmations_by_staff_are_capped(
    approved: Callable[..., None], make_prediction: Make, staff: User, user: User
) -> None:
    for _ in range(30):
        make_prediction("42", owner=staff).flag("42")
    approved(10, owner=user)
    kept = capped(snapshots.candidates(), 0.5)
    assert Counter(candidate.correction.prediction.owner_id for candidate in kept) == {staff.pk: 10, user.pk: 10}


def test_imports_are_split_by_writer_without_a_cap(
    approved: Callable[..., None], make_prediction: Make, staff: User
) -> None:
    for writer in ("w1", "w2", "w3", "w4", ""):
        for _ in range(8):
            make_prediction("42", owner=staff).corrections.create(
                text="47", state="approved", reviewed_by=staff, imported=True, writer=writer
            )
    approved(4)
    lessons = gather(20, 0.1)
    assert len(lessons) == 44
    sides = {writer: {lesson.held_out for lesson in lessons if lesson.person == writer} for writer in ("w1", "w2")}
    assert all(len(side) == 1 for side in sides.values())
    assert len({lesson.person for lesson in lessons}) == 4 + 8 + 4


def test_too_few_corrections_are_a_clear_message(approved: Callable[..., None], user: User) -> None:
    with pytest.raises(TooFew, match="0 corrections are approved or confirmed, and a retraining needs at least 20"):
        start_run()
    approved(30, owner=user)
    with pytest.raises(TooFew, match="nobody may have more than 50%"):
        start_run()
    with pytest.raises(TooFew, match="one person"):
        gather(1, 1.0)
    assert not TrainingRun.objects.exists()


def test_confirmed_readings_are_trained_on_up_to_the_cap(
    approved: Callable[..., None], make_prediction: Make, user: User, other_user: User
) -> None:
    approved(10, owner=other_user)
    for _ in range(30):
        make_prediction("42", owner=user).flag("42", by=user)
    lessons = gather(20, 0.5)
    assert len(lessons) == 20
    assert sum(lesson.text == "42" and lesson.labels == [4, 2] for lesson in lessons) == 10


def test_corrections_not_fitting_the_boxes_test_whole_pages(make_prediction: Make, superuser: User) -> None:
    for _ in range(8):
        make_prediction("42").flag("421").approve(by=superuser)
        make_prediction("42").flag("47").approve(by=superuser)
    strings = [lesson for lesson in gather(1, 0.5) if lesson.labels is None]
    assert len(strings) == 8
    assert all((lesson.page is not None) == lesson.held_out for lesson in strings)


def test_snapshot_is_reproducible_and_checked_by_hash() -> None:
    lesson = Lesson(3, "ada", "7", np.full((1, 28, 28), 9, np.uint8), [7], b"page", True)
    content = freeze([lesson])
    assert content == freeze([lesson])
    (back,) = thaw(content, __import__("hashlib").sha256(content).hexdigest())
    assert (back.correction, back.person, back.labels, back.page, back.held_out) == (3, "ada", [7], b"page", True)
    assert np.array_equal(back.frames, lesson.frames)
    with pytest.raises(ValueError, match="not the one recorded"):
        thaw(content, "0" * 64)


def test_second_active_run_is_refused(ready: None) -> None:
    first = start_run()
    with pytest.raises(RunActive):
        start_run()
    with pytest.raises(IntegrityError), transaction.atomic():
        TrainingRun.objects.create(state=RunState.RUNNING)
    assert first.cancel()
    assert not first.cancel()
    start_run()


def test_worker_with_a_lost_lease_cannot_write() -> None:
    run = TrainingRun.objects.create()
    first = TrainingRun.objects.take(run.pk)
    assert first == 1
    assert TrainingRun.objects.take(run.pk) is None
    TrainingRun.objects.update(lease_until=timezone.now() - datetime.timedelta(seconds=1))
    assert list(TrainingRun.objects.lost()) == [run]
    assert TrainingRun.objects.take(run.pk) == 2
    with pytest.raises(LeaseLost):
        TrainingRun.objects.report(run.pk, 1, phase="late")
    with pytest.raises(LeaseLost):
        TrainingRun.objects.heartbeat(run.pk, 1)
    TrainingRun.objects.report(run.pk, 2, phase="in time")
    run.refresh_from_db()
    assert run.phase == "in time"
    assert run.cancel()
    with pytest.raises(LeaseLost):
        TrainingRun.objects.report(run.pk, 2, state=RunState.PROMOTED)


def test_run_fails_after_too_many_dead_processes() -> None:
    run = TrainingRun.objects.create()
    for _ in range(MAX_ATTEMPTS):
        fence = TrainingRun.objects.take(run.pk)
        assert fence is not None
        TrainingRun.objects.give_back(run.pk, fence, died=True)
    run.refresh_from_db()
    assert (run.state, "died 5 times" in run.error) == ("failed", True)


def test_workers_that_stop_in_order_do_not_fail_a_run() -> None:
    run = TrainingRun.objects.create()
    for _ in range(2 * MAX_ATTEMPTS):
        fence = TrainingRun.objects.take(run.pk)
        assert fence is not None
        TrainingRun.objects.give_back(run.pk, fence, died=False)
    run.refresh_from_db()
    assert (run.state, run.attempts) == ("queued", 0)


def test_run_fails_after_repeated_worker_deaths() -> None:
    run = TrainingRun.objects.create()
    for _ in range(MAX_ATTEMPTS):
        assert TrainingRun.objects.take(run.pk) is not None
        TrainingRun.objects.update(lease_until=timezone.now() - datetime.timedelta(seconds=1))
    assert TrainingRun.objects.take(run.pk) is None
    run.refresh_from_db()
    assert (run.state, "died 5 times" in run.error) == ("failed", True)


@pytest.mark.parametrize("stopping", [True, False])
def test_ended_process_counts_as_death_unless_the_worker_stops(
    monkeypatch: pytest.MonkeyPatch, settings: Any, stopping: bool
) -> None:
    settings.TRAINING_PROCESS = ["false"]
    stop = threading.Event()
    if stopping:
        stop.set()
    run = TrainingRun.objects.create()
    supervisor.supervise(run.pk, stop)
    run.refresh_from_db()
    assert (run.state, run.attempts) == ("queued", 0 if stopping else 1)


def test_run_with_a_lost_message_is_carried_out(nothing_delivered: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    monkeypatch.setattr(tasks, "supervise", lambda pk, stopping: taken.append(pk))
    run = TrainingRun.objects.create()
    tasks.work_on_lost_runs()
    assert taken == []
    TrainingRun.objects.update(queued_at=timezone.now() - datetime.timedelta(minutes=1))
    tasks.work_on_lost_runs()
    assert taken == [run.pk]
    assert nothing_delivered == [], "the broker is not asked"


@pytest.mark.parametrize(
    ("queues", "looks"), [("training", ["runs"]), ("batches", ["batches"]), ("training,batches", ["runs", "batches"])]
)
def test_worker_polls_before_the_broker_is_reachable(
    monkeypatch: pytest.MonkeyPatch, queues: str, looks: list[str]
) -> None:
    started: list[str] = []
    monkeypatch.setattr(tasks, "_lost_runs", MagicMock(start=lambda: started.append("runs")))
    monkeypatch.setattr(batches.tasks, "_pollers", [MagicMock(start=lambda: started.append("batches"))])
    monkeypatch.setattr(batches.tasks.cv2, "setNumThreads", lambda threads: None)
    worker = MagicMock()
    worker.app.amqp.queues.consume_from = dict.fromkeys(queues.split(","))
    celeryd_after_setup.send(sender="a worker", instance=worker, conf=None)
    assert sorted(started) == sorted(looks)


def test_run_task_name_exists() -> None:
    assert tasks.train.name == TASK


def test_repeated_message_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []
    monkeypatch.setattr(supervisor, "start", lambda pk, fence: started.append(pk))
    run = TrainingRun.objects.create()
    TrainingRun.objects.take(run.pk)
    tasks.train(run.pk)
    tasks.train(run.pk + 1)
    assert started == []


def test_run_cancelled_while_queued_leaves_no_snapshot(ready: None, media: Path) -> None:
    run = start_run()
    assert list((media / "runs").rglob("*.zip"))
    run.cancel()
    tasks.train(run.pk)
    assert not list((media / "runs").rglob("*.zip"))


def ending(pk: int, fence: int, folder: Path, passed: bool = True) -> None:
    from training.retraining.runs import finish_run

    serving = ModelVersion.objects.serving()
    assert serving is not None
    finish_run(pk, fence, folder, serving, {"passed": passed, "checks": []})


@pytest.fixture
def made(tmp_path: Path, media: Path) -> Path:
    from tests.recognizer.test_serving import folder_of

    return folder_of(tmp_path / "made", "made", b"1")


@pytest.mark.parametrize(
    ("shadow", "passed", "state", "serves"),
    [
        (0, True, "promoted", True),
        (0, False, "refused", False),
        (9, True, "passed", False),
        (9, False, "refused", False),
    ],
)
def test_verdict_decides_the_promotion(
    version: ModelVersion, made: Path, shadow: int, passed: bool, state: str, serves: bool
) -> None:
    run = TrainingRun.objects.create(shadow=shadow)
    ending(run.pk, TrainingRun.objects.take(run.pk) or 0, made, passed)
    run.refresh_from_db()
    assert run.state == state
    assert run.challenger is not None, "a challenger is kept whatever the verdict"
    assert (ModelVersion.objects.serving() == run.challenger) is serves


def test_cancelled_run_stores_no_challenger(version: ModelVersion, made: Path) -> None:
    run = TrainingRun.objects.create()
    fence = TrainingRun.objects.take(run.pk) or 0
    run.cancel()
    with pytest.raises(LeaseLost):
        ending(run.pk, fence, made)
    assert not ModelVersion.objects.filter(name="made").exists()


def test_challenger_of_an_older_champion_is_not_promoted(version: ModelVersion, made: Path) -> None:
    from training.retraining.runs import finish_run

    run = TrainingRun.objects.create()
    fence = TrainingRun.objects.take(run.pk) or 0
    other = ModelVersion.objects.create(name="other")
    other.promote()
    finish_run(run.pk, fence, made, version, {"passed": True, "checks": []})
    run.refresh_from_db()
    assert run.state == "refused"
    assert "The current version is now other" in run.verdict["checks"][0]["sentence"]


def test_full_disk_leaves_no_partial_version_and_is_reported(
    version: ModelVersion, made: Path, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.management.commands import train_run

    save = default_storage._save  # type: ignore[attr-defined]

    def full(name: str, content: Any) -> str:
        if name.endswith("digits.tflite"):
            raise OSError(28, "No space left on device")
        return str(save(name, content))

    run = TrainingRun.objects.create()
    fence = TrainingRun.objects.take(run.pk) or 0
    monkeypatch.setattr(type(default_storage._wrapped), "_save", lambda self, name, content: full(name, content))  # type: ignore[attr-defined]
    with pytest.raises(OSError, match="No space"):
        ending(run.pk, fence, made)
    train_run.fail(run.pk, fence, OSError(28, "No space left on device"))
    run.refresh_from_db()
    assert (run.state, run.error) == ("failed", "The disk is full. Make room and retrain.")
    assert not ModelVersion.objects.filter(name="made").exists()
    assert not [path for path in (media / "versions").rglob("made/*") if path.is_file()]
    assert ModelVersion.objects.serving() == version


def test_full_disk_before_a_run_leaves_no_run(ready: None, superuser: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Any, name: str, content: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(default_storage._wrapped), "_save", full)  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match="No space left on device"):
        call_command("retrain")
    answer = user_client(superuser).post("/dashboard/retrain/", follow=True)
    assert "No space left on device" in answer.content.decode()
    assert not TrainingRun.objects.exists()


def test_retrain_command_explains_why_no_run_starts() -> None:
    with pytest.raises(CommandError, match="a retraining needs at least 20"):
        call_command("retrain")
    with pytest.raises(CommandError, match="No run is active"):
        call_command("retrain", cancel=True)


def test_retrain_command_shows_the_loss_curve(version: ModelVersion) -> None:
    with pytest.raises(CommandError, match="no runs yet"):
        call_command("retrain", follow=0)
    verdict = {"passed": False, "checks": [{"name": "each digit", "passed": False, "sentence": "3 is read worse."}]}
    run = TrainingRun.objects.create(state=RunState.REFUSED, verdict=verdict, curves={"loss": [0.8, 0.4, 0.1]})
    out = io.StringIO()
    call_command("retrain", follow=run.pk, stdout=out)
    assert out.getvalue().splitlines() == [
        f"run {run.pk}: Refused",
        "  loss 0.800 █▅▂ 0.100",
        "  FAILED  each digit: 3 is read worse.",
    ]


def test_the_command_queues_a_run(ready: None) -> None:
    out = io.StringIO()
    call_command("retrain", json=True, stdout=out)
    told = json.loads(out.getvalue())
    assert (told["state"], told["corrections"]["taught"]) == ("queued", 10)


def test_any_of_the_last_five_versions_can_be_promoted(version: ModelVersion, superuser: User) -> None:
    twins = [
        ModelVersion.objects.create(
            name=f"twin {number}", litert_file=shipped.litert_file.name, litert_sha256=shipped.litert_sha256
        )
        for number in range(6)
        for shipped in [ModelVersion.objects.get(shipped=True)]
    ]
    for twin in twins:
        twin.promote()
    assert [before.name for before in ModelVersion.objects.served_before()] == [f"twin {n}" for n in (4, 3, 2, 1, 0)]
    browser = user_client(superuser)
    shown = browser.get("/dashboard/").content.decode()
    assert shown.count("Roll back") == 5
    browser.post("/dashboard/promote/", {"version": "twin 2"})
    assert ModelVersion.objects.serving() == twins[2]
    shown = browser.get("/dashboard/").content.decode()
    assert shown.count("Switch to this version") == 3, "they are newer than the current version"
    out = io.StringIO()
    call_command("promote", stdout=out)
    assert out.getvalue() == "twin 5 is now the current version\n"
    with pytest.raises(CommandError, match="Unknown version nothing"):
        call_command("promote", "nothing")


def test_retrain_button_starts_a_run_and_shows_progress(ready: None, superuser: User) -> None:
    browser = user_client(superuser)
    response = browser.post("/dashboard/retrain/", {"shadow": "5"}, follow=True)
    run = TrainingRun.objects.get()
    assert (run.shadow, run.requested_by) == (5, superuser)
    assert "Waiting for a worker" in response.content.decode()
    TrainingRun.objects.take(run.pk)
    progress = {"number": 30, "steps": 120, "loss": 0.5, "accuracy": 0.9, "seconds_left": 40}
    TrainingRun.objects.update(phase="training", progress=progress, curves={"loss": [1.0, 0.5]})
    told = browser.get(f"/dashboard/runs/{run.pk}/progress/").json()
    assert told["words"].startswith("training: step 30 of 120, loss 0.500, accuracy 90.0 %, 40 s left. About")
    assert (told["share"], told["active"], told["points"]) == (
        pytest.approx(0.02 + 0.5 * 0.25),
        True,
        "0.0,6.0 600.0,62.0",
    )
    assert "already active" in browser.post("/dashboard/retrain/", follow=True).content.decode()
    browser.post(f"/dashboard/runs/{run.pk}/cancel/")
    assert browser.get(f"/dashboard/runs/{run.pk}/progress/").json()["active"] is False
    assert browser.get("/admin/training/trainingrun/").status_code == 200
    run.cancel()
    assert ">None<" not in browser.get(f"/admin/training/trainingrun/{run.pk}/change/").content.decode()


def test_the_share_of_a_run_that_is_done_never_falls() -> None:
    reporter = [("reading the snapshot", {}), ("training", {}), ("training", {"number": 119, "steps": 120})]
    measured = [f"{who}: {part}" for who in ("champion", "challenger") for part in PARTS]
    stored = [("reading stored images", {"number": number, "steps": 4}) for number in range(4)]
    after = [*((phase, {}) for phase in ("exporting", *measured)), *stored, ("storing the version", {})]
    shares = [share_done(TrainingRun(phase=phase, progress=progress)) for phase, progress in [*reporter, *after]]
    assert shares == sorted(shares)
    assert len(set(shares)) == len(shares), "it moves in every phase"
    assert 0.5 < shares[3] < shares[-1] < 1
    assert sum(SHARES.values()) == pytest.approx(1)


def test_the_time_left_of_a_run_follows_its_share() -> None:
    started = timezone.now()
    run = TrainingRun(started_at=started, phase="reading the snapshot")
    assert seconds_left(run, started + datetime.timedelta(minutes=1)) is None
    run.phase = "challenger"
    done = share_done(run)
    left = seconds_left(run, started + datetime.timedelta(seconds=100 * done))
    assert left == pytest.approx(100 * (1 - done), abs=1)


def test_time_left_while_training_follows_the_steps() -> None:
    started = timezone.now()
    run = TrainingRun(started_at=started, phase="training", progress={"number": 1, "steps": 100, "seconds_left": None})
    late = started + datetime.timedelta(minutes=5)  # Spent on starting.
    assert seconds_left(run, late) is None
    run.progress = {"number": 50, "steps": 100, "seconds_left": 20}
    assert seconds_left(run, late) == pytest.approx(20 + 40 * (0.98 - SHARES["training"]) / SHARES["training"], abs=1)
    run.progress = {"number": 100, "steps": 100, "seconds_left": 0}
    assert seconds_left(run, late) == pytest.approx(300 * 0.48 / 0.52, abs=1)


def test_known_parts_are_those_reported() -> None:
    source = "".join(
        (site.BASE_DIR / "training" / "retraining" / f"{name}.py").read_text() for name in ("gate", "pipeline")
    )
    assert all(f'{part}"' in source for part in PARTS)


def test_run_is_marked_promoted_with_its_challenger(version: ModelVersion, superuser: User) -> None:
    run = TrainingRun.objects.create(state=RunState.PASSED, challenger=version, verdict={"passed": True, "checks": []})
    browser = user_client(superuser)
    assert "Promote test version" in browser.get(f"/dashboard/runs/{run.pk}/").content.decode()
    version.promote(by=superuser)
    shown = browser.get(f"/dashboard/runs/{run.pk}/").content.decode()
    assert "Promoted" in shown
    assert "Promote test version" not in shown


def test_too_few_corrections_are_shown_on_the_dashboard(superuser: User) -> None:
    response = user_client(superuser).post("/dashboard/retrain/", follow=True)
    assert "a retraining needs at least 20" in response.content.decode()


def test_dashboard_counts_corrections(ready: None, make_prediction: Make, superuser: User) -> None:
    make_prediction("42").flag("17").reject(by=superuser)
    response = user_client(superuser).get("/dashboard/")
    (record,) = response.context["records"]
    assert (record.name, record.reviewed, record.right) == ("test version", 21, 1)
    assert response.context["confusions"][7][2].count == 20
    assert response.context["share"] == {"readings": 21, "flagged": 21}
    assert response.context["days"][-1].readings == 21
    assert response.context["drift"]["count"] == 21
    assert "<style" not in response.content.decode()
    assert " style=" not in response.content.decode()


def test_imports_do_not_count_as_corrections_by_users(make_prediction: Make, staff: User, superuser: User) -> None:
    make_prediction("42", owner=staff, source="import").corrections.create(text="47", state="approved", imported=True)
    shown = user_client(superuser).get("/dashboard/").context
    assert shown["share"] == {"readings": 0, "flagged": 0}
    assert (shown["records"], shown["confusions"], shown["drift"]) == ([], [], None)
    assert shown["days"][-1].readings == 0
    assert shown["approved"] == 1, "it teaches all the same"


def test_dashboard_command_prints_the_figures(ready: None, make_prediction: Make, superuser: User) -> None:
    make_prediction("42").flag("17").reject(by=superuser)
    verdict = {"passed": False, "checks": [{"name": "each digit", "passed": False, "sentence": "3 is read worse."}]}
    run = TrainingRun.objects.create(state=RunState.REFUSED, verdict=verdict)
    out = io.StringIO()
    call_command("dashboard", stdout=out)
    told = out.getvalue()
    for line in (
        "21 readings, 100.00% flagged",
        "0 corrections to review, 20 approved",
        "4.76% of    21  test version",
        "7     ·    ·   20    ·",
        f"{run.pk}  {run.created_at:%Y-%m-%d %H:%M}  Refused: each digit",
    ):
        assert line in told
    assert told.count("test version") == 3
    out = io.StringIO()
    call_command("dashboard", json=True, stdout=out)
    figures = json.loads(out.getvalue())
    assert figures["confusions"][7][2] == 20
    assert figures["runs"] == [{"id": run.pk, "state": "refused", "failed": ["each digit"]}]
    assert (figures["serving"], figures["days"][-1]["readings"]) == ("test version", 21)


STEP_BACK = """
import os, django
django.setup()
from pathlib import Path
from training.management.commands.train_run import lower_priority
lower_priority()
group = Path("/proc/self/autogroup")
print(os.nice(0), *group.read_text().split()[-1:] if group.exists() else [])
"""


def test_training_process_lowers_its_priority() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STEP_BACK], cwd=site.BASE_DIR, capture_output=True, text=True, start_new_session=True
    )
    # Where Linux weighs sessions, the second number is the session's.
    assert done.stdout.split() in (["19", "19"], ["19"]), done.stderr

"""Start training runs, and record their progress and result."""

import datetime
import hashlib
import logging
from functools import partial
from pathlib import Path
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, gettext_noop

from core.leases import LeaseLost
from recognizer.models import Correction, ModelVersion
from recognizer.serving.install import install_version
from training.models import RunState, TrainingRun

from .snapshots import freeze, gather
from .verdicts import Check

logger = logging.getLogger(__name__)

TASK = "training.tasks.train"
"""Named as a string, because the task's module imports this one indirectly."""

ALREADY_ACTIVE = gettext_lazy("A run is already active. Wait until it ends, or cancel it.")


class RunActive(Exception):
    """Another run is queued or running; only one is allowed at a time."""


class CannotRetrain(Exception):
    """A run lacks what it needs. `str()` is a sentence in English, of the catalogues."""


def start_run(by: Any = None, shadow: int = 0) -> TrainingRun:
    """Save a snapshot of the approved corrections and queue a run.

    shadow: number of stored images on which to compare both versions; with any, nothing is promoted automatically.
    Raises snapshots.TooFew if there are too few corrections, RunActive if another run is active.
    """
    if TrainingRun.objects.active().exists():
        raise RunActive(ALREADY_ACTIVE)
    lessons = gather(settings.RETRAIN_LEAST, settings.RETRAIN_LARGEST_SHARE)
    content = freeze(lessons)
    held_out = sum(lesson.held_out for lesson in lessons)
    try:
        with transaction.atomic():
            run = TrainingRun.objects.create(
                requested_by=by,
                shadow=shadow,
                snapshot_sha256=hashlib.sha256(content).hexdigest(),
                taught=sum(bool(lesson.labels) and not lesson.held_out for lesson in lessons),
                held_out=held_out,
            )
            # Corrections deleted in the meantime are left out, here and when the run opens its snapshot.
            chosen = Correction.objects.select_for_update().filter(pk__in=[lesson.correction for lesson in lessons])
            run.corrections.set(list(chosen))
            run.snapshot.save("snapshot.zip", ContentFile(content))
            transaction.on_commit(partial(enqueue_run, run.pk))
    except IntegrityError as error:
        if TrainingRun.objects.active().exists():
            raise RunActive(ALREADY_ACTIVE) from error
        raise
    return run


def enqueue_run(pk: int) -> bool:
    """Send a run's id to the workers. If the broker is unreachable, they find the run by polling. Returns if sent."""
    try:
        current_app.send_task(TASK, (pk,), ignore_result=True)
    except Exception as error:  # Each broker's library has exceptions of its own; all mean that it is unreachable.
        logger.warning("run %s is queued, but the broker does not answer: %s", pk, error)
        return False
    return True


def finish_run(
    pk: int, fence: int, folder: Path, champion: ModelVersion, verdict: dict[str, Any], differences: Any = None
) -> None:
    """Record version, verdict and promotion in one transaction. Raises LeaseLost.

    verdict: a Verdict as JSON.
    """
    TrainingRun.objects.report(pk, fence, phase="storing the version", progress={})
    with transaction.atomic():
        # The lock keeps others from taking or cancelling the run until this is committed.
        run = TrainingRun.objects.select_for_update().held(pk, fence).first()
        if run is None:
            raise LeaseLost(f"run {pk} is no longer held by fence {fence}")
        challenger = install_version(folder)
        serving = ModelVersion.objects.serving()
        if serving != champion:
            late = Check("champion", False, {"now": str(serving), "before": str(champion)})
            verdict = {"passed": False, "checks": [*verdict["checks"], late.as_json()]}
        if not verdict["passed"]:
            state = RunState.REFUSED
        elif run.shadow:
            state = RunState.PASSED
        else:
            state = RunState.PROMOTED
            challenger.promote(by=run.requested_by)
        ended = {"state": state, "phase": "", "progress": {}, "finished_at": timezone.now()}
        results = {"verdict": verdict, "differences": differences, "challenger": challenger}
        TrainingRun.objects.report(pk, fence, **ended, **results)


SHARES = {
    gettext_noop("reading the snapshot"): 0.02,
    gettext_noop("training"): 0.5,
    gettext_noop("exporting"): 0.06,
    gettext_noop("champion"): 0.18,
    gettext_noop("challenger"): 0.18,
    gettext_noop("reading stored images"): 0.04,
    gettext_noop("storing the version"): 0.02,
}
"""Phases of a run in order, with the approximate share of its time. A phase may be `PHASE: part`."""

PARTS = (
    gettext_noop("reading MNIST's validation images"),
    gettext_noop("reading corrections"),
    gettext_noop("reading pages without a number"),
    gettext_noop("reading MNIST's test images"),
)
"""Parts of measuring champion and challenger, in order; the last one of the challenger alone."""


def share_done(run: TrainingRun) -> float:
    """Return a run's progress from 0.0 to 1.0. It never falls while one worker has the run."""
    done = 0.0
    for phase, share in SHARES.items():
        name, _, part = run.phase.partition(": ")
        if phase == name:
            within = PARTS.index(part) / len(PARTS) if part in PARTS else 0.0
            if "number" in run.progress:
                within = run.progress["number"] / max(1, run.progress["steps"])
            return done + share * within
        done += share
    return 0.0


def seconds_left(run: TrainingRun, now: datetime.datetime) -> int | None:
    """Estimate the seconds a run still takes from its progress; None before the second step of training."""
    share = share_done(run)
    if run.started_at is None or share <= SHARES["reading the snapshot"]:
        return None
    elapsed = (now - run.started_at).total_seconds()
    if run.phase == "training":
        return _seconds_left_by_steps(run.progress, share, elapsed)
    return round(elapsed * (1 - share) / share)


def _seconds_left_by_steps(progress: dict[str, Any], share: float, elapsed: float) -> int | None:
    """Estimate from the speed of the steps: most of the time before them was spent on starting."""
    left = progress.get("seconds_left")
    if left is None:
        return None
    share_left = SHARES["training"] * (1 - progress["number"] / progress["steps"])
    return round(left * (1 - share) / share_left if share_left else elapsed * (1 - share) / share)


def words_of(run: TrainingRun) -> str:
    """Describe an active run's phase and about how long it still takes."""
    left = seconds_left(run, timezone.now())
    if left is None:
        return run.in_words
    minutes = round(left / 60)
    if not minutes:
        return gettext("%(words)s. About a minute until it ends") % {"words": run.in_words}
    return gettext("%(words)s. About %(minutes)d min until it ends") % {"words": run.in_words, "minutes": minutes}

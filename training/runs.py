"""Starting a run, and telling how it goes."""

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from recognizer.models import Correction, ModelVersion
from recognizer.serving import install_version

from .models import Fenced, State, TrainingRun
from .snapshots import freeze, gather
from .tasks import deliver

UNDER_WAY = "A run is under way already. Wait for its end, or cancel it."


class RunActive(Exception):
    """One run at a time: another waits or works."""


def start_run(by: Any = None, shadow: int = 0) -> TrainingRun:
    """Freeze what is approved and queue a run. shadow: how many stored images to read before anything is promoted.

    Raises snapshots.TooFew where a run would not be worth it, RunActive where one is under way.
    """
    if TrainingRun.objects.active().exists():
        raise RunActive(UNDER_WAY)
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
            # What its owner has erased meanwhile is left out, here and when the run opens its snapshot.
            chosen = Correction.objects.select_for_update().filter(pk__in=[lesson.correction for lesson in lessons])
            run.corrections.set(list(chosen))
            run.snapshot.save("snapshot.zip", ContentFile(content))
            transaction.on_commit(partial(deliver, run.pk))
    except IntegrityError as error:
        if TrainingRun.objects.active().exists():
            raise RunActive(UNDER_WAY) from error
        raise
    return run


def finish_run(
    pk: int, fence: int, folder: Path, champion: ModelVersion, verdict: dict[str, Any], differences: Any = None
) -> None:
    """Record version, verdict and promotion together, or nothing of it. Raises models.Fenced.

    verdict: gate.Verdict as JSON.
    """
    TrainingRun.objects.report(pk, fence, phase="keeping the version", progress={})
    with transaction.atomic():
        # From here on nobody can take or cancel the run, until all of it stands.
        run = TrainingRun.objects.select_for_update().held(pk, fence).first()
        if run is None:
            raise Fenced(f"run {pk} is no longer number {fence}'s")
        challenger = install_version(folder)
        serving = ModelVersion.objects.serving()
        if serving != champion:
            late = f"{serving} serves by now, and the comparison was with {champion}."
            checks = [*verdict["checks"], {"name": "champion", "passed": False, "sentence": late}]
            verdict = {"passed": False, "checks": checks}
        if not verdict["passed"]:
            state = State.REFUSED
        elif run.shadow:
            state = State.PASSED
        else:
            state = State.PROMOTED
            challenger.promote(by=run.requested_by)
        ended = {"state": state, "phase": "", "progress": {}, "finished_at": timezone.now()}
        found = {"verdict": verdict, "differences": differences, "challenger": challenger}
        TrainingRun.objects.report(pk, fence, **ended, **found)


def as_json(run: TrainingRun) -> dict[str, Any]:
    """Tell a run to programs."""
    return {
        "id": run.pk,
        "state": run.state,
        "phase": run.phase,
        "progress": run.progress,
        "curves": run.curves,
        "verdict": run.verdict,
        "differences": run.differences,
        "error": run.error,
        "corrections": {"taught": run.taught, "held_out": run.held_out, "sha256": run.snapshot_sha256},
        "champion": run.champion.name if run.champion else None,
        "challenger": run.challenger.name if run.challenger else None,
        "created_at": run.created_at.isoformat(),
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
    }


def in_words(run: TrainingRun) -> str:
    """Say in a line where an active run is."""
    if run.state == "queued":
        return "waiting for a worker"
    if "number" not in run.progress:
        return run.phase
    progress = run.progress
    return (
        f"{run.phase}: step {progress['number']} of {progress['steps']}, loss {progress['loss']:.3f}, "
        f"accuracy {progress['accuracy']:.1%}, {progress['seconds_left']} s left"
    )

"""What a run leaves behind when it has ended."""

import datetime
from collections.abc import Iterator

from django.core.files.storage import default_storage

from recognizer.storage import unknown_files

from .models import TrainingRun


def clean_up(pk: int) -> None:
    """Remove an ended run's snapshot: the row keeps its hash, and people who erase their pictures leave none here."""
    run = TrainingRun.objects.filter(pk=pk).first()
    if run is not None and not run.is_active and run.snapshot:
        default_storage.delete(str(run.snapshot))


def orphaned_snapshots(older_than: datetime.timedelta) -> Iterator[str]:
    """Yield the names of stored snapshots that no run needs: it has ended, or a crash came before its row."""
    return unknown_files(
        "runs",
        lambda names: set(TrainingRun.objects.active().filter(snapshot__in=names).values_list("snapshot", flat=True)),
        older_than,
    )

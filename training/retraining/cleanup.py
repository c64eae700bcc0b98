"""Files that a training run leaves behind."""

import datetime
from collections.abc import Iterator

from core.storage.deletion import delete_files
from core.storage.durable import unknown_files
from training.models import TrainingRun


def clean_up(pk: int) -> None:
    """Delete an ended run's snapshot. Its row keeps the hash, and erased pictures are not kept in a snapshot."""
    run = TrainingRun.objects.filter(pk=pk).first()
    if run is not None and not run.is_active and run.snapshot:
        delete_files([str(run.snapshot)])


def orphaned_snapshots(older_than: datetime.timedelta) -> Iterator[str]:
    """Yield the names of stored snapshots of ended runs, or without a run after a crash."""
    return unknown_files(
        "runs",
        lambda names: set(TrainingRun.objects.active().filter(snapshot__in=names).values_list("snapshot", flat=True)),
        older_than,
    )

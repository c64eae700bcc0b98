"""What a run leaves behind when it has ended."""

from django.core.files.storage import default_storage

from .models import TrainingRun


def clean_up(pk: int) -> None:
    """Remove a run's snapshot: the row keeps its hash, and people who erase their pictures leave none here."""
    run = TrainingRun.objects.filter(pk=pk).first()
    if run is not None and not run.is_active and run.snapshot:
        default_storage.delete(str(run.snapshot))

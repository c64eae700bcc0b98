from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_save
from django.utils.translation import gettext_lazy


class TrainingConfig(AppConfig):
    name = "training"
    verbose_name = gettext_lazy("Training")

    def ready(self) -> None:
        # For every kind of promotion: on the dashboard, in the admin, by a command.
        post_save.connect(record_promotion, sender="recognizer.Promotion")


def record_promotion(instance: Any, created: bool, raw: bool = False, **kwargs: Any) -> None:
    from .models import TrainingRun

    if created and not raw:
        TrainingRun.objects.record_promotion(instance.version)

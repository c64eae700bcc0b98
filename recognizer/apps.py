from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy


class RecognizerConfig(AppConfig):
    name = "recognizer"
    verbose_name = gettext_lazy("Digit reader")

    def ready(self) -> None:
        from recognizer.serving.install import install_shipped_version

        from . import checks  # noqa: F401
        from .api import origins  # noqa: F401

        # `migrate` alone gives a database that serves the version the project ships.
        post_migrate.connect(install_shipped_version, sender=self)

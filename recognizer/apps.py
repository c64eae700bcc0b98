from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RecognizerConfig(AppConfig):
    name = "recognizer"
    verbose_name = "Digit reader"

    def ready(self) -> None:
        from . import checks  # noqa: F401
        from .serving import install_shipped_version

        # `migrate` alone gives a database that serves the version the project ships.
        post_migrate.connect(install_shipped_version, sender=self)

from django.apps import AppConfig
from django.contrib.admin import apps

from .privacy import close_to_others


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        # In every process: web, worker or command, for example `migrate` after a restore.
        close_to_others()


class GuardedAdminConfig(apps.AdminConfig):
    default = False
    default_site = "core.sites.GuardedSite"

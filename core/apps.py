from django.apps import AppConfig
from django.apps import apps as installed
from django.contrib.admin import apps
from django.utils.translation import gettext_lazy

from .names import translate_names
from .privacy import close_to_others


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = gettext_lazy("Audit")

    def ready(self) -> None:
        translate_names(installed.get_models())
        # In every process: web, worker or command, for example `migrate` after a restore.
        close_to_others()


class GuardedAdminConfig(apps.AdminConfig):
    default = False
    default_site = "core.sites.GuardedSite"

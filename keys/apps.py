from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class KeysConfig(AppConfig):
    name = "keys"
    verbose_name = gettext_lazy("API access")

from django.apps import AppConfig


class Tokens(AppConfig):
    """The app that keeps tokens, under a name that says so in the admin."""

    name = "knox"
    verbose_name = "API access"

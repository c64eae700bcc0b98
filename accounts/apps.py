from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_save


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from allauth.account.signals import authentication_step_completed, password_reset

        from . import audit  # noqa: F401  # connects its receivers
        from .adapter import forget_guesses
        from .history import move_history
        from .names import keep_folded
        from .proof import note_log_in, note_step

        # For every kind of log-in.
        user_logged_in.connect(move_history)
        user_logged_in.connect(note_log_in)
        authentication_step_completed.connect(note_step)
        password_reset.connect(forget_guesses)
        post_save.connect(keep_folded, sender=settings.AUTH_USER_MODEL)

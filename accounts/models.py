"""Account data besides Django's users."""

from django.conf import settings
from django.db import models

MAX_FOLDED = 450
"""Length of a folded name: folding may turn each of 150 characters into three."""


class FoldedName(models.Model):
    """A user's folded name. It is unique."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="folded_name")
    folded = models.CharField(max_length=MAX_FOLDED, unique=True)

    def __str__(self) -> str:
        return self.folded


class Language(models.Model):
    """A user's chosen language, for all devices and for mails."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="language")
    code = models.CharField(max_length=10)

    def __str__(self) -> str:
        return self.code

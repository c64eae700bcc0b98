"""Predictions, corrections and model versions in the admin."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from . import corrections, predictions, versions  # noqa: F401  # each registers its models

admin.site.site_header = admin.site.site_title = gettext_lazy("Digit reader")
admin.site.index_title = gettext_lazy("Administration")
# The sidebar is not needed for seven models, and lists need the width.
admin.site.enable_nav_sidebar = False

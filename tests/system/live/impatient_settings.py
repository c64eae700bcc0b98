"""The site's settings with a second's patience for a locked database."""

from digitsite.settings import *  # noqa: F403
from digitsite.settings import DATABASES

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"]["timeout"] = 1
else:
    DATABASES["default"]["OPTIONS"]["options"] = "-c lock_timeout=1s"

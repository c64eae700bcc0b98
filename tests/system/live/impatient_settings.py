"""The site's settings with a lock timeout of one second."""

from digitsite.settings import *  # noqa: F403
from digitsite.settings import DATABASES

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"]["timeout"] = 1
else:
    DATABASES["default"]["OPTIONS"]["options"] = "-c lock_timeout=1s"

"""The site's settings with short leases, for workers that are killed, and with a queue of each test's own."""

import os

from digitsite.settings import *  # noqa: F403
from digitsite.settings import CELERY_BROKER_TRANSPORT_OPTIONS

BATCH_LEASE = 2
if prefix := os.environ.get("TEST_QUEUE_PREFIX"):
    CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"] = prefix

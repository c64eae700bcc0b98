"""The site's settings with a training process that only rehearses, and short leases."""

import os
import sys

from digitsite.settings import *  # noqa: F403

TRAINING_LEASE = 3
TRAINING_PROCESS = [sys.executable, "-m", "tests.system.live.rehearsal"]
CELERY_TASK_DEFAULT_QUEUE = os.environ.get("REHEARSAL_QUEUE", "training")

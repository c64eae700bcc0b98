"""Loaded into a worker: a picture that ends in `deadly` kills its process, as a crash in C code would."""

import os
import signal
from typing import Any

from batches import tasks, worker
from recognizer.models import Prediction
from recognizer.predictions import read_prediction


def read(data: bytes, **kwargs: Any) -> Prediction:
    if data.endswith(b"deadly"):
        os.kill(os.getpid(), signal.SIGKILL)
    return read_prediction(data, **kwargs)


worker.read_prediction = read  # type: ignore[attr-defined]

for poller in tasks._pollers:
    poller.interval = min(poller.interval, 0.2)

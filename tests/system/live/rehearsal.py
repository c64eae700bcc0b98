"""Replaces the training process in tests of what happens around it: it takes seconds and trains nothing.

It goes through the same command, row and ending; its challenger is the champion with a card of its own.
"""

import hashlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import django
from django.core.management import call_command

PAUSE = float(os.environ.get("REHEARSAL_PAUSE", "0.25"))
"""Seconds between two of sixteen reports."""


def rehearse(self: object, pk: int, fence: int) -> None:
    from recognizer.models import ModelVersion
    from training.models import TrainingRun
    from training.retraining.runs import finish_run

    champion = ModelVersion.objects.serving()
    assert champion is not None
    for number in range(1, 17):
        progress = {"number": number, "steps": 16, "loss": 1 / number, "accuracy": 0.5, "seconds_left": 1}
        TrainingRun.objects.report(pk, fence, champion=champion, phase="training", progress=progress)
        time.sleep(PAUSE)
    while (Path(os.environ["MEDIA_ROOT"]) / "hold").exists():
        TrainingRun.objects.report(pk, fence, phase="held")
        time.sleep(0.02)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        # Bytes after the end change the file's hash but not the network.
        content = champion.litert_file.open("rb").read() + os.urandom(8)
        files = {"digits.keras": b"keras" + content[-8:], "digits.tflite": content}
        for name, data in files.items():
            (folder / name).write_bytes(data)
        (folder / "mistakes.png").write_bytes(b"strip")
        card = {"name": f"rehearsed-{pk}-{fence}"}
        card["files"] = {name: {"sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}  # type: ignore[assignment]
        (folder / "card.json").write_text(json.dumps(card))
        verdict = {"passed": os.environ.get("REHEARSAL") != "refuse", "checks": []}
        finish_run(pk, fence, folder, champion, verdict)


if __name__ == "__main__":
    django.setup()
    from training.management.commands import train_run

    train_run.Command.retrain = rehearse  # type: ignore[method-assign]
    call_command("train_run", *sys.argv[1:])

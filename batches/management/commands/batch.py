import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from batches.archives import BadArchive
from batches.intake import TooManyBatches, start_batch
from batches.lifecycle import stop_batch
from batches.models import Batch, BatchState, Chunk
from batches.results import json_lines
from batches.worker import read_waiting
from recognizer.exceptions import QuotaExceeded
from recognizer.models import Source

TIMEOUT = 5.0
"""Seconds without progress after which this process reads the batch itself."""


class Command(BaseCommand):
    help = "Create a batch from a zip or a folder of images. Workers read it and store the predictions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH")
        parser.add_argument("--user", metavar="NAME", default="batch", help="owner of the pictures (default: batch)")
        parser.add_argument(
            "--wait", action="store_true", help="wait for the end, then print one JSON object for each picture"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["path"]
        owner, fresh = get_user_model().objects.get_or_create(username=options["user"])
        if fresh:
            owner.set_unusable_password()
            owner.save()
        try:
            with zip_of(path) as file:
                batch = start_batch(owner, file, Source.API, path.name)
        except (BadArchive, TooManyBatches, QuotaExceeded) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        if not options["wait"]:
            self.stdout.write(f"{batch}: {batch.total} pictures queued")
            return
        try:
            follow(batch)
        except KeyboardInterrupt:
            stop_batch(batch)
            raise
        for line in json_lines(batch.items.in_order().iterator(chunk_size=500)):
            self.stdout.write(line, ending="")
        if batch.state != BatchState.DONE:
            raise CommandError(f"{batch} {batch.state}. {batch.error}")


@contextmanager
def zip_of(path: Path) -> Iterator[IO[bytes]]:
    """Open a zip, or pack a folder's files into a temporary zip, sorted by name."""
    if not path.is_dir():
        with path.open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as packed:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for file_path in sorted(found for found in path.rglob("*") if found.is_file()):
                archive.write(file_path, file_path.relative_to(path))
        packed.seek(0)
        yield packed


def follow(batch: Batch) -> None:
    """Show a batch's progress until it ends. If no worker takes it, read it in this process."""
    moved = time.monotonic()
    stopping = threading.Event()
    reader: threading.Thread | None = None
    with tqdm(total=batch.total, unit="image", file=sys.stderr, desc=str(batch)) as bar:
        try:
            while batch.is_active:
                time.sleep(0.2)
                batch.refresh_from_db()
                if batch.done > bar.n:
                    moved = time.monotonic()
                bar.update(batch.done - bar.n)
                waits = Chunk.objects.free().filter(batch=batch).exists()
                if waits and time.monotonic() - moved > TIMEOUT and (reader is None or not reader.is_alive()):
                    reader = threading.Thread(target=read_waiting, args=(stopping,))
                    reader.start()
        finally:
            stopping.set()
            if reader is not None:
                reader.join()

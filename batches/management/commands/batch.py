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
from batches.ending import stop_batch
from batches.keeping import TooManyBatches, start_batch
from batches.models import Batch, Chunk, State
from batches.readings import read_waiting
from batches.results import json_lines
from recognizer.models import Source

PATIENCE = 5.0
"""Seconds without progress after which no worker is expected, and this process reads."""


class Command(BaseCommand):
    help = "Send a zip, or a folder of images, to be read by the workers and kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH")
        parser.add_argument(
            "--user", metavar="NAME", default="batch", help="whose pictures they become (default: batch)"
        )
        parser.add_argument("--wait", action="store_true", help="wait for the end, and print a JSON object for each")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["path"]
        owner, fresh = get_user_model().objects.get_or_create(username=options["user"])
        if fresh:
            owner.set_unusable_password()
            owner.save()
        try:
            with zip_of(path) as file:
                batch = start_batch(owner, file, Source.API, path.name)
        except (BadArchive, TooManyBatches) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        if not options["wait"]:
            self.stdout.write(f"{batch}: {batch.total} pictures wait for a worker")
            return
        try:
            follow(batch)
        except KeyboardInterrupt:
            stop_batch(batch)
            raise
        for line in json_lines(batch.items.in_order().iterator(chunk_size=500)):
            self.stdout.write(line, ending="")
        if batch.state != State.DONE:
            raise CommandError(f"{batch} {batch.state}. {batch.error}")


@contextmanager
def zip_of(path: Path) -> Iterator[IO[bytes]]:
    """Open a zip, or pack a folder's files into one on the disk, in the order of their names."""
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
    """Show how far a batch is until it ends. Where no worker takes it, this process does."""
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
                if waits and time.monotonic() - moved > PATIENCE and (reader is None or not reader.is_alive()):
                    reader = threading.Thread(target=read_waiting, args=(stopping,))
                    reader.start()
        finally:
            stopping.set()
            if reader is not None:
                reader.join()

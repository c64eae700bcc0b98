from datetime import timedelta
from itertools import chain
from typing import Any

from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandParser

from recognizer.predictions import orphaned_images, rows_without_image
from recognizer.serving import orphaned_version_files
from training.cleaning import orphaned_snapshots


class Command(BaseCommand):
    help = (
        "Remove stored pictures, networks and snapshots that no row knows, left by a crash, "
        "and report predictions whose picture is gone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")
        parser.add_argument("--minutes", type=int, default=60, help="pass over files younger than this (default: 60)")

    def handle(self, *args: Any, **options: Any) -> None:
        age = timedelta(minutes=options["minutes"])
        removed = 0
        for name in chain(orphaned_images(age), orphaned_version_files(age), orphaned_snapshots(age)):
            removed += 1
            self.stdout.write(name)
            if not options["dry_run"]:
                default_storage.delete(name)
        verb = "would remove" if options["dry_run"] else "removed"
        self.stdout.write(f"{verb} {removed} file{'' if removed == 1 else 's'} that no row knows")
        for prediction in rows_without_image():
            self.stderr.write(f"prediction {prediction.pk} has lost its image {prediction.image.name}")

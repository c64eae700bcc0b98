from datetime import timedelta
from itertools import chain
from typing import Any

from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandParser

from recognizer.predictions import orphaned_images, rows_without_image
from recognizer.serving.install import orphaned_version_files
from training.retraining.cleanup import orphaned_snapshots


class Command(BaseCommand):
    help = (
        "Delete stored pictures, networks and snapshots that no database row refers to, left by a crash, "
        "and report predictions without a picture file."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only list what would be deleted")
        parser.add_argument("--minutes", type=int, default=60, help="skip files younger than this (default: 60)")

    def handle(self, *args: Any, **options: Any) -> None:
        age = timedelta(minutes=options["minutes"])
        removed = 0
        for name in chain(orphaned_images(age), orphaned_version_files(age), orphaned_snapshots(age)):
            removed += 1
            self.stdout.write(name)
            if not options["dry_run"]:
                default_storage.delete(name)
        verb = "would remove" if options["dry_run"] else "removed"
        self.stdout.write(f"{verb} {removed} file{'' if removed == 1 else 's'} without a row")
        for prediction in rows_without_image():
            self.stderr.write(f"prediction {prediction.pk} lacks its image {prediction.image.name}".rstrip())

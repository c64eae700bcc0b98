from datetime import timedelta
from typing import Any

from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandParser

from recognizer.predictions import orphaned_images, rows_without_image


class Command(BaseCommand):
    help = "Remove stored images that no prediction knows, and report predictions whose image is gone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")
        parser.add_argument("--minutes", type=int, default=60, help="pass over images younger than this (default: 60)")

    def handle(self, *args: Any, **options: Any) -> None:
        removed = 0
        for name in orphaned_images(timedelta(minutes=options["minutes"])):
            removed += 1
            self.stdout.write(name)
            if not options["dry_run"]:
                default_storage.delete(name)
        verb = "would remove" if options["dry_run"] else "removed"
        self.stdout.write(f"{verb} {removed} image{'' if removed == 1 else 's'} without a prediction")
        for prediction in rows_without_image():
            self.stderr.write(f"prediction {prediction.pk} has lost its image {prediction.image.name}")

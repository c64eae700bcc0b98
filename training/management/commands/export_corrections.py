from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from core.audit import record
from core.models import Event
from training.retraining.corrections_io import export_corrections


class Command(BaseCommand):
    help = "Export approved corrections to a folder: images, and labels.json with their texts and sources."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="FOLDER")

    def handle(self, *args: Any, **options: Any) -> None:
        written = sum(1 for _ in export_corrections(options["folder"]))
        record(Event.EXPORTED, "corrections", pictures=written)
        self.stdout.write(f"exported {written} image{'' if written == 1 else 's'} to {options['folder']}")

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from training.exchange import export_corrections


class Command(BaseCommand):
    help = "Write the approved corrections' images into a folder, with labels.json that says what and from where."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="FOLDER")

    def handle(self, *args: Any, **options: Any) -> None:
        written = sum(1 for _ in export_corrections(options["folder"]))
        self.stdout.write(f"exported {written} image{'' if written == 1 else 's'} to {options['folder']}")

from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management.base import BaseCommand, CommandError, CommandParser

from recognizer.backups import BackupFailed, write_backup


class Command(BaseCommand):
    help = "Back up the database and the pictures into one tar file. The site may keep running."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"].absolute()
        try:
            write_backup(file)
        except (BackupFailed, OSError) as error:
            raise CommandError(f"Nothing was backed up: {error}") from error
        self.stdout.write(f"{options['file']}: {file.stat().st_size / 1e6:.1f} MB")
        if not isinstance(default_storage, FileSystemStorage):
            self.stdout.write("It contains no pictures and networks: copy the bucket of STORAGE_URL as well.")

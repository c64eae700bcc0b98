from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from recognizer.retention import count_uncounted, expired_kinds, purge


class Command(BaseCommand):
    help = "Delete expired data: pictures of visitors who have not returned, sessions, tokens, old audit entries."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only list what would be deleted")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            for kind in expired_kinds():
                self.stdout.write(f"would delete {kind.count():,} {kind.name}")
            return
        for name, deleted in purge():
            self.stdout.write(f"deleted {deleted:,} {name}")
        while counted := count_uncounted():
            self.stdout.write(f"counted {counted:,} predictions that an older release stored")

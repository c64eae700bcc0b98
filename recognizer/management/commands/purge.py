from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from recognizer.retention import count_uncounted, expired_kinds, purge


class Command(BaseCommand):
    help = "Delete what has expired: pictures of visitors who are gone, sessions, tokens, old lines of the audit log."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be deleted")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            for kind in expired_kinds():
                self.stdout.write(f"would delete {kind.count():,} {kind.name}")
            return
        for name, deleted in purge():
            self.stdout.write(f"deleted {deleted:,} {name}")
        while counted := count_uncounted():
            self.stdout.write(f"counted {counted:,} predictions that an older release stored")

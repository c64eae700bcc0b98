from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recognizer.exceptions import NoServingVersion
from recognizer.models import ModelVersion
from recognizer.serving.install import promote_version


class Command(BaseCommand):
    help = "Make a version current, in every process within two seconds. Without a name: roll back to the one before."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", metavar="VERSION")
        parser.add_argument("--list", action="store_true", help="only list the current and the earlier versions")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"]:
            serving = ModelVersion.objects.serving()
            for version in ([serving] if serving else []) + ModelVersion.objects.served_before():
                self.stdout.write(f"{'current' if version == serving else 'earlier'}  {version}")
            return
        version = self.version(options["name"])
        try:
            promote_version(version)
        except NoServingVersion as error:
            raise CommandError(f"Not promoted: {error}.") from error
        self.stdout.write(f"{version} is now the current version")

    def version(self, name: str | None) -> ModelVersion:
        if name is None:
            before = ModelVersion.objects.served_before()
            if not before:
                raise CommandError("There is no earlier version to roll back to.")
            return before[0]
        try:
            return ModelVersion.objects.get(name=name)
        except ModelVersion.DoesNotExist as error:
            raise CommandError(f"Unknown version {name}.") from error

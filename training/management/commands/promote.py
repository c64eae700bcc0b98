from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recognizer.exceptions import NoServingVersion
from recognizer.models import ModelVersion
from recognizer.serving import promote_version


class Command(BaseCommand):
    help = "Let a version serve, in every process within two seconds. Without a name: roll back to the one before."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", metavar="VERSION")
        parser.add_argument("--list", action="store_true", help="only say what serves and what served before")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"]:
            serving = ModelVersion.objects.serving()
            for version in ([serving] if serving else []) + ModelVersion.objects.served_before():
                self.stdout.write(f"{'serves now' if version == serving else 'served before'}  {version}")
            return
        version = self.version(options["name"])
        try:
            promote_version(version)
        except NoServingVersion as error:
            raise CommandError(f"Not promoted: {error}.") from error
        self.stdout.write(f"{version} serves from now on")

    def version(self, name: str | None) -> ModelVersion:
        if name is None:
            before = ModelVersion.objects.served_before()
            if not before:
                raise CommandError("No other version has served before.")
            return before[0]
        try:
            return ModelVersion.objects.get(name=name)
        except ModelVersion.DoesNotExist as error:
            raise CommandError(f"There is no version {name}.") from error

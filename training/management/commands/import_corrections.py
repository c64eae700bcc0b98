import sys
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from core.audit import record
from core.models import Event
from recognizer.exceptions import NoServingVersion
from recognizer.identity import NOBODY, Identity
from recognizer.reading import UnreadableImage
from recognizer.serving.cache import serving_reader
from training.retraining.corrections_io import import_correction, labelled_images


class Command(BaseCommand):
    help = "Import a folder of images with labels.json, as predictions with approved corrections."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument("--user", metavar="NAME", help="owner of the imported pictures")

    def handle(self, *args: Any, **options: Any) -> None:
        identity = self.identity(options["user"])
        try:
            images = labelled_images(options["folder"])
            reader = serving_reader()
        except (ValueError, NoServingVersion) as error:
            raise CommandError(f"{error}.") from error
        imported = right = 0
        for image in tqdm(images, unit="image", file=sys.stderr, disable=len(images) <= 5):
            try:
                correction = import_correction(image, reader, identity)
            except (UnreadableImage, OSError) as error:
                self.stderr.write(f"{image.path}: {error}")
                continue
            imported += 1
            right += correction.text == correction.prediction.text
        record(Event.IMPORTED, "labelled pictures", user=identity.user, pictures=imported)
        self.stdout.write(f"imported {imported} of {len(images)} images, {right} of which are already read correctly")

    def identity(self, name: str | None) -> Identity:
        if name is None:
            return Identity(visitor=NOBODY)
        try:
            return Identity(user=get_user_model().objects.get_by_natural_key(name))
        except get_user_model().DoesNotExist as error:
            raise CommandError(f"There is no user {name}.") from error

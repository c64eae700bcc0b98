import sys
import uuid
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from recognizer.exceptions import NoServingVersion
from recognizer.reading import UnreadableImage
from recognizer.serving import serving_reader
from recognizer.visitors import Identity
from training.exchange import import_correction, labelled_images

NOBODY = uuid.UUID(int=0)
"""The visitor whom pictures belong to that no user imported."""


class Command(BaseCommand):
    help = "Read a folder of images with labels.json and store them as predictions with approved corrections."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument("--user", metavar="NAME", help="the user whose pictures they become")

    def handle(self, *args: Any, **options: Any) -> None:
        identity = self.identity(options["user"])
        try:
            images = labelled_images(options["folder"])
            reader = serving_reader()
        except (ValueError, NoServingVersion) as error:
            raise CommandError(f"{error}.") from error
        kept = right = 0
        for image in tqdm(images, unit="image", file=sys.stderr, disable=len(images) <= 5):
            try:
                correction = import_correction(image, reader, identity)
            except (UnreadableImage, OSError) as error:
                self.stderr.write(f"{image.path}: {error}")
                continue
            kept += 1
            right += correction.text == correction.prediction.text
        self.stdout.write(f"imported {kept} of {len(images)} images, {right} of which are read right already")

    def identity(self, name: str | None) -> Identity:
        if name is None:
            return Identity(visitor=NOBODY)
        try:
            return Identity(user=get_user_model().objects.get_by_natural_key(name))
        except get_user_model().DoesNotExist as error:
            raise CommandError(f"There is no user {name}.") from error

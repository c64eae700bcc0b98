import io
import uuid
from datetime import timedelta
from typing import Any

import numpy as np
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from PIL import Image
from tqdm import tqdm

from recognizer.exceptions import NoNumber, NoServingVersion
from recognizer.models import Correction, Prediction, Source
from recognizer.predictions import build_prediction, read_picture
from recognizer.reading import encode_page

BATCH = 2000
SOURCES = (Source.DRAW, Source.UPLOAD, Source.API)
SPREAD = timedelta(days=365)


class Command(BaseCommand):
    help = "Store many predictions of MNIST test digits, to test a large site. One in fifty has a correction."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("count", type=int)
        parser.add_argument("--owner", default="seed", help="account that owns half of them (default: seed)")

    def handle(self, *args: Any, **options: Any) -> None:
        owner, _ = User.objects.get_or_create(username=options["owner"])
        try:
            samples = list(readings())
        except NoServingVersion as error:
            raise CommandError(f"{error}. Run manage.py migrate first.") from error
        now, count = timezone.now(), options["count"]
        visitors = [uuid.uuid4() for _ in range(100)]
        for start in tqdm(range(0, count, BATCH), unit_scale=BATCH, unit="prediction"):
            rows = []
            for number in range(start, min(start + BATCH, count)):
                sample, picture = samples[number % len(samples)]
                mine = number % 2 == 0
                row = Prediction(
                    owner=owner if mine else None,
                    visitor=None if mine else visitors[number % 100],
                    source=SOURCES[number % len(SOURCES)],
                    created_at=now - SPREAD * (1 - number / count),
                    **sample,
                )
                row.take_image(picture, "png")
                rows.append(row)
            stored = Prediction.objects.bulk_create(rows)
            Correction.objects.bulk_create(Correction(prediction=row, text="7") for row in stored[::50])


def readings() -> Any:
    """Yield the current version's readings of a hundred digits, as fields of a row, each with its encoded page."""
    with np.load(settings.BASE_DIR / "training" / "data" / "mnist.npz") as arrays:
        images = arrays["x_test"][:100]
    for image in images:
        out = io.BytesIO()
        Image.fromarray(image).save(out, "PNG")
        try:
            reading, version = read_picture(out.getvalue())
        except NoNumber:
            continue
        made = build_prediction(reading, version, Source.API)
        fields = ("width", "height", "frames", "text", "confidence", "digits", "model_version")
        yield {name: getattr(made, name) for name in fields}, encode_page(reading.page)[0]

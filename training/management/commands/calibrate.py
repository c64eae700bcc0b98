from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recognizer.exceptions import NoServingVersion
from recognizer.serving import serving_reader


class Command(BaseCommand):
    help = (
        "Fit the curve from what the lattice says of strings of digits to how often they are right, on pages of digits "
        "that nothing was trained on: CANDOUR in recognizer/reading/lattice.py."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--pages", type=int, default=2000, help="pages of each kind (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        from tqdm import tqdm

        from training import scenes
        from training.calibration import bent, fit_candour, read_strings
        from training.datasets import load_mnist
        from training.evaluation import Sample

        try:
            reader = serving_reader().reader
        except NoServingVersion as error:
            raise CommandError(str(error)) from error
        pages, own = options["pages"], load_mnist().validation
        others = bent(own, seed=10)
        # Seeds of their own: these are not the pages that evaluate measures on.
        kinds: dict[str, Iterator[Sample]] = {
            "strings, apart": scenes.strings(own, pages, (1, 6), seed=11),
            "strings, apart, bent": scenes.strings(others, pages, (1, 6), seed=12),
            "strings, touching": scenes.strings(own, pages, (-2, 2), seed=13),
            "strings, touching, bent": scenes.strings(others, pages, (-2, 2), seed=14),
            "photographs": scenes.photographs(own, pages, seed=15),
            "photographs, bent": scenes.photographs(others, pages, seed=16),
            "drawings": scenes.drawings(pages, seed=17),
        }
        read = []
        for name, samples in kinds.items():
            bar = tqdm(samples, desc=name, total=pages, unit="page", leave=False)
            read.append(list(read_strings(reader, bar)))
        if not all(read):
            raise CommandError("Too few pages: no string was read of some kind. Give more with --pages.")
        curve = ", ".join(f"{value:.2f}" for value in fit_candour(read))
        self.stdout.write(f"CANDOUR = ({curve})")

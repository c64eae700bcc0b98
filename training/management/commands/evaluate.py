from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from recognizer.exceptions import NoServingVersion
from recognizer.models import ModelVersion
from recognizer.serving.loading import load_version


class Command(BaseCommand):
    help = "Measure the current version on MNIST's test images, on synthetic pages, and on folders with labels.json."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
        parser.add_argument("--output", type=Path, help="folder for the table and pictures (default: evaluation/)")

    def handle(self, *args: Any, **options: Any) -> None:
        from training.evaluation import report

        version = ModelVersion.objects.serving()
        if version is None:
            raise CommandError("No version is installed. Run manage.py migrate first.")
        try:
            reader = load_version(version).reader
        except NoServingVersion as error:
            raise CommandError(str(error)) from error
        output: Path = options["output"] or settings.BASE_DIR / "evaluation"
        results = self.measure(reader, options["folders"])
        measured = report.summarised(version.name, results)
        self.stdout.write(report.table(measured))
        report.write(output, measured, results)
        self.stderr.write(f"table and pictures are in {output}")

    def measure(self, reader: Any, paths: list[Path]) -> list[Any]:
        """Read MNIST's test images, pages made from them, and folders. Returns a Result for each, in that order.

        Raises CommandError if a folder cannot be used.
        """
        from training.evaluation import made_sets, measures, pages, report
        from training.synthesis.datasets import load_mnist
        from training.synthesis.numbers import load_hands, touching
        from training.synthesis.pen import TESTING

        # Checked first: an error must not appear only after minutes of measuring.
        folders = [(path.resolve().name, self.samples(path)) for path in paths]
        mnist = load_mnist()
        test = mnist.test
        results = [
            measures.evaluate(reader, report.MNIST_TEST, measures.mnist_samples(test), len(test)),
            measures.evaluate(reader, "strings, apart", pages.strings(test, 2000, (1, 6), seed=1), 2000),
            measures.evaluate(reader, "strings, touching", pages.strings(test, 2000, (-2, 2), seed=2), 2000),
            measures.evaluate(reader, report.DRAWINGS, pages.drawings(2000, seed=3), 2000),
            measures.evaluate(reader, "photographs", pages.photographs(test, 1000, seed=4), 1000),
            measures.evaluate(reader, report.NO_NUMBERS, pages.no_numbers(300, seed=5), 300),
        ]
        results += [
            measures.evaluate(reader, name, made_sets.made_set(name, mnist.validation), made_sets.COUNT)
            for name in made_sets.SEEDS
        ]
        testing_hands = load_hands(TESTING, mnist.validation.images, mnist.validation.labels)
        results += [
            measures.evaluate(reader, "touching", pages.composed(touching, testing_hands, 1000, seed=21), 1000),
            measures.evaluate(reader, report.LETTERS, pages.letters(500, seed=22), 500, unsure_refuses=True),
        ]
        results += [measures.evaluate(reader, folder, pages, len(pages)) for folder, pages in folders]
        return results

    def samples(self, folder: Path) -> list[Any]:
        """Load a folder of pictures with `labels.json`. Raises CommandError if it cannot be used."""
        from recognizer.reading import UnreadableImage, open_image
        from training.evaluation.measures import Sample
        from training.retraining.corrections_io import labelled_images

        samples = []
        try:
            for image in labelled_images(folder):
                samples.append(Sample(image.path.name, open_image(image.path.read_bytes()), image.label.text))
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        except UnreadableImage as error:
            raise CommandError(f"{image.path}: {error}") from error
        return samples

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from recognizer.exceptions import NoServingVersion
from recognizer.models import ModelVersion
from recognizer.serving import load_version


class Command(BaseCommand):
    help = (
        "Measure the serving version on MNIST's test images, on pages made from them, and on folders with labels.json."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
        parser.add_argument(
            "--learning", action="store_true", help="instead: show what corrections teach it, and what that costs"
        )
        parser.add_argument("--output", type=Path, help="folder for the table and pictures (default: evaluation/)")
        parser.add_argument(
            "--publish", action="store_true", help="also put the figures into the README and the shipped model card"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        version = ModelVersion.objects.serving()
        if version is None:
            raise CommandError("No version serves. Run manage.py migrate first.")
        try:
            reader = load_version(version).reader
        except NoServingVersion as error:
            raise CommandError(str(error)) from error
        output: Path = options["output"] or settings.BASE_DIR / "evaluation"
        if options["publish"] and not version.shipped:
            raise CommandError("Only the shipped version's figures are published.")
        if options["learning"]:
            self.learning(version, output, options["publish"])
            return
        # First of all: after minutes of measuring is no time to hear of a folder mistyped.
        folders = [(folder.resolve().name, self.samples(folder)) for folder in options["folders"]]
        self.reading(version.name, reader, folders, output, options["publish"])

    def samples(self, folder: Path) -> list[Any]:
        """Load a folder of pictures with `labels.json`. Raises CommandError where it cannot be measured on."""
        from recognizer.reading import UnreadableImage, open_image
        from training.evaluation import Sample
        from training.exchange import labelled_images

        found = []
        try:
            for image in labelled_images(folder):
                found.append(Sample(image.path.name, open_image(image.path.read_bytes()), image.text))
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        except UnreadableImage as error:
            raise CommandError(f"{image.path}: {error}") from error
        return found

    def reading(
        self, name: str, reader: Any, folders: list[tuple[str, list[Any]]], output: Path, publish: bool
    ) -> None:
        """Read MNIST's test images, pages made from them, and folders."""
        from training import cards, evaluation, report, scenes
        from training.datasets import load_mnist

        mnist = load_mnist()
        test = mnist.test
        results = [
            evaluation.evaluate(reader, report.MNIST_TEST, evaluation.mnist_samples(test), len(test)),
            evaluation.evaluate(reader, "strings, apart", scenes.strings(test, 2000, (1, 6), seed=1), 2000),
            evaluation.evaluate(reader, "strings, touching", scenes.strings(test, 2000, (-2, 2), seed=2), 2000),
            evaluation.evaluate(reader, report.DRAWINGS, scenes.drawings(2000, seed=3), 2000),
            evaluation.evaluate(reader, "photographs", scenes.photographs(test, 1000, seed=4), 1000),
            evaluation.evaluate(reader, report.NO_NUMBERS, scenes.no_numbers(300, seed=5), 300),
        ]
        results += [evaluation.evaluate(reader, folder, pages, len(pages)) for folder, pages in folders]
        measured = report.summarised(name, results)
        self.stdout.write(report.table(measured))
        report.write(output, measured, results)
        self.stderr.write(f"table and pictures are in {output}")
        if publish:
            with shipped_card() as card:
                card["evaluation"] = measured
                cards.add_test(card, results[0], mnist, Path(settings.SHIPPED_VERSION))
            report.publish(settings.BASE_DIR / "README.md", report.EVALUATE, report.table(measured))
            report.draw_reliability(measured, settings.BASE_DIR / "docs" / "images" / "reliability.png")

    def learning(self, version: ModelVersion, output: Path, publish: bool) -> None:
        """Retrain once beside a site; then with 30, 100 and 300 corrections, and with wrong labels among them."""
        import tempfile

        from training import report
        from training.datasets import load_mnist
        from training.learning import COUNTS, HELD_BACK, learn, written
        from training.meanwhile import serve_meanwhile
        from training.retraining import open_network

        mnist = load_mnist()
        reader = load_version(version).reader
        points: list[dict[str, Any]] = []
        with tempfile.TemporaryDirectory() as scratch:
            images, labels = mnist.validation.images[: max(COUNTS)], mnist.validation.labels[: max(COUNTS)]
            inks = (255 * written(images, seed=7)).astype("uint8")
            served = serve_meanwhile(Path(scratch), inks, labels.tolist(), mnist.test.images[0])
            self.stderr.write(json.dumps(served))
            champion = open_network(version, Path(scratch))
            for wrong in (0.0, 0.3):
                for point in learn(champion, reader, mnist, Path(scratch), wrong=wrong):
                    points.append(point.as_json())
                    self.stderr.write(json.dumps(points[-1]))
        found = {"version": version.name, "judged": HELD_BACK, "points": points, "served": served}
        output.mkdir(parents=True, exist_ok=True)
        (output / "learning.md").write_text(report.learning_table(found))
        report.draw_learning(found, output / "learning.png")
        self.stdout.write(report.learning_table(found))
        self.stderr.write(f"table and curves are in {output}")
        if publish:
            with shipped_card() as card:
                card["learning"] = found
            report.publish(settings.BASE_DIR / "README.md", report.LEARNING, report.learning_table(found))
            report.draw_learning(found, settings.BASE_DIR / report.CURVES)


@contextmanager
def shipped_card() -> Iterator[dict[str, Any]]:
    """Open the shipped version's card, and write it down when all has been put in."""
    path = Path(settings.SHIPPED_VERSION) / "card.json"
    card = json.loads(path.read_text())
    yield card
    path.write_text(json.dumps(card, indent=1) + "\n")

import json
import shutil
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from recognizer.reading import Reader, load_classifier


class Command(BaseCommand):
    help = (
        "Train the network on MNIST from nothing, export it and write its model card. Continues where it was stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--quick", action="store_true", help="five epochs: 99.3 %% within ten minutes on two cores")
        parser.add_argument("--epochs", type=int, help="how often to go through the training images")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--output", type=Path, help="folder of the run (default: training/runs/<recipe>)")
        parser.add_argument("--ship", action="store_true", help="put the result where new sites install it from")

    def handle(self, *args: Any, **options: Any) -> None:
        # Imported here, not above: `manage.py help` must not wait for TensorFlow.
        from dataclasses import replace

        from training import cards, evaluation, fitting
        from training.calibration import calibrate
        from training.datasets import augmented, load_mnist
        from training.exporting import KERAS_FILE, LITERT_FILE, export_network

        recipe = fitting.QUICK if options["quick"] else fitting.Recipe()
        recipe = replace(recipe, seed=options["seed"], epochs=options["epochs"] or recipe.epochs)
        name = f"{time.strftime('%Y-%m-%d')}-{recipe.epochs}-epochs-seed-{recipe.seed}"
        folder: Path = options["output"] or settings.BASE_DIR / "training" / "runs" / f"e{recipe.epochs}s{recipe.seed}"
        mnist = load_mnist()
        try:
            network, progress = fitting.fit(mnist, recipe, folder / "checkpoint", time.monotonic)
        except ValueError as error:
            raise CommandError(f"{error}. Give another --output or remove the folder.") from error

        import numpy as np

        self.stdout.write("calibrating on augmented validation digits")
        temperature = calibrate(network, *augmented(mnist.validation, np.arange(len(mnist.validation)), seed=0))
        files = export_network(network, folder)
        reader = Reader(load_classifier((folder / LITERT_FILE).read_bytes(), "litert"))
        test = evaluation.evaluate(reader, "MNIST test", evaluation.mnist_samples(mnist.test), len(mnist.test))
        command = "manage.py train" + (" --quick" if options["quick"] else f" --epochs {recipe.epochs}")
        command += f" --seed {recipe.seed}"
        card = cards.make_card(name, command, network, temperature, progress, mnist, test) | {"files": files}
        cards.draw_pictures(card, test, folder)
        (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n")
        low, high = test.interval
        self.stdout.write(
            f"MNIST test through the reader: {test.accuracy:.2%} ({low:.2%} to {high:.2%}), "
            f"{test.count - sum(test.right)} of {test.count} wrong {test.errors}"
        )
        if options["ship"]:
            shipped = Path(settings.SHIPPED_VERSION)
            shipped.mkdir(parents=True, exist_ok=True)
            for file in (KERAS_FILE, LITERT_FILE, "card.json", "curves.png", "confusion.png", "mistakes.png"):
                shutil.copyfile(folder / file, shipped / file)
            self.stdout.write(f"shipped to {shipped}")
        self.stdout.write(self.style.SUCCESS(f"{name} is in {folder}"))

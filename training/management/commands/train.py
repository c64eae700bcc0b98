import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from recognizer.reading import Reader, load_classifier
from recognizer.reading.spotter import SHIPPED_SPOTTER


class Command(BaseCommand):
    help = (
        "Train a network from nothing, export it and write its model card: the one that reads digits, the larger one "
        "that may teach it, or the spotter that helps it to part the digits of a line. Continues where it was stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("network", nargs="?", choices=["digits", "teacher", "spotter"], default="digits")
        parser.add_argument("--quick", action="store_true", help="digits to 99.3 %% within ten minutes on two cores")
        parser.add_argument("--epochs", type=int, help="how often to go through the training images")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--teacher", type=Path, metavar="FILE", help="a .keras network whose answers digits learns too"
        )
        parser.add_argument("--output", type=Path, help="folder of the run (default: one in training/runs)")
        parser.add_argument("--ship", action="store_true", help="put the result where new sites find it")

    def handle(self, *args: Any, **options: Any) -> None:
        # Imported here, not above: `manage.py help` must not wait for TensorFlow.
        from training import fitting
        from training.datasets import load_mnist

        kind = options["network"]
        if (options["quick"] or options["teacher"]) and kind != "digits":
            raise CommandError("--quick and --teacher are for digits.")
        recipe = fitting.QUICK if options["quick"] else fitting.RECIPES[kind]
        recipe = replace(recipe, seed=options["seed"], epochs=options["epochs"] or recipe.epochs)
        task = fitting.TASKS[kind]
        if options["quick"]:
            # There is no time to learn from the wildest shapes.
            task = replace(task, batch=task.settling)
        if options["teacher"]:
            task, recipe = self.taught(task, recipe, options["teacher"])
        name = f"{kind}-e{recipe.epochs}s{recipe.seed}"
        folder: Path = options["output"] or settings.BASE_DIR / "training" / "runs" / name
        mnist = load_mnist()
        try:
            trained = fitting.fit_settled(task, mnist, recipe, folder, time.monotonic)
        except ValueError as error:
            raise CommandError(f"{error}. Give another --output or remove the folder.") from error
        command = f"manage.py train {kind}" + (" --quick" if options["quick"] else f" --epochs {recipe.epochs}")
        command += " --teacher FILE" if options["teacher"] else ""
        finish = self.finish_spotter if kind == "spotter" else self.finish_digits
        card = finish(folder, f"{command} --seed {recipe.seed}", mnist, trained, options["ship"])
        (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n")
        self.stdout.write(self.style.SUCCESS(f"{card['name']} is in {folder}"))

    def taught(self, task: Any, recipe: Any, file: Path) -> tuple[Any, Any]:
        import keras

        from training.exporting import describe_file

        try:
            teacher = keras.models.load_model(file, compile=False)
        except (OSError, ValueError) as error:
            raise CommandError(f"{file} is no network: {error}") from error
        return replace(task, teacher=teacher), replace(recipe, teacher=describe_file(file)["sha256"])

    def finish_digits(self, folder: Path, command: str, mnist: Any, trained: Any, ship: bool) -> dict[str, Any]:
        from training import cards, evaluation
        from training.calibration import calibrate
        from training.exporting import KERAS_FILE, LITERT_FILE, export_network
        from training.networks import multiply_adds

        network, progress = trained
        self.stdout.write("calibrating on augmented validation digits")
        temperature = calibrate(network, mnist.validation)
        files = export_network(network, folder)
        reader = Reader(load_classifier((folder / LITERT_FILE).read_bytes(), "litert"))
        test = evaluation.evaluate(reader, "MNIST test", evaluation.mnist_samples(mnist.test), len(mnist.test))
        name = f"{time.strftime('%Y-%m-%d')}-{progress.epoch}-epochs-seed-{progress.recipe.seed}"
        card = cards.make_card(name, command, network, progress, mnist)
        card["network"]["multiply_adds"] = multiply_adds(network)
        card["training"]["temperature"] = round(temperature, 4)
        card["files"] = files
        cards.add_test(card, test, mnist, folder)
        low, high = test.interval
        self.stdout.write(
            f"MNIST test through the reader: {test.accuracy:.2%} ({low:.2%} to {high:.2%}), "
            f"{test.count - sum(test.right)} of {test.count} wrong {test.errors}"
        )
        if ship:
            shipped = Path(settings.SHIPPED_VERSION)
            shipped.mkdir(parents=True, exist_ok=True)
            (shipped / "card.json").write_text(json.dumps(card, indent=1) + "\n")
            for file in (KERAS_FILE, LITERT_FILE, "curves.png", "confusion.png", "mistakes.png"):
                shutil.copyfile(folder / file, shipped / file)
            self.stdout.write(f"shipped to {shipped}")
        return card

    def finish_spotter(self, folder: Path, command: str, mnist: Any, trained: Any, ship: bool) -> dict[str, Any]:
        from training import cards
        from training.exporting import export_network

        network, progress = trained
        card = cards.make_card("spotter", command, network, progress, mnist)
        card["files"] = export_network(network, folder, "spotter")
        self.stdout.write(f"columns right in rows of validation digits: {card['metrics']['validation_accuracy']:.2%}")
        if ship:
            # The LiteRT export alone: this network is not trained further, and the command above makes it again.
            shutil.copyfile(folder / "spotter.tflite", SHIPPED_SPOTTER)
            SHIPPED_SPOTTER.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")
            self.stdout.write(f"shipped to {SHIPPED_SPOTTER}")
        return card

import json
import resource
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from recognizer.reading import Reader, load_classifier
from recognizer.reading.grey_reader import SHIPPED_GREY_READER
from recognizer.reading.line_reader import SHIPPED_LINE_READER
from recognizer.reading.page import SHIPPED_PAGE_NETWORK
from recognizer.reading.spotter import SHIPPED_SPOTTER

PEN = "Pen-Based Recognition of Handwritten Digits (Alpaydin, Alimoglu; CC BY 4.0), writers 1-24"


def processor_seconds() -> float:
    """Return the CPU time of this process and its finished children, in seconds."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


class Command(BaseCommand):
    help = (
        "Train a network, export it and write its model card: the digit classifier, its larger teacher, the spotter, "
        "which finds the digits in a line, the line reader, which starts from it, the grey reader, which starts from "
        "that, or the page network, which finds handwriting on a page. Continues an interrupted run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        kinds = ["digits", "teacher", "spotter", "lines", "grey", "pages"]
        parser.add_argument("network", nargs="?", choices=kinds, default="digits")
        parser.add_argument(
            "--quick", action="store_true", help="classifier with 99.3 %% accuracy, in ten minutes on two cores"
        )
        parser.add_argument("--epochs", type=int, help="number of epochs")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--teacher", type=Path, metavar="FILE", help=".keras network from which to distil the classifier"
        )
        parser.add_argument(
            "--start",
            type=Path,
            metavar="FILE",
            help="network to begin with: .tflite of pages, lines or grey, .keras of digits",
        )
        parser.add_argument(
            "--keep", type=float, default=0.0, metavar="SHARE",
            help="share of the weights of --start in the resulting classifier (default: %(default)s)",
        )  # fmt: skip
        parser.add_argument("--rate", type=float, help="highest learning rate (default: the recipe's)")
        parser.add_argument("--output", type=Path, help="folder of the run (default: a new one in training/runs)")
        parser.add_argument("--ship", action="store_true", help="make the result the version that new sites start with")

    def handle(self, *args: Any, **options: Any) -> None:
        # Imported here, because `manage.py help` must not wait for TensorFlow.
        from training.networks import fitting
        from training.synthesis.datasets import load_mnist

        kind = options["network"]
        if (options["quick"] or options["teacher"]) and kind != "digits":
            raise CommandError("--quick and --teacher only work with digits.")
        if options["start"] and kind not in ("pages", "lines", "grey", "digits"):
            raise CommandError("--start only works with pages, lines, grey and digits.")
        if options["keep"] and not (options["start"] and kind == "digits" and 0 < options["keep"] < 1):
            raise CommandError("--keep only works with digits and --start, and lies between 0 and 1.")
        recipe = fitting.QUICK if options["quick"] else fitting.RECIPES[kind]
        recipe = replace(recipe, seed=options["seed"], epochs=options["epochs"] or recipe.epochs)
        if options["rate"]:
            recipe = replace(recipe, peak_rate=options["rate"])
        task = fitting.TASKS[kind]
        if options["quick"]:
            # A short training leaves no time to learn from the strongest distortions.
            task = replace(task, batch=task.settling)
        if options["teacher"]:
            task, recipe = self.taught(task, recipe, options["teacher"])
        name = f"{kind}-e{recipe.epochs}s{recipe.seed}"
        folder: Path = options["output"] or settings.BASE_DIR / "training" / "runs" / name
        mnist = load_mnist()
        if options["start"]:
            try:
                task, recipe = fitting.started(task, recipe, options["start"], mnist)
            except (OSError, ValueError) as error:
                raise CommandError(f"{options['start']} is no network of this kind: {error}") from error
        try:
            if kind in fitting.STRIP_TASKS:
                trained = self.fit_strips(kind, mnist, recipe, folder, task.build if options["start"] else None)
            else:
                trained = fitting.fit_settled(task, mnist, recipe, folder, time.monotonic)
        except ValueError as error:
            raise CommandError(f"{error}. Give another --output or remove the folder.") from error
        if options["keep"]:
            self.keep(trained, options["start"], options["keep"], mnist)
        command = f"manage.py train {kind}" + (" --quick" if options["quick"] else f" --epochs {recipe.epochs}")
        command += " --teacher FILE" if options["teacher"] else ""
        command += f" --start FILE --rate {recipe.peak_rate:g}" if options["start"] else ""
        command += f" --keep {options['keep']:g}" if options["keep"] else ""
        finishes: dict[str, Callable[..., dict[str, Any]]] = {
            "digits": self.finish_digits,
            "teacher": self.finish_digits,
            "spotter": self.finish_spotter,
            "lines": partial(self.finish_reader, "line", SHIPPED_LINE_READER),
            "grey": partial(self.finish_reader, "grey", SHIPPED_GREY_READER),
            "pages": self.finish_pages,
        }
        card = finishes[kind](folder, f"{command} --seed {recipe.seed}", mnist, trained, options["ship"])
        (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n")
        self.stdout.write(self.style.SUCCESS(f"{card['name']} is in {folder}"))

    def taught(self, task: Any, recipe: Any, file: Path) -> tuple[Any, Any]:
        import keras

        from training.networks.export import describe_file

        try:
            teacher = keras.models.load_model(file, compile=False)
        except (OSError, ValueError) as error:
            raise CommandError(f"{file} is no network: {error}") from error
        return replace(task, teacher=teacher), replace(recipe, teacher=describe_file(file)["sha256"])

    def keep(self, trained: Any, start: Path, share: float, mnist: Any) -> None:
        import keras

        from training.networks.fitting import DIGITS, measure, mix_with_start

        network, progress = trained
        mix_with_start(network, keras.models.load_model(start, compile=False), share)
        measure(network, DIGITS, mnist, progress)

    def fit_strips(self, kind: str, mnist: Any, recipe: Any, folder: Path, build: Any) -> tuple[Any, Any]:
        """Train the line or grey reader while another process still writes strips; print the CPU time of both."""
        import multiprocessing

        from training.networks import fitting
        from training.synthesis.line_targets import FILES, NUMBER_FILES, write_strips

        strips = folder / "strips"
        # Only rounds use the files after these.
        files = FILES if recipe.rounds else NUMBER_FILES
        writer = multiprocessing.get_context("spawn").Process(
            target=write_strips,
            args=(partial(fitting.STRIP_TASKS[kind].file, mnist.train, recipe.seed), strips, files),
            daemon=True,
        )
        writer.start()
        try:
            task = fitting.strips_task(kind, mnist.train, strips, build)
            network, progress = fitting.fit_settled(task, mnist, recipe, folder, processor_seconds)
        finally:
            writer.terminate()
            writer.join()
        self.stdout.write(f"processor-minutes: {progress.seconds / 60:.0f}")
        return network, progress

    def finish_digits(self, folder: Path, command: str, mnist: Any, trained: Any, ship: bool) -> dict[str, Any]:
        from training.evaluation import measures
        from training.networks import model_card
        from training.networks.architectures import multiply_adds
        from training.networks.calibration import calibrate
        from training.networks.export import KERAS_FILE, LITERT_FILE, export_network

        network, progress = trained
        self.stdout.write("calibrating on augmented validation digits")
        temperature = calibrate(network, mnist.fitting)
        files = export_network(network, folder, mnist.train)
        reader = Reader(load_classifier((folder / LITERT_FILE).read_bytes(), "litert"))
        test = measures.evaluate(reader, "MNIST test", measures.mnist_samples(mnist.test), len(mnist.test))
        name = f"{time.strftime('%Y-%m-%d')}-{progress.epoch}-epochs-seed-{progress.recipe.seed}"
        card = model_card.make_card(name, command, network, progress, mnist)
        card["data"]["also"] = PEN
        card["network"]["multiply_adds"] = multiply_adds(network)
        card["training"]["temperature"] = round(temperature, 4)
        card["files"] = files
        model_card.add_test(card, test, mnist, folder)
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
        from training.networks.line_network import START, write_start

        measured = "columns right in rows of validation digits"
        # Only the LiteRT export: this network is not trained further, and the command makes it again.
        card = self.finish_network("spotter", folder, command, mnist, trained, ship, SHIPPED_SPOTTER, measured)
        if ship:
            write_start(trained[0])
            self.stdout.write(f"`manage.py train lines` starts from {START} now")
        return card

    def finish_reader(
        self, name: str, shipped: Path, folder: Path, command: str, mnist: Any, trained: Any, ship: bool
    ) -> dict[str, Any]:
        from training.networks.line_network import in_full

        measured = "rows read right, of writers not trained on"
        trained = in_full(trained[0]), trained[1]
        return self.finish_network(name, folder, command, mnist, trained, ship, shipped, measured, PEN)

    def finish_pages(self, folder: Path, command: str, mnist: Any, trained: Any, ship: bool) -> dict[str, Any]:
        measured = "pixels right on validation pages"
        return self.finish_network("page", folder, command, mnist, trained, ship, SHIPPED_PAGE_NETWORK, measured, PEN)

    def finish_network(
        self,
        name: str,
        folder: Path,
        command: str,
        mnist: Any,
        trained: Any,
        ship: bool,
        shipped: Path,
        measured: str,
        also: str = "",
    ) -> dict[str, Any]:
        """Export a network of the reader, and copy it to `shipped` if it is to ship. Returns its card.

        measured: what its validation accuracy counts. also: data it was trained on besides MNIST.
        """
        from training.networks import model_card
        from training.networks.export import export_network

        network, progress = trained
        card = model_card.make_card(name, command, network, progress, mnist)
        if also:
            card["data"]["also"] = also
        card["files"] = export_network(network, folder, mnist.train, name)
        self.stdout.write(f"{measured}: {card['metrics']['validation_accuracy']:.2%}")
        if ship:
            shutil.copyfile(folder / f"{name}.tflite", shipped)
            shipped.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")
            self.stdout.write(f"shipped to {shipped}")
        return card

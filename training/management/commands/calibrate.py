from collections.abc import Iterable, Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recognizer.exceptions import NoServingVersion
from recognizer.serving.cache import serving_reader


class Command(BaseCommand):
    help = (
        "Fit the calibration of readings on pages of digits that no network was trained on, and print it: WEIGHTS, "
        "DOUBTS and CALIBRATION of recognizer.reading.lattice, CHOICE of recognizer.reading.choice, and the threshold "
        "of sure readings."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--pages", type=int, default=2000, help="pages of each kind (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        from tqdm import tqdm

        from recognizer.reading import lattice
        from training.evaluation import pages
        from training.evaluation.made_sets import FITTING_SEEDS, set_to_fit
        from training.evaluation.measures import Sample
        from training.networks.calibration import (
            bent,
            fit_calibration,
            fit_choice,
            fit_threshold,
            fit_weight,
            read_lines,
            read_variants,
        )
        from training.synthesis.datasets import load_mnist
        from training.synthesis.numbers import load_hands, single, touching, written
        from training.synthesis.pen import CHOOSING

        try:
            reader = serving_reader().reader
        except NoServingVersion as error:
            raise CommandError(str(error)) from error
        count, own = options["pages"], load_mnist().validation
        few = max(1, count // 4)
        others = bent(own, seed=10)
        hands = load_hands(CHOOSING, own.images, own.labels)
        # Other seeds than those of `evaluate`, so that the pages differ.
        kinds: dict[str, Iterator[Sample]] = {
            "strings, apart": pages.strings(own, count, (1, 6), seed=11),
            "strings, apart, bent": pages.strings(others, count, (1, 6), seed=12),
            "strings, touching": pages.strings(own, count, (-2, 2), seed=13),
            "strings, touching, bent": pages.strings(others, count, (-2, 2), seed=14),
            "photographs": pages.photographs(own, count, seed=15),
            "photographs, bent": pages.photographs(others, count, seed=16),
            "drawings": pages.drawings(count, seed=17),
            "rows": pages.rows(others, count, seed=18),
            "numbers": pages.composed(written, hands, count, seed=19),
            "numbers, touching": pages.composed(touching, hands, count, seed=23),
        }
        kinds |= {name: set_to_fit(name, own, few) for name in FITTING_SEEDS}
        kinds["words"] = pages.words(few, seed=21)
        read = []
        for name, samples in kinds.items():
            bar = tqdm(samples, desc=name, total=count, unit="page", leave=False)
            read.append(list(read_lines(reader, bar)))
        if len({line.path.hypotheses.chosen_by for kind in read for line in kind}) < len(lattice.CALIBRATION):
            raise CommandError(
                "Too few pages: lattice, line reader or grey reader chose no line. Give more with --pages."
            )
        # Each fit uses the constants fitted before it.
        for network in (lattice.LINE, lattice.GREY):
            weight, doubts = fit_weight(read, network)
            lattice.WEIGHTS[network], lattice.DOUBTS[network] = round(weight, 2), _rounded([doubts])[0]
        lattice.CALIBRATION = _rounded(fit_calibration(read, by) for by in (lattice.ALONE, lattice.LINE, lattice.GREY))
        for name in ("WEIGHTS", "DOUBTS", "CALIBRATION"):
            self.stdout.write(f"{name} = {getattr(lattice, name)}")
        made = [
            list(
                read_variants(reader, tqdm(set_to_fit(name, own, few), desc=name, total=few, unit="page", leave=False))
            )
            for name in FITTING_SEEDS
        ]
        made += [list(read_variants(reader, each)) for each in (pages.photographs(own, few, 18), pages.words(few, 22))]
        if not all(made):
            raise CommandError("Too few pages: no page of some kind has several readings. Give more with --pages.")
        weights = ", ".join(f"{value:.2f}" for value in fit_choice(made))
        self.stdout.write(f"CHOICE = ({weights})")
        digits = tqdm(
            pages.composed(single, hands, count, seed=20), desc="digits", total=count, unit="page", leave=False
        )
        self.stdout.write(f"SURE_FROM = {fit_threshold(reader, digits):.2f}")


def _rounded(rows: Iterable[Any]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(round(float(value), 2) for value in row) for row in rows)

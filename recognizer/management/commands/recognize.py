import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from recognizer.exceptions import NoServingVersion
from recognizer.reading import Reason, UnreadableImage, open_image
from recognizer.reading.explanation import explain
from recognizer.serving import ServingReader, serving_reader

ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
HANDFUL = 8


class Command(BaseCommand):
    help = "Read image files, or folders of them, without storing anything."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
        parser.add_argument(
            "--explain", action="store_true", help="draw what each stage saw into NAME-explained.png in this folder"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        files = list(image_files(options["paths"]))
        try:
            reader = serving_reader()
        except NoServingVersion as error:
            raise CommandError(f"{error}. Run manage.py migrate first.") from error
        for file in tqdm(files, unit="image", file=sys.stderr, disable=len(files) <= HANDFUL):
            answer = recognize(reader, file)
            if options["explain"] and answer["reason"] != Reason.UNREADABLE:
                drawn = Path(f"{file.stem}-explained.png")
                drawn.write_bytes(explain(reader.reader, open_image(file.read_bytes())))
                self.stderr.write(f"{file} is explained in {drawn}")
            line = json.dumps(answer) if options["json"] else in_words(answer)
            with tqdm.external_write_mode(file=sys.stdout):
                self.stdout.write(line)


def image_files(paths: list[Path]) -> Iterator[Path]:
    """Yield files as named, and in folders every image below, in order of name."""
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.suffix.lower() in ENDINGS and file.is_file())
        elif path.exists():
            yield path
        else:
            raise CommandError(f"{path} does not exist.")


def recognize(reader: ServingReader, file: Path) -> dict[str, Any]:
    """Read one file into the command's JSON object."""
    answer: dict[str, Any] = {"file": str(file), "text": "", "confidence": 0.0, "digits": [], "reason": None}
    try:
        reading = reader.read(file.read_bytes())
    except (UnreadableImage, OSError):
        return answer | {"reason": Reason.UNREADABLE.value}
    return answer | {
        "text": reading.text,
        "confidence": reading.confidence,
        "reason": reading.reason.value if reading.reason else None,
        "digits": [digit.as_json() for digit in reading.digits],
    }


def in_words(answer: dict[str, Any]) -> str:
    """One line for people: file, number, confidence."""
    if answer["reason"]:
        return f"{answer['file']}: {answer['reason'].replace('_', ' ')}"
    return f"{answer['file']}: {answer['text'].replace(chr(10), ' / ')} ({answer['confidence']:.0%})"

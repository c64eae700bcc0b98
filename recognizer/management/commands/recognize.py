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
from recognizer.serving.cache import serving_reader
from recognizer.serving.loading import ServingReader

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif", ".pdf")
MIN_FOR_PROGRESS = 8


class Command(BaseCommand):
    help = "Read image files, or folders of them, without storing anything."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
        parser.add_argument(
            "--explain", action="store_true", help="draw every stage into NAME-explained.png in the current folder"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        files = list(find_images(options["paths"]))
        try:
            reader = serving_reader()
        except NoServingVersion as error:
            raise CommandError(f"{error}. Run manage.py migrate first.") from error
        for file in tqdm(files, unit="image", file=sys.stderr, disable=len(files) <= MIN_FOR_PROGRESS):
            answer = recognize(reader, file)
            if options["explain"] and answer["reason"] != Reason.UNREADABLE:
                drawn = Path(f"{file.stem}-explained.png")
                drawn.write_bytes(explain(reader.reader, open_image(file.read_bytes())))
                self.stderr.write(f"{file} is explained in {drawn}")
            line = json.dumps(answer) if options["json"] else in_a_line(answer)
            with tqdm.external_write_mode(file=sys.stdout):
                self.stdout.write(line)


def find_images(paths: list[Path]) -> Iterator[Path]:
    """Yield the given files, and all images below the given folders, sorted by name."""
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.suffix.lower() in ENDINGS and file.is_file())
        elif path.exists():
            yield path
        else:
            raise CommandError(f"{path} does not exist.")


def recognize(reader: ServingReader, file: Path) -> dict[str, Any]:
    """Read one file into the command's JSON object."""
    answer: dict[str, Any] = {"file": str(file), "text": "", "confidence": 0.0, "sure": False, "digits": []}
    answer |= {"ignored": [], "reason": None}
    try:
        reading = reader.read(file.read_bytes())
    except (UnreadableImage, OSError):
        return answer | {"reason": Reason.UNREADABLE.value}
    return answer | {
        "text": reading.text,
        "confidence": reading.confidence,
        "sure": reading.sure,
        "reason": reading.reason.value if reading.reason else None,
        "digits": [digit.as_json() for digit in reading.digits],
        "ignored": [ignored.as_json() for ignored in reading.ignored],
    }


def in_a_line(answer: dict[str, Any]) -> str:
    """Format an answer as one line for people: file, number, confidence."""
    if answer["reason"]:
        return f"{answer['file']}: {answer['reason'].replace('_', ' ')}"
    doubt = "" if answer["sure"] else ", not sure"
    return f"{answer['file']}: {answer['text'].replace(chr(10), ' / ')} ({answer['confidence']:.0%}{doubt})"

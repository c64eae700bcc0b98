import json
from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from recognizer.corrections import LABEL, labels_in, record_of
from recognizer.models import Correction
from recognizer.templatetags.wording import percent


class Command(BaseCommand):
    help = (
        "List the corrections to review, oldest first, or approve and reject them by their ids. "
        "Exits with 1 if one could not be decided."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--approve", type=int, nargs="+", default=[], metavar="ID")
        parser.add_argument("--reject", type=int, nargs="+", default=[], metavar="ID")
        parser.add_argument("--undo", action="store_true", help="undo the reviewer's last decision")
        parser.add_argument("--labels", metavar="4x", help="with one --approve: the digit in each box, x for none")
        parser.add_argument("--user", metavar="NAME", help="the reviewer")
        parser.add_argument("--json", action="store_true", help="list corrections as JSON, one object a line")

    def handle(self, *args: Any, **options: Any) -> None:
        approve, reject = options["approve"], options["reject"]
        if not (approve or reject or options["undo"]):
            self.tell(options["json"])
            return
        reviewer = self.reviewer(options["user"])
        labels = options["labels"]
        if labels is not None and len(approve) != 1:
            raise CommandError("--labels needs exactly one --approve.")
        if options["undo"]:
            self.undo(reviewer)
        self.decide(approve, lambda correction: correction.approve(reviewer, self.labels(labels, correction)))
        self.decide(reject, lambda correction: correction.reject(reviewer))

    def tell(self, as_json: bool) -> None:
        waiting = Correction.objects.pending().with_prediction().select_related("flagged_by").order_by("id")
        for correction in waiting:
            facts = facts_of(correction)
            self.stdout.write(json.dumps(facts) if as_json else in_a_line(facts))
        if not as_json:
            self.stdout.write(f"{len(waiting)} correction{'' if len(waiting) == 1 else 's'} to review")

    def reviewer(self, name: str | None) -> Any:
        if name is None:
            raise CommandError("Name the reviewer with --user NAME.")
        try:
            user = get_user_model().objects.get_by_natural_key(name)
        except get_user_model().DoesNotExist as error:
            raise CommandError(f"There is no user {name}.") from error
        if not user.has_perm("recognizer.review_corrections"):
            raise CommandError(f"{name} may not review corrections.")
        return user

    def labels(self, labels: str | None, correction: Correction) -> list[int] | None:
        if labels is None:
            return None
        boxes = len(correction.prediction.digits)
        if len(labels) != boxes or not all(LABEL.fullmatch(label) for label in labels):
            raise CommandError(f"{correction.pk} has {boxes} boxes: give a digit or x for each.")
        return labels_in(list(labels), correction)

    def decide(self, numbers: list[int], word: Callable[[Correction], bool]) -> None:
        corrections = Correction.objects.with_prediction().in_bulk(numbers)
        for number in numbers:
            correction = corrections.get(number)
            if correction is None or not word(correction):
                raise CommandError(
                    f"{number} was already decided or replaced, needs another reviewer, or does not exist."
                )
            agreed = correction.state == Correction.State.PENDING
            self.stdout.write(
                f"{number} {'approved; a second reviewer must too' if agreed else correction.state}: {correction}"
            )

    def undo(self, reviewer: Any) -> None:
        last = Correction.objects.decided_by(reviewer).with_prediction().first()
        if last is None or not last.reopen(reviewer):
            raise CommandError("There is no decision of yours to undo.")
        self.stdout.write(f"{last.pk} undone: {last}")


def facts_of(correction: Correction) -> dict[str, Any]:
    prediction = correction.prediction
    return {
        "id": correction.pk,
        "prediction": prediction.pk,
        "read": prediction.text,
        "confidence": prediction.confidence,
        "claim": correction.text,
        "boxes": len(prediction.digits),
        "teaches": bool(correction.box_labels),
        "by": correction.flagged_by.get_username() if correction.flagged_by else None,
        "record": record_of(correction),
        "reviewers": 2 if correction.needs_two else 1,
        "agreed": int(correction.first_reviewer_id is not None),
        "image": reverse("review-image", args=[correction.pk]),
    }


def in_a_line(facts: dict[str, Any]) -> str:
    record, words = facts["record"], ""
    if not facts["teaches"]:
        words += f"  {facts['boxes']} boxes: label them with --labels"
    if facts["reviewers"] == 2:
        words += f"  needs two reviewers, {facts['agreed']} so far"
    read, corrected = (facts[said].replace("\n", " ") or "no number" for said in ("read", "claim"))
    return (
        f"{facts['id']:>6}  read {read} ({percent(facts['confidence'])}), corrected to {corrected}"
        f"  by {facts['by'] or 'a visitor'} (earlier: {record['approved']} approved, {record['rejected']} rejected)"
        f"  {facts['image']}{words}"
    )

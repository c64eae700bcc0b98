import json
from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from recognizer.models import Correction
from recognizer.review import LABEL, labels_in, record_of
from recognizer.templatetags.wording import percent


class Command(BaseCommand):
    help = (
        "List the corrections that wait for a word, the oldest first; or approve and reject them by their numbers. "
        "Exits with 1 where one could not be decided."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--approve", type=int, nargs="+", default=[], metavar="ID")
        parser.add_argument("--reject", type=int, nargs="+", default=[], metavar="ID")
        parser.add_argument("--undo", action="store_true", help="take back the reviewer's last word")
        parser.add_argument("--labels", metavar="4x", help="with one --approve: what each box holds, x for no digit")
        parser.add_argument("--user", metavar="NAME", help="the reviewer whose word it is")
        parser.add_argument("--json", action="store_true", help="list them as one JSON object a line")

    def handle(self, *args: Any, **options: Any) -> None:
        approve, reject = options["approve"], options["reject"]
        if not (approve or reject or options["undo"]):
            self.tell(options["json"])
            return
        reviewer = self.reviewer(options["user"])
        labels = options["labels"]
        if labels is not None and len(approve) != 1:
            raise CommandError("--labels goes with one --approve.")
        if options["undo"]:
            self.undo(reviewer)
        self.decide(approve, lambda claim: claim.approve(reviewer, self.labels(labels, claim)))
        self.decide(reject, lambda claim: claim.reject(reviewer))

    def tell(self, as_json: bool) -> None:
        waiting = Correction.objects.pending().select_related("prediction", "flagged_by").order_by("id")
        for claim in waiting:
            facts = facts_of(claim)
            self.stdout.write(json.dumps(facts) if as_json else in_a_line(facts))
        if not as_json:
            self.stdout.write(f"{len(waiting)} wait{'s' if len(waiting) == 1 else ''} for a word")

    def reviewer(self, name: str | None) -> Any:
        if name is None:
            raise CommandError("Whose word is it? Say --user NAME.")
        try:
            user = get_user_model().objects.get_by_natural_key(name)
        except get_user_model().DoesNotExist as error:
            raise CommandError(f"There is no user {name}.") from error
        if not user.has_perm("recognizer.review_corrections"):
            raise CommandError(f"{name} may not review corrections.")
        return user

    def labels(self, labels: str | None, claim: Correction) -> list[int] | None:
        if labels is None:
            return None
        boxes = len(claim.prediction.digits)
        if len(labels) != boxes or not all(LABEL.fullmatch(label) for label in labels):
            raise CommandError(f"{claim.pk} has {boxes} boxes: say a digit or x for each.")
        return labels_in(list(labels), claim)

    def decide(self, numbers: list[int], word: Callable[[Correction], bool]) -> None:
        found = Correction.objects.select_related("prediction").in_bulk(numbers)
        for number in numbers:
            claim = found.get(number)
            if claim is None or not word(claim):
                raise CommandError(f"{number} had been decided or replaced before, or was never there.")
            agreed = claim.state == Correction.State.PENDING
            self.stdout.write(f"{number} {'agreed; another reviewer must too' if agreed else claim.state}: {claim}")

    def undo(self, reviewer: Any) -> None:
        last = Correction.objects.decided_by(reviewer).select_related("prediction").first()
        if last is None or not last.reopen(reviewer):
            raise CommandError("There is no word of yours to take back.")
        self.stdout.write(f"{last.pk} taken back: {last}")


def facts_of(claim: Correction) -> dict[str, Any]:
    prediction = claim.prediction
    return {
        "id": claim.pk,
        "prediction": prediction.pk,
        "read": prediction.text,
        "confidence": prediction.confidence,
        "claim": claim.text,
        "boxes": len(prediction.digits),
        "teaches": bool(claim.box_labels),
        "by": claim.flagged_by.get_username() if claim.flagged_by else None,
        "record": record_of(claim),
        "reviewers": 2 if claim.needs_two else 1,
        "agreed": int(claim.first_reviewer_id is not None),
        "image": prediction.image.name,
    }


def in_a_line(facts: dict[str, Any]) -> str:
    record, words = facts["record"], ""
    if not facts["teaches"]:
        words += f"  {facts['boxes']} boxes: --labels says what they hold"
    if facts["reviewers"] == 2:
        words += f"  needs two reviewers, {facts['agreed']} so far"
    read, claim = (facts[said].replace("\n", " ") or "no number" for said in ("read", "claim"))
    return (
        f"{facts['id']:>6}  read {read} ({percent(facts['confidence'])}), really {claim}"
        f"  by {facts['by'] or 'a visitor'} ({record['approved']} right, {record['rejected']} wrong before)"
        f"  {facts['image']}{words}"
    )

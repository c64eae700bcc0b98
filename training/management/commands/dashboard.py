import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from recognizer.figures import Cell
from training.dashboard import gather_dashboard
from training.models import TrainingRun
from training.runs import in_words


class Command(BaseCommand):
    help = "Print what the dashboard shows: readings, flags, versions, confusions, runs and champions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")

    def handle(self, *args: Any, **options: Any) -> None:
        found = gather_dashboard()
        self.stdout.write(json.dumps(as_json(found)) if options["json"] else in_tables(found))


def as_json(found: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: found[name] for name in ("share", "pending", "approved", "drift")},
        "days": [{"day": f"{bar.day}", "readings": bar.readings, "flagged": bar.flagged} for bar in found["days"]],
        "serving": found["serving"] and found["serving"].name,
        "served_before": [version.name for version in found["before"]],
        "versions": [
            {"name": each.name, "reviewed": each.reviewed, "right": each.right, "accuracy": each.accuracy}
            for each in found["records"]
        ],
        "confusions": [[cell.count for cell in row] for row in found["confusions"]],
        "runs": [{"id": run.pk, "state": run.state, "failed": failed_checks(run)} for run in found["runs"]],
        "champions": [
            {"version": each.version.name, "promoted_at": each.promoted_at.isoformat()} for each in found["promotions"]
        ],
    }


def in_tables(found: dict[str, Any]) -> str:
    flagged, drift = found["flagged_share"], found["drift"]
    parts = [
        titled(
            "In 30 days",
            [
                f"{found['share']['readings']:,} readings, {'none' if flagged is None else f'{flagged:.2%}'} flagged",
                f"{found['pending']:,} corrections wait for a review, {found['approved']:,} are approved",
            ],
        ),
        titled(
            "Readings a day (flagged)",
            [f"{bar.day}  {bar.readings:>7,} ({bar.flagged:,})" for bar in found["days"] if bar.readings],
        ),
        titled("What serves", [f"{found['serving'] or 'no version'}", *(drift_in_words(drift) if drift else [])]),
        titled("Served before", [version.name for version in found["before"]]),
        titled(
            "Reviewed readings that were right",
            [f"{each.accuracy:>7.2%} of {each.reviewed:>5,}  {each.name}" for each in found["records"]],
        ),
        titled("What people say was mistaken for what", confusions_in_rows(found["confusions"])),
        titled("Runs", [run_in_a_line(run) for run in found["runs"]]),
        titled("Champions", [f"{each.promoted_at:%Y-%m-%d %H:%M}  {each.version}" for each in found["promotions"]]),
    ]
    return "\n\n".join(parts)


def titled(title: str, lines: list[str]) -> str:
    return "\n".join([title, *(f"  {line}" for line in lines or ["–"])])


def drift_in_words(drift: dict[str, Any]) -> list[str]:
    return [f"on average {drift['mean']:.2%} sure in the last week, {drift['expected']:.2%} where it was measured"]


def confusions_in_rows(confusions: list[list[Cell]]) -> list[str]:
    """Write the counts, a row for what people said, a column for what was read."""
    if not confusions:
        return []
    header = "  " + "".join(f"{label:>5}" for label in range(10))
    rows = [[cell.count or "·" for cell in row] for row in confusions]
    return [header, *(f"{label} " + "".join(f"{count:>5}" for count in row) for label, row in enumerate(rows))]


def run_in_a_line(run: TrainingRun) -> str:
    words = in_words(run) if run.is_active else run.get_state_display()
    failed = failed_checks(run)
    return f"{run.pk:>4}  {run.created_at:%Y-%m-%d %H:%M}  {words}{': ' if failed else ''}{', '.join(failed)}"


def failed_checks(run: TrainingRun) -> list[str]:
    return [check["name"] for check in run.verdict["checks"] if not check["passed"]] if run.verdict else []

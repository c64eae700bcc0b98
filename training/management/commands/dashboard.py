import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from recognizer.figures import Cell
from training.dashboard import gather_dashboard
from training.models import TrainingRun


class Command(BaseCommand):
    help = "Print the dashboard: readings, corrections, versions, confusions, runs and version history."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")

    def handle(self, *args: Any, **options: Any) -> None:
        figures = gather_dashboard()
        self.stdout.write(json.dumps(dashboard_json(figures)) if options["json"] else in_tables(figures))


def dashboard_json(figures: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: figures[name] for name in ("share", "pending", "approved", "drift")},
        "days": [{"day": f"{bar.day}", "readings": bar.readings, "flagged": bar.flagged} for bar in figures["days"]],
        "serving": figures["serving"] and figures["serving"].name,
        "served_before": [version.name for version in figures["before"]],
        "versions": [
            {"name": each.name, "reviewed": each.reviewed, "right": each.right, "accuracy": each.accuracy}
            for each in figures["records"]
        ],
        "sample": [
            {
                "name": each.name,
                "drawn": each.drawn,
                "labelled": each.looked_at,
                "right": each.right,
                "accuracy": each.accuracy,
                "interval": [each.low, each.high],
            }
            for each in figures["sample_records"]
        ],
        "confusions": [[cell.count for cell in row] for row in figures["confusions"]],
        "runs": [{"id": run.pk, "state": run.state, "failed": failed_checks(run)} for run in figures["runs"]],
        "champions": [
            {"version": each.version.name, "promoted_at": each.promoted_at.isoformat()}
            for each in figures["promotions"]
        ],
    }


def in_tables(figures: dict[str, Any]) -> str:
    flagged, drift = figures["flagged_share"], figures["drift"]
    parts = [
        titled(
            "In 30 days",
            [
                f"{figures['share']['readings']:,} readings, {'none' if flagged is None else f'{flagged:.2%}'} flagged",
                f"{figures['pending']:,} corrections to review, {figures['approved']:,} approved",
            ],
        ),
        titled(
            "Readings a day (flagged)",
            [f"{bar.day}  {bar.readings:>7,} ({bar.flagged:,})" for bar in figures["days"] if bar.readings],
        ),
        titled("Current version", [f"{figures['serving'] or 'no version'}", *(drift_in_words(drift) if drift else [])]),
        titled("Served before", [version.name for version in figures["before"]]),
        titled(
            "Accuracy on a random sample, with its 95 % interval (the unbiased figure)",
            [
                f"{each.accuracy:>7.2%} ({each.low:.2%} to {each.high:.2%}) of {each.looked_at:>5,}  {each.name}"
                for each in figures["sample_records"]
            ],
        ),
        titled(
            "Accuracy on reviewed readings",
            [f"{each.accuracy:>7.2%} of {each.reviewed:>5,}  {each.name}" for each in figures["records"]],
        ),
        titled("Confusions in approved corrections", confusions_in_rows(figures["confusions"])),
        titled("Runs", [run_in_a_line(run) for run in figures["runs"]]),
        titled(
            "Version history", [f"{each.promoted_at:%Y-%m-%d %H:%M}  {each.version}" for each in figures["promotions"]]
        ),
    ]
    return "\n\n".join(parts)


def titled(title: str, lines: list[str]) -> str:
    return "\n".join([title, *(f"  {line}" for line in lines or ["–"])])


def drift_in_words(drift: dict[str, Any]) -> list[str]:
    return [f"average confidence: {drift['mean']:.2%} this week, {drift['expected']:.2%} in testing"]


def confusions_in_rows(confusions: list[list[Cell]]) -> list[str]:
    """Write the confusion counts, a row for each truth, a column for each reading."""
    if not confusions:
        return []
    header = "  " + "".join(f"{label:>5}" for label in range(10))
    rows = [[cell.count or "·" for cell in row] for row in confusions]
    return [header, *(f"{label} " + "".join(f"{count:>5}" for count in row) for label, row in enumerate(rows))]


def run_in_a_line(run: TrainingRun) -> str:
    words = run.in_words if run.is_active else run.get_state_display()
    failed = failed_checks(run)
    return f"{run.pk:>4}  {run.created_at:%Y-%m-%d %H:%M}  {words}{': ' if failed else ''}{', '.join(failed)}"


def failed_checks(run: TrainingRun) -> list[str]:
    return [check["name"] for check in run.verdict["checks"] if not check["passed"]] if run.verdict else []

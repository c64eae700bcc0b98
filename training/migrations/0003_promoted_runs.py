from typing import Any

from django.db import migrations


def record_promotions(apps: Any, schema_editor: Any) -> None:
    """Call those runs promoted whose challenger came to serve after it had passed."""
    runs = apps.get_model("training", "TrainingRun").objects.using(schema_editor.connection.alias)
    for run in runs.filter(state="passed", challenger__isnull=False, finished_at__isnull=False):
        if run.challenger.promotions.filter(promoted_at__gte=run.finished_at).exists():
            runs.filter(pk=run.pk).update(state="promoted")


class Migration(migrations.Migration):
    dependencies = [
        ("training", "0002_lease"),
        ("recognizer", "0001_initial"),
    ]

    operations = [migrations.RunPython(record_promotions, migrations.RunPython.noop)]

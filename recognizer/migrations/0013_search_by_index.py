import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

INDEX = models.Index(models.F('owner'), models.OrderBy(models.F('id'), descending=True), models.F('text'), name='prediction_of_owner_text')
REPLACED = ['prediction_of_owner', 'recognizer_prediction_owner_id_a97be9f8']


def replace_indexes(apps, schema_editor):
    """Add the index before those that it replaces are dropped, beside calls that write."""
    concurrently = schema_editor.connection.vendor == 'postgresql'
    options = {'concurrently': True} if concurrently else {}
    schema_editor.add_index(apps.get_model('recognizer', 'Prediction'), INDEX, **options)
    for name in REPLACED:
        schema_editor.execute(f"DROP INDEX {'CONCURRENTLY ' if concurrently else ''}IF EXISTS {name}")


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('recognizer', '0012_prediction_masked'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveIndex(model_name='prediction', name='prediction_of_owner'),
                migrations.AddIndex(model_name='prediction', index=INDEX),
                migrations.AlterField(
                    model_name='prediction',
                    name='owner',
                    field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='predictions', to=settings.AUTH_USER_MODEL),
                ),
            ],
            database_operations=[migrations.RunPython(replace_indexes)],
        ),
    ]

from django.db import migrations, models

INDEX = models.Index(models.F('id'), condition=models.Q(('image_bytes', None)), name='prediction_not_counted')


def add_index(apps, schema_editor):
    """Add the index beside calls that write: PostgreSQL would else hold the table locked."""
    options = {'concurrently': True} if schema_editor.connection.vendor == 'postgresql' else {}
    schema_editor.add_index(apps.get_model('recognizer', 'Prediction'), INDEX, **options)


def remove_index(apps, schema_editor):
    schema_editor.remove_index(apps.get_model('recognizer', 'Prediction'), INDEX)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('recognizer', '0006_usage'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.AddIndex(model_name='prediction', index=INDEX)],
            database_operations=[migrations.RunPython(add_index, remove_index)],
        ),
    ]

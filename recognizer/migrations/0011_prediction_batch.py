from django.db import migrations, models

INDEXES = [
    models.Index(models.F('owner'), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('batch', None)), name='prediction_outside_batches'),
    models.Index(models.F('batch'), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('batch__isnull', False)), name='prediction_of_batch'),
]
ROWS = 10_000
NUMBER = {
    'postgresql': "CAST(SPLIT_PART(request_key, ' ', 2) AS bigint)",
    'sqlite': "CAST(SUBSTR(request_key, 7) AS integer)",  # Up to the space.
}


def fill(apps, schema_editor):
    """Take the number from the key, \"batch 7 1\", some rows at a time beside calls that write."""
    connection = schema_editor.connection
    ids = apps.get_model('recognizer', 'Prediction').objects.aggregate(first=models.Min('pk'), last=models.Max('pk'))
    if ids['first'] is None:
        return
    statement = f"UPDATE recognizer_prediction SET batch = {NUMBER[connection.vendor]} WHERE id >= %s AND id < %s AND request_key LIKE 'batch %%'"
    with connection.cursor() as cursor:
        for first in range(ids['first'], ids['last'] + 1, ROWS):
            cursor.execute(statement, [first, first + ROWS])


def add_indexes(apps, schema_editor):
    """Add the indexes beside calls that write: PostgreSQL would else hold the table locked."""
    options = {'concurrently': True} if schema_editor.connection.vendor == 'postgresql' else {}
    for index in INDEXES:
        schema_editor.add_index(apps.get_model('recognizer', 'Prediction'), index, **options)


def remove_indexes(apps, schema_editor):
    for index in INDEXES:
        schema_editor.remove_index(apps.get_model('recognizer', 'Prediction'), index)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('recognizer', '0010_plain_words'),
    ]

    operations = [
        migrations.AddField(
            model_name='prediction',
            name='batch',
            field=models.BigIntegerField(editable=False, null=True, verbose_name='number of the batch it came in'),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.AddIndex(model_name='prediction', index=index) for index in INDEXES],
            database_operations=[migrations.RunPython(add_indexes, remove_indexes)],
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('batches', '0004_idempotency_and_erasing'),
    ]

    operations = [
        migrations.AddField(
            model_name='item',
            name='picture',
            field=models.BinaryField(db_default=b'', default=b'', verbose_name='a small JPEG of what was refused'),
        ),
    ]

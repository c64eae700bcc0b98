from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('recognizer', '0011_prediction_batch'),
    ]

    operations = [
        migrations.AddField(
            model_name='prediction',
            name='masked',
            field=models.BooleanField(editable=False, null=True, verbose_name="whether the page network's mask selected the ink; none: unknown"),
        ),
    ]

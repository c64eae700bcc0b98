import recognizer.models
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('recognizer', '0013_search_by_index'),
    ]

    operations = [
        migrations.AddField(
            model_name='prediction',
            name='image_content',
            field=models.BinaryField(null=True, verbose_name='content of a small image; none: it is a file'),
        ),
        migrations.AlterField(
            model_name='prediction',
            name='image',
            field=models.FileField(blank=True, upload_to=recognizer.models.image_file),
        ),
    ]

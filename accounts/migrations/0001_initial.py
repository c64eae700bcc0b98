import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def fold_names(apps, schema_editor):
    from accounts.names import fold

    FoldedName = apps.get_model("accounts", "FoldedName")
    users = apps.get_model("auth", "User").objects.using(schema_editor.connection.alias)
    names = sorted(
        ((fold(name), name, pk) for pk, name in users.values_list("pk", "username").iterator()),
        # Of names that are alike, the one that is written as it is compared comes first, then the oldest.
        key=lambda row: (row[1] != row[0], row[2]),
    )
    owners: dict[str, int] = {}
    for folded, _, pk in names:
        owners.setdefault(folded, pk)
    FoldedName.objects.using(schema_editor.connection.alias).bulk_create(
        [FoldedName(user_id=pk, folded=folded) for folded, pk in owners.items()], batch_size=500
    )


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="FoldedName",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="folded_name",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("folded", models.CharField(max_length=450, unique=True)),
            ],
        ),
        migrations.RunPython(fold_names, migrations.RunPython.noop, elidable=True),
    ]

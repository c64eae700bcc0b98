"""`migrate` upgrades a database of the first release."""

import json
import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings as site

FIRST_RELEASE = """
import json
import django; django.setup()
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

executor = MigrationExecutor(connection)
libraries = [node for node in executor.loader.graph.leaf_nodes() if not (settings.BASE_DIR / node[0]).is_dir()]
first = [(app, "0001_initial") for app in ("recognizer", "keys", "batches", "training")] + libraries
executor.migrate(first)
old = executor.loader.project_state(first).apps
assert "fence" not in [field.name for field in old.get_model("batches", "Chunk")._meta.fields]

User = old.get_model("auth", "User")
user = User.objects.create(username="Ada", password=make_password("a long pass phrase"))
for name in ("ada", "ADA", "Émile"):
    User.objects.create(username=name)
with connection.cursor() as cursor:
    cursor.execute("CREATE TABLE axes_accessattempt (id integer)")
version = old.get_model("recognizer", "ModelVersion").objects.create(
    name="first", card={"metrics": {"test_accuracy": 0.5}}, keras_sha256="k" * 64, litert_sha256="l" * 64
)
old.get_model("recognizer", "Promotion").objects.create(version=version)
Prediction = old.get_model("recognizer", "Prediction")
prediction = Prediction.objects.create(
    owner=user, source="draw", image="predictions/a.png", width=9, height=9, frames=b"png", text="4",
    confidence=0.9, digits=[], model_version=version,
)
correction = old.get_model("recognizer", "Correction").objects.create(
    prediction=prediction, text="7", state="approved", flagged_by=user
)
key = old.get_model("keys", "Key").objects.create(user=user, name="scanner", scopes=["read"])
Batch = old.get_model("batches", "Batch")
batch = Batch.objects.create(owner=user, source="api", state="running", total=3, webhook="https://example.org/")
old.get_model("batches", "Chunk").objects.create(
    batch=batch, number=0, first=1, count=3, part="batches/a.zip", attempts=2
)
old.get_model("batches", "Item").objects.create(batch=batch, number=1, name="a.png", prediction=prediction)
Prediction.objects.filter(pk=prediction.pk).update(request_key=f"batch {batch.pk} 1")
old.get_model("batches", "Delivery").objects.create(batch=batch, attempts=3)
run = old.get_model("training", "TrainingRun").objects.create(
    state="queued", fence=2, snapshot="runs/1/a.zip", champion=version, requested_by=user
)
run.corrections.add(correction.pk)
"""
NOW = """
call_command("migrate", verbosity=0)
call_command("makemigrations", check=True, dry_run=True, verbosity=0)

from accounts.models import FoldedName
from accounts.names import user_named
from batches.models import Batch, Chunk, Delivery
from keys.models import Key
from recognizer.models import Correction, ModelVersion, Prediction
from training.models import TrainingRun

prediction, batch = Prediction.objects.get(), Batch.objects.get()
chunk, delivery, (run,) = Chunk.objects.take(), Delivery.objects.take(), TrainingRun.objects.all()
print(json.dumps({
    "user": prediction.owner.check_password("a long pass phrase"),
    "names": sorted(FoldedName.objects.values_list("folded", "user__username")),
    "named": [user_named(name).username for name in ("Ada", "ADA", "aDa", "éMILE")],
    "axes": [name for name in connection.introspection.table_names() if name.startswith("axes")],
    "serving": ModelVersion.objects.serving().name,
    "prediction": [prediction.text, prediction.image.name, prediction.correction.text],
    "correction": Correction.objects.approved().count(),
    "key": [Key.objects.get().name, Key.objects.get().scopes],
    "batch": [batch.total, batch.items.get().prediction_id == prediction.pk, prediction.batch == batch.pk],
    "chunk": [chunk.part, chunk.attempts, chunk.fence],
    "delivery": [delivery.attempts, delivery.fence],
    "run": [TrainingRun.objects.take(run.pk), run.snapshot.name, run.champion.name, run.corrections.count()],
}))
"""


def test_a_database_of_the_first_release_is_upgraded(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "digitsite.settings",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
        "MEDIA_ROOT": str(tmp_path / "media"),
    }
    done = subprocess.run(
        [sys.executable, "-c", FIRST_RELEASE + NOW],
        cwd=site.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "user": True,
        "names": [["ada", "ada"], ["émile", "Émile"]],
        "named": ["Ada", "ADA", "ada", "Émile"],
        "axes": [],
        "serving": "first",
        "prediction": ["4", "predictions/a.png", "7"],
        "correction": 1,
        "key": ["scanner", ["read"]],
        "batch": [3, True, True],
        "chunk": ["batches/a.zip", 3, 1],
        "delivery": [4, 1],
        "run": [3, "runs/1/a.zip", "first", 1],
    }

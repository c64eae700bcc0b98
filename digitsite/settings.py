"""One file for every machine: what differs comes from the environment. The README lists each variable."""

import contextlib
import os
import sys
import tempfile
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

from . import sqlite

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()


def kept_secret_key(path: Path) -> str:
    """Return the key in a file beside the project, made on the first run and readable by its owner alone."""
    if not path.exists():
        # Written aside and linked into place: two processes that start together agree on one whole key.
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name) as file:
            file.write(get_random_secret_key())
            file.flush()
            with contextlib.suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text()


def switch(name: str, default: bool) -> bool:
    """Read "on" or "off", refusing what is neither: a slip of the pen must not turn a protection off."""
    word = env.str(name, default="on" if default else "off").lower()
    if word in ("on", "true", "yes", "1"):
        return True
    if word in ("off", "false", "no", "0"):
        return False
    raise ImproperlyConfigured(f"{name} is {word!r}. Set it to on or off.")


def broker_options(url: str) -> dict[str, str | int]:
    """Return what a broker's transport needs beside its URL."""
    scheme, _, folder = url.partition("://")
    if scheme == "filesystem":
        Path(folder).mkdir(parents=True, exist_ok=True)
        return {"data_folder_in": folder, "data_folder_out": folder, "control_folder": f"{folder}/control"}
    if scheme.startswith("redis"):
        return {"socket_connect_timeout": 4, "socket_timeout": 10}
    return {}


def file_storage(url: str) -> dict[str, Any]:
    """Return the storage of pictures and networks: MEDIA_ROOT, or a bucket, `s3://key:secret@host:port/bucket`.

    Without a host the bucket is Amazon's, without a key the machine's role opens it; `?region=` and `?tls=off`.
    """
    if not url:
        return {"BACKEND": "recognizer.storage.DurableStorage"}
    address = urlsplit(url)
    asked = parse_qs(address.query)
    bucket = address.path.strip("/")
    if address.scheme != "s3" or not bucket or "/" in bucket or set(asked) - {"region", "tls"}:
        raise ImproperlyConfigured("STORAGE_URL is not of the form s3://key:secret@host:port/bucket?region=…&tls=off.")
    host = address.netloc.rpartition("@")[2]
    scheme = "http" if asked.get("tls") == ["off"] else "https"
    return {
        "BACKEND": "recognizer.buckets.Bucket",
        "OPTIONS": {
            "bucket_name": bucket,
            "endpoint_url": f"{scheme}://{host}" if host else None,
            "access_key": unquote(address.username) if address.username else None,
            "secret_key": unquote(address.password) if address.password else None,
            "region_name": asked.get("region", [None])[0],
        },
    }


DEBUG = switch("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or kept_secret_key(BASE_DIR / ".secret_key")
# What must be shared is checked where the site says that it runs on more than one machine.
SEVERAL_HOSTS = switch("SEVERAL_HOSTS", default=False)
# Gunicorn reads it too, as the number of its processes.
WEB_CONCURRENCY = env.int("WEB_CONCURRENCY", default=1)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "rest_framework",
    "knox",
    "keys",
    "axes",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "recognizer",
    "batches",
    "training",
]

MIDDLEWARE = [
    "digitsite.proxies.TrustedProxies",
    "digitsite.requests.RequestLog",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "digitsite.limits.BodyLimit",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "digitsite.urls"
WSGI_APPLICATION = "digitsite.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

LOCK_PATIENCE = 20  # Seconds that a statement waits for what somebody else holds locked; a call is told 503 then.
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    sqlite.use_newest()
    # IMMEDIATE: a transaction that will write waits for its turn at the start, instead of failing half-way.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": LOCK_PATIENCE,
        "init_command": f"PRAGMA journal_mode={sqlite.journal_mode(sqlite.library())}; PRAGMA synchronous=FULL;",
    }
    # A connection reads the whole schema before its first query, and the last one to close empties the log.
    DATABASES["default"]["CONN_MAX_AGE"] = None
else:
    DATABASES["default"]["ENGINE"] = "digitsite.postgres"
    # A pool a process: a request takes a connection that answers, or a 503 after 4 seconds without any. Attempts rest
    # twice as long each time; given up after 2 seconds, they leave it to the next call, which tries at once.
    pool = {"min_size": 1, "max_size": env.int("DATABASE_POOL", default=16), "timeout": 4, "reconnect_timeout": 2}
    # Who falls silent is given up within seconds, where TCP would wait for hours: by us the server, and by the server
    # whichever of us it was, with all that it had locked.
    patience: dict[str, Any] = {"connect_timeout": 4, "tcp_user_timeout": 5000}
    patience |= {"keepalives_idle": 2, "keepalives_interval": 1, "keepalives_count": 3}
    patience["options"] = (
        f"-c lock_timeout={LOCK_PATIENCE}s "
        "-c tcp_user_timeout=15000 -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=2"
    )
    DATABASES["default"]["OPTIONS"] = patience | DATABASES["default"].get("OPTIONS", {}) | {"pool": pool}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": env.cache_url("CACHE_URL", default="locmemcache://")}
if CACHES["default"]["BACKEND"] == "django.core.cache.backends.redis.RedisCache":
    # A request does without the cache rather than wait for it.
    CACHES["default"]["OPTIONS"] = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5} | CACHES["default"].get(
        "OPTIONS", {}
    )
    SESSION_ENGINE = "digitsite.sessions"

# Files: static ones are public and hashed; media are private and leave through a view that checks the owner.
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default=str(BASE_DIR / "media")))
FILE_UPLOAD_PERMISSIONS = 0o600
STORAGES = {
    "default": file_storage(env.str("STORAGE_URL", default="")),
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "digitsite.static.StaticStorage"
    },
}
# A 10 MB image grows by a third as base64; whatever is larger is refused before it is read.
DATA_UPLOAD_MAX_MEMORY_SIZE = 15 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 50
# The parser's limit is that of batches; everywhere else a handler holds it to five.
DATA_UPLOAD_MAX_NUMBER_FILES = 10_000
FILE_UPLOAD_HANDLERS = [
    "digitsite.limits.FewFiles",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# The reading
RECOGNIZER_RUNTIME = env.str("RECOGNIZER_RUNTIME", default="litert")
SHIPPED_VERSION = BASE_DIR / "training" / "shipped"

# The learning
SECOND_REVIEW_ABOVE = env.float("SECOND_REVIEW_ABOVE", default=0.99)
RETRAIN_LEAST = env.int("RETRAIN_LEAST", default=20)
RETRAIN_LARGEST_SHARE = env.float("RETRAIN_LARGEST_SHARE", default=0.5)
TRAINING_LEASE = 20  # Seconds that a worker may keep silent before its run is taken from it.
BATCH_LEASE = 30  # The same, with what it reads of a batch.
TRAINING_PROCESS = [sys.executable, str(BASE_DIR / "manage.py"), "train_run"]

# The queue. Without a server, messages are files in a folder; the rows of the runs are the truth either way.
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=f"filesystem://{BASE_DIR / 'broker'}")
CELERY_BROKER_TRANSPORT_OPTIONS = broker_options(CELERY_BROKER_URL)
if CELERY_BROKER_URL.startswith("filesystem:"):
    CELERY_BROKER_URL = "filesystem://localhost"  # The folder is among the options.
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 4
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0.1, "interval_max": 0.5}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "training"
CELERY_TASK_ROUTES = {"batches.tasks.*": {"queue": "batches"}}
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1

# People
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
# Guessing: a name is locked for the address that guesses, not for its owner elsewhere.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "accounts/locked.html"
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "history"
LOGOUT_REDIRECT_URL = "draw"
SESSION_COOKIE_AGE = 365 * 24 * 3600  # An anonymous visitor's history lives as long as the cookie.
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "digitsite.errors.csrf_failure"

# Transport. HTTPS=off is for a site on this machine or behind nothing at all.
HTTPS = switch("HTTPS", default=not DEBUG)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
# Probes come over plain HTTP from inside.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
TRUST_PROXY = switch("TRUST_PROXY", default=False)
TRUSTED_PROXIES = [ip_network(network) for network in env.list("TRUSTED_PROXIES", default=[])]
if TRUST_PROXY or TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# API
API_THROTTLE = switch("API_THROTTLE", default=True)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "recognizer.api.authentication.UserTokenAuthentication",
        "recognizer.api.authentication.VisitorSessionAuthentication",
    ],
    # Deny by default: a view that serves others says so itself.
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "recognizer.api.schema.RefusalsToo",
    "EXCEPTION_HANDLER": "recognizer.api.errors.answer_error",
    "DEFAULT_THROTTLE_CLASSES": [
        "recognizer.api.throttling.ScopeByAddress",
        "recognizer.api.throttling.LimitOfKey",
    ]
    if API_THROTTLE
    else [],
    "DEFAULT_THROTTLE_RATES": {
        "store": "120/min",
        "preview": "600/min",
        "flag": "60/min",
        "look": "1200/min",
        "batch": "10/min",
    },
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "recognizer.api.negotiation.OneAnswer",
    "DEFAULT_METADATA_CLASS": None,
    "URL_FORMAT_OVERRIDE": None,
    # Escaped, even half a surrogate pair that somebody sent can be told back.
    "UNICODE_JSON": False,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
# Its own table is never made: ours stands in its place.
KNOX_TOKEN_MODEL = "keys.Secret"  # noqa: S105  # a model's name
MIGRATION_MODULES = {"knox": None}
SPECTACULAR_SETTINGS = {
    "TITLE": "Digit reader",
    "DESCRIPTION": "Send a picture of handwritten digits, get the number.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"defaultModelsExpandDepth": -1},
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    # A file goes in as bytes and comes back as an address.
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {"SourceEnum": "recognizer.models.Source", "SentSourceEnum": ["draw", "upload", "api"]},
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "digitsite.logs.JsonLine"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # A refusal is in its request's line already.
        "django.request": {"level": "ERROR"},
        "axes": {"level": "ERROR"},
        # It would warn that a folder has no host name.
        "kombu.connection": {"level": "ERROR"},
    },
}

"""One file for every machine: what differs comes from the environment. docs/settings.md lists each variable."""

import contextlib
import os
import sys
import tempfile
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
    """Return the secret key in a file beside manage.py. Create it on the first run, readable by its owner only."""
    if not path.exists():
        # Written to a temporary file and linked into place, so that two processes starting together agree on one key.
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name) as file:
            file.write(get_random_secret_key())
            file.flush()
            with contextlib.suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text()


def switch(name: str, default: bool) -> bool:
    """Read "on" or "off". Refuse anything else: a typo must not turn a protection off."""
    word = env.str(name, default="on" if default else "off").lower()
    if word in ("on", "true", "yes", "1"):
        return True
    if word in ("off", "false", "no", "0"):
        return False
    raise ImproperlyConfigured(f"{name} is {word!r}. Set it to on or off.")


def choice(name: str, default: str, *others: str) -> str:
    """Read one of the given words. Refuse anything else."""
    word = env.str(name, default=default).lower()
    if word not in (default, *others):
        raise ImproperlyConfigured(f"{name} is {word!r}. Set it to {' or '.join((default, *others))}.")
    return word


def mail_server(url: str) -> dict[str, Any]:
    """Return Django's settings of the server that sends mail: `smtp+tls://user:password@host:587`, or `console://`."""
    if url == "console://":
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    address = urlsplit(url)
    ports = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}
    if address.scheme not in ports or not address.hostname or address.path.strip("/") or address.query:
        raise ImproperlyConfigured("EMAIL_URL is neither console:// nor of the form smtp+tls://user:password@host:587.")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": address.hostname,
        "EMAIL_PORT": address.port or ports[address.scheme],
        "EMAIL_HOST_USER": unquote(address.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(address.password or ""),
        "EMAIL_USE_TLS": address.scheme == "smtp+tls",
        "EMAIL_USE_SSL": address.scheme == "smtp+ssl",
        "EMAIL_TIMEOUT": 10,
    }


def broker_options(url: str) -> dict[str, str | int]:
    """Return the transport options of a broker's URL."""
    scheme, _, folder = url.partition("://")
    if scheme == "filesystem":
        Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        return {"data_folder_in": folder, "data_folder_out": folder, "control_folder": f"{folder}/control"}
    if scheme.startswith("redis"):
        return {"socket_connect_timeout": 4, "socket_timeout": 10}
    return {}


def shared_cache(url: str) -> dict[str, Any]:
    """Return the cache: `redis://…`, the folder of `filecache:///folder`, or this process' memory, `locmemcache://`."""
    scheme, _, place = url.partition("://")
    if scheme in ("redis", "rediss"):
        cache: dict[str, Any] = env.cache_url_config(url) | {"BACKEND": "core.redis_cache.Redis"}
        # Short timeouts: a request continues without the cache rather than wait for it.
        cache["OPTIONS"] = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5} | cache.get("OPTIONS", {})
        return cache
    if (scheme, place) != ("locmemcache", "") and (scheme != "filecache" or not place.startswith("/")):
        raise ImproperlyConfigured("CACHE_URL is neither redis://host:6379/0 nor filecache:///folder.")
    return {"BACKEND": "core.file_cache.SharedFile", "LOCATION": place.partition("?")[0]}


def file_storage(url: str) -> dict[str, Any]:
    """Return the storage of the files of pictures and networks: MEDIA_ROOT, or a bucket, `s3://key:secret@host:port/bucket`.

    Without a host the bucket is Amazon's, without a key the machine's role opens it; `?region=` and `?tls=off`.
    """
    if not url:
        private = {"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700}
        return {"BACKEND": "core.storage.durable.DurableStorage", "OPTIONS": private}
    address = urlsplit(url)
    params = parse_qs(address.query)
    bucket = address.path.strip("/")
    if address.scheme != "s3" or not bucket or "/" in bucket or set(params) - {"region", "tls"}:
        raise ImproperlyConfigured("STORAGE_URL is not of the form s3://key:secret@host:port/bucket?region=…&tls=off.")
    host = address.netloc.rpartition("@")[2]
    scheme = "http" if params.get("tls") == ["off"] else "https"
    return {
        "BACKEND": "core.storage.s3.Bucket",
        "OPTIONS": {
            "bucket_name": bucket,
            "endpoint_url": f"{scheme}://{host}" if host else None,
            "access_key": unquote(address.username) if address.username else None,
            "secret_key": unquote(address.password) if address.password else None,
            "region_name": params.get("region", [None])[0],
        },
    }


DEBUG = switch("DEBUG", default=False)
SECRET_KEY_FILE = None if env.str("SECRET_KEY", default="") else BASE_DIR / ".secret_key"
SECRET_KEY = kept_secret_key(SECRET_KEY_FILE) if SECRET_KEY_FILE else env.str("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
# With several hosts, system checks require shared database, cache, broker, storage and secret key.
SEVERAL_HOSTS = switch("SEVERAL_HOSTS", default=False)
# Gunicorn reads WEB_CONCURRENCY too, as its number of processes.
WEB_CONCURRENCY = env.int("WEB_CONCURRENCY", default=1)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "core.apps.GuardedAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "corsheaders",
    "rest_framework",
    "knox",
    "core",
    "keys",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "recognizer",
    "accounts",
    "batches",
    "training",
]

MIDDLEWARE = [
    "digitsite.proxies.TrustedProxies",
    "digitsite.requests.RequestLog",
    "digitsite.audit.Audit",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "digitsite.headers.PrivateByDefault",
    "digitsite.headers.RateLimits",
    "corsheaders.middleware.CorsMiddleware",
    "csp.middleware.CSPMiddleware",
    "digitsite.languages.Languages",
    "digitsite.limits.BodyLimit",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "digitsite.limits.FewPasswords",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.sessions.IdleSessions",
    "accounts.staff.StaffFactor",
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
                "digitsite.languages.script_catalogue",
            ],
            "builtins": ["django.templatetags.i18n"],
        },
    }
]

LOCK_TIMEOUT = 20  # Seconds that a statement waits for a lock; then the call is answered 503.
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    sqlite.use_newest()
    # IMMEDIATE: a transaction takes the write lock when it begins, instead of failing at its first write.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": LOCK_TIMEOUT,
        "init_command": f"PRAGMA journal_mode={sqlite.journal_mode(sqlite.library())}; PRAGMA synchronous=FULL;",
    }
    # Keep connections: each new one parses the whole schema, and closing the last one checkpoints the log.
    DATABASES["default"]["CONN_MAX_AGE"] = None
else:
    DATABASES["default"]["ENGINE"] = "digitsite.postgres"
    # One pool for each process: a request gets a working connection, or a 503 after 4 seconds. Reconnecting backs off
    # exponentially; it is given up after 2 seconds, so that the next call tries at once.
    pool = {"min_size": 1, "max_size": env.int("DATABASE_POOL", default=16), "timeout": 4, "reconnect_timeout": 2}
    # Detect a dead peer within seconds, where TCP's defaults take hours. The second group makes the server do the same
    # for dead hosts of the site, and release their locks.
    options: dict[str, Any] = {"connect_timeout": 4, "tcp_user_timeout": 5000}
    options |= {"keepalives_idle": 2, "keepalives_interval": 1, "keepalives_count": 3}
    options["options"] = (
        f"-c lock_timeout={LOCK_TIMEOUT}s "
        "-c tcp_user_timeout=15000 -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=2"
    )
    DATABASES["default"]["OPTIONS"] = options | DATABASES["default"].get("OPTIONS", {}) | {"pool": pool}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": shared_cache(env.str("CACHE_URL", default="locmemcache://"))}
if CACHES["default"]["BACKEND"] == "core.redis_cache.Redis":
    SESSION_ENGINE = "digitsite.sessions"

# Files: static files are public and hashed; media are private and served by a view that checks the owner.
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
# A 10 MB image grows by a third as base64. Larger bodies are refused before they are read.
DATA_UPLOAD_MAX_MEMORY_SIZE = 15 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 50
# The parser's limit is that of batches; elsewhere, an upload handler limits it to five.
DATA_UPLOAD_MAX_NUMBER_FILES = 10_000
FILE_UPLOAD_HANDLERS = [
    "digitsite.limits.FewFiles",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# Reading
RECOGNIZER_RUNTIME = env.str("RECOGNIZER_RUNTIME", default="litert")
SHIPPED_VERSION = BASE_DIR / "training" / "shipped"

# What is kept, how much of it and for how long. 0 is no limit.
VISITOR_QUOTA_PREDICTIONS = env.int("VISITOR_QUOTA_PREDICTIONS", default=5_000)
VISITOR_QUOTA_MB = env.int("VISITOR_QUOTA_MB", default=200)
USER_QUOTA_PREDICTIONS = env.int("USER_QUOTA_PREDICTIONS", default=200_000)
USER_QUOTA_MB = env.int("USER_QUOTA_MB", default=2_000)
SITE_QUOTA_PREDICTIONS = env.int("SITE_QUOTA_PREDICTIONS", default=0)
SITE_QUOTA_MB = env.int("SITE_QUOTA_MB", default=0)
VISITOR_IDLE_DAYS = env.int("VISITOR_IDLE_DAYS", default=30)
RETAIN_VISITORS_DAYS = env.int("RETAIN_VISITORS_DAYS", default=30)
RETAIN_FAILED_LOGINS_DAYS = env.int("RETAIN_FAILED_LOGINS_DAYS", default=30)
RETAIN_AUDIT_DAYS = env.int("RETAIN_AUDIT_DAYS", default=365)

# Where to report vulnerabilities: mailto: or https: addresses.
SECURITY_CONTACT = env.list("SECURITY_CONTACT", default=[])

# Retraining
SECOND_REVIEW_ABOVE = env.float("SECOND_REVIEW_ABOVE", default=0.99)
RETRAIN_LEAST = env.int("RETRAIN_LEAST", default=20)
RETRAIN_LARGEST_SHARE = env.float("RETRAIN_LARGEST_SHARE", default=0.5)
TRAINING_LEASE = 20  # Seconds without a heartbeat before a run is given to another worker.
BATCH_LEASE = 30  # The same for a part of a batch.
TRAINING_PROCESS = [sys.executable, str(BASE_DIR / "manage.py"), "train_run"]

# Queue. Without a server, messages are files in a folder. Database rows hold the state either way.
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=f"filesystem://{BASE_DIR / 'broker'}")
CELERY_BROKER_TRANSPORT_OPTIONS = broker_options(CELERY_BROKER_URL)
if CELERY_BROKER_URL.startswith("filesystem:"):
    CELERY_BROKER_URL = "filesystem://localhost"  # The folder is in the transport options.
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
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in {
        "UserAttributeSimilarityValidator": {},
        "MinimumLengthValidator": {"min_length": 12},
        "CommonPasswordValidator": {},
        "NumericPasswordValidator": {},
    }.items()
]
AUTHENTICATION_BACKENDS = ["accounts.backends.ByName"]
SIGN_UP = choice("SIGN_UP", "open", "closed")
ACCOUNT_ADAPTER = "accounts.adapter.Adapter"
ACCOUNT_FORMS = {
    "login": "accounts.forms.LogInForm",
    "signup": "accounts.forms.SignUpForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "reauthenticate": "accounts.forms.ProveForm",
    "reset_password": "accounts.forms.AskForLinkForm",
    "reset_password_from_key": "accounts.forms.LostPasswordForm",
    "add_email": "accounts.forms.AddressForm",
}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*", "email"]
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
PASSWORD_RESET_TIMEOUT = 24 * 3600
ACCOUNT_EMAIL_VERIFICATION = "optional"
# Several accounts may share a mail address: who reads its mail may reset all their passwords.
ACCOUNT_UNIQUE_EMAIL = False
# A proof of identity is valid for an hour; `accounts.proof` counts a log-in as one too.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 3600
ACCOUNT_REAUTHENTICATION_METHODS = ["password", "mfa"]
USERSESSIONS_ADAPTER = "accounts.sessions.Sessions"
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",
    # A name is locked for the address that guesses, and for all addresses only if many guess.
    "login_failed": "10/15m/key,100/15m/ip",
    "login_failed_anywhere": "100/h/key",
}
STAFF_MFA = choice("STAFF_MFA", "optional", "required")
MFA_ADAPTER = "accounts.factors.Factors"
MFA_FORMS = {
    "authenticate": "accounts.forms.CodeForm",
    "reauthenticate": "accounts.forms.CodeAgainForm",
    "activate_totp": "accounts.forms.AddAppForm",
    "add_webauthn": "accounts.forms.AddPasskeyForm",
    "authenticate_webauthn": "accounts.forms.PasskeyForm",
    "reauthenticate_webauthn": "accounts.forms.PasskeyAgainForm",
    "login_webauthn": "accounts.forms.PasskeyAloneForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "Digit reader"
MFA_TOTP_TOLERANCE = 1  # Steps of 30 seconds that a phone's clock may be off.
vars().update(mail_server(env.str("EMAIL_URL", default="console://")))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("EMAIL_FROM", default="digits@localhost")
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "history"
LOGOUT_REDIRECT_URL = "draw"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "digitsite.errors.csrf_failure"

# Transport. HTTPS=off is for a site on your own machine.
HTTPS = switch("HTTPS", default=not DEBUG)
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
# Health checks use plain HTTP from inside.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# The site is always at the root of its host; a SCRIPT_NAME header is ignored.
FORCE_SCRIPT_NAME = ""
TRUST_PROXY = switch("TRUST_PROXY", default=False)
TRUSTED_PROXIES = [ip_network(network) for network in env.list("TRUSTED_PROXIES", default=[])]
METRICS_ALLOWED = [ip_network(network) for network in env.list("METRICS_ALLOWED", default=["127.0.0.0/8", "::1/128"])]
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
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
# Pages of allowed origins may call the API with a key, but never with this site's cookies.
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "idempotency-key", "x-request-id"]
CORS_EXPOSE_HEADERS = ["Location", "Retry-After", "X-Request-ID", "WWW-Authenticate", "Content-Disposition"]
CORS_EXPOSE_HEADERS += ["RateLimit", "RateLimit-Policy"]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "recognizer.api.authentication.UserTokenAuthentication",
        "recognizer.api.authentication.VisitorSessionAuthentication",
    ],
    # Deny by default: a view with public access declares it.
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["recognizer.api.parsers.SmallJSON"],
    "DEFAULT_SCHEMA_CLASS": "recognizer.api.schema.ErrorResponsesAutoSchema",
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
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "recognizer.api.negotiation.IgnoreAcceptHeader",
    "DEFAULT_METADATA_CLASS": "recognizer.api.metadata.AllowAlone",
    "URL_FORMAT_OVERRIDE": None,
    # Escaped, because a client may send a lone surrogate, which UTF-8 cannot encode.
    "UNICODE_JSON": False,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
# keys.Secret replaces knox's own table.
KNOX_TOKEN_MODEL = "keys.Secret"  # noqa: S105  # a model's name
MIGRATION_MODULES = {"knox": None}
SPECTACULAR_SETTINGS = {
    "TITLE": "Digit reader",
    "DESCRIPTION": "Send a picture of handwritten digits, get the number.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"defaultModelsExpandDepth": -1},
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    # Requests send files as bytes; answers contain their URLs.
    "COMPONENT_SPLIT_REQUEST": True,
    # The reference offers keys only, not the session, which is for pages.
    "AUTHENTICATION_WHITELIST": ["recognizer.api.authentication.UserTokenAuthentication"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {"SourceEnum": "recognizer.models.Source", "SentSourceEnum": ["draw", "upload", "api"]},
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
# Each language's own name, as its speakers look for it.
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "digitsite.logs.JsonLine"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # The request's own log line has the status already.
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        # Silence a warning for each queued request; the metric `digit_waiting` counts them.
        "waitress.queue": {"level": "ERROR"},
        # Silence the warning that a folder has no host name.
        "kombu.connection": {"level": "ERROR"},
    },
}

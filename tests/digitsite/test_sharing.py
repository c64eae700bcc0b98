"""What several hosts share through a real Redis, and how they work without it."""

import json
import pickle
import subprocess
import sys
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings as site
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.models import Session
from django.core.cache import cache, caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks.processes import free_port
from keys.models import Key
from recognizer.api.throttling import ScopeByAddress
from tests.servers import redis_or_skip

FLAGS = 60


def redis_cache(address: str) -> dict[str, Any]:
    options = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5}
    prefix = uuid.uuid4().hex
    backend = "core.redis_cache.Redis"
    return {"default": {"BACKEND": backend, "LOCATION": address, "OPTIONS": options, "KEY_PREFIX": prefix}}


@pytest.fixture
def redis(settings: Any) -> None:
    settings.CACHES = redis_cache(redis_or_skip())
    settings.SESSION_ENGINE = "digitsite.sessions"


@pytest.fixture
def no_redis(settings: Any) -> None:
    settings.CACHES = redis_cache(f"redis://127.0.0.1:{free_port()}/0")
    settings.SESSION_ENGINE = "digitsite.sessions"


HOST = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
import django; django.setup()
from django.contrib.auth.models import AnonymousUser
from types import SimpleNamespace
from recognizer.api.throttling import ScopeByAddress
http = SimpleNamespace(META={"REMOTE_ADDR": sys.argv[1]})
request = SimpleNamespace(user=AnonymousUser(), _request=http)
view = SimpleNamespace(throttle_scope="flag")
call = lambda turn: ScopeByAddress().allow_request(request, view)
print(json.dumps(sum(ThreadPoolExecutor(8).map(call, range(50)))))
"""


def call_from(address: str) -> tuple[bool, ScopeByAddress]:
    request: Any = SimpleNamespace(user=AnonymousUser(), _request=SimpleNamespace(META={"REMOTE_ADDR": address}))
    throttle = ScopeByAddress()
    return throttle.allow_request(request, SimpleNamespace(throttle_scope="flag")), throttle


@pytest.mark.parametrize("shared", ["redis", "folder"])
def test_simultaneous_calls_of_processes_stay_within_the_limit(shared: str, tmp_path: Path) -> None:
    environment = {
        "CACHE_URL": redis_or_skip() if shared == "redis" else f"filecache://{tmp_path / 'limits'}",
        "DJANGO_SETTINGS_MODULE": "digitsite.settings",
        "SECRET_KEY": "of this test alone",
        "PATH": "",
    }
    address = f"host-{uuid.uuid4().hex}"
    hosts = [
        subprocess.Popen(
            [sys.executable, "-c", HOST, address], cwd=site.BASE_DIR, env=environment, stdout=subprocess.PIPE
        )
        for _ in range(3)
    ]
    let_go_on = [json.loads(host.communicate(timeout=120)[0]) for host in hosts]
    assert sum(let_go_on) == FLAGS, let_go_on


@pytest.mark.usefixtures("redis")
def test_refused_call_learns_when_the_oldest_expires() -> None:
    address = uuid.uuid4().hex
    assert all(call_from(address)[0] for _ in range(FLAGS))
    allowed, throttle = call_from(address)
    assert not allowed
    assert 50 < (throttle.wait() or 0) <= 60
    assert call_from(uuid.uuid4().hex)[0], "others have limits of their own"


@pytest.mark.parametrize("shared", ["redis", "file"])
def test_expensive_call_counts_as_several(request: pytest.FixtureRequest, shared: str) -> None:
    if shared == "redis":
        request.getfixturevalue("redis")
    counter: Any = caches["default"]
    key = uuid.uuid4().hex
    counts = [counter.count(key, cost, 10, 60) for cost in (1, 7, 3, 2, 1)]
    assert [count.allowed for count in counts] == [True, True, False, True, False]
    assert [count.remaining for count in counts] == [9, 2, 2, 0, 0]
    assert all(59 < count.reset <= 60 for count in counts)


@pytest.mark.usefixtures("redis")
def test_pickle_in_redis_is_never_loaded(user: User) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (exec, ("raise SystemExit('code ran')",))

    client = Client()
    client.force_login(user)
    store: Any = cache
    key = store.make_key(client.session.cache_key)
    raw = store._cache.get_client(write=True)
    assert b"_auth_user_id" in raw.get(key), "sessions are kept as JSON"
    raw.set(key, pickle.dumps(Bomb()))
    assert client.get("/accounts/").status_code == 200


@pytest.mark.usefixtures("no_redis")
def test_calls_continue_uncounted_without_redis() -> None:
    assert all(call_from("192.0.2.1")[0] for _ in range(FLAGS + 1))


@pytest.mark.django_db
@pytest.mark.usefixtures("redis")
def test_session_is_cached_in_redis_and_stored_in_the_database(user: User) -> None:
    client = Client()
    client.force_login(user)
    client.get("/accounts/")
    assert Session.objects.filter(pk=client.session.session_key).exists()
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/accounts/").status_code == 200
    assert not [query for query in queries if "django_session" in query["sql"]]
    cache.clear()
    assert client.get("/accounts/").status_code == 200
    client.post("/accounts/logout/")
    assert client.get("/accounts/").status_code == 302


@pytest.mark.django_db
@pytest.mark.usefixtures("no_redis")
def test_sessions_work_without_redis(user: User) -> None:
    client = Client(raise_request_exception=False)
    credentials = {"login": "ada", "password": "a long pass phrase"}
    assert client.get("/").status_code == 200
    assert client.post("/accounts/login/", credentials).status_code == 302
    assert client.get("/accounts/").status_code == 200
    assert client.post("/accounts/logout/").status_code == 302
    assert client.get("/accounts/").status_code == 302


def test_key_limit_is_counted_in_redis(redis: None, user: User) -> None:
    _, token = Key.objects.issue(user, limit=3)
    client = Client(headers={"Authorization": f"Token {token}"})
    answers = [client.get("/api/v1/predictions/") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert 0 < int(answers[-1]["Retry-After"]) <= 60

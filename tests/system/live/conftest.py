"""The site as a real server, copied from a template that is installed once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sites import Site, copy_of, database_in, install


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that is installed and never started, to be copied."""
    folder = tmp_path_factory.mktemp("template")
    with database_in(folder) as database:
        site = Site(folder, database)
        install(site)
        yield site


@pytest.fixture(scope="module")
def site(template: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that serves, the same for all tests of a module."""
    with copy_of(template, tmp_path_factory.mktemp("site")) as site:
        site.start()
        yield site


@pytest.fixture
def new_site(template: Site, tmp_path: Path) -> Iterator[Site]:
    """A site of this test's own, which is not started yet."""
    with copy_of(template, tmp_path) as site:
        yield site

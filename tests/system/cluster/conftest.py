import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .hosts import Namespaces, Network, why_no_namespaces
from .topology import Cluster, missing_programs


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run these tests alone, because they check times."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("serial")


def pytest_report_header() -> str:
    """Report what kind of hosts is used."""
    why = why_no_namespaces()
    return f"cluster: hosts are processes, not namespaces: {why}" if why else "cluster: hosts are network namespaces"


@pytest.fixture(scope="session")
def running_cluster() -> Iterator[Cluster]:
    if missing := missing_programs():
        assert not os.environ.get("CI"), f"{', '.join(missing)}: absent, and CI must not skip it"
        pytest.skip(f"this machine has no {', no '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="digits-cluster-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL and nginx are not root.
        network = Network(folder) if why_no_namespaces() else Namespaces(folder)
        try:
            cluster = Cluster(network)
            cluster.start()
            yield cluster
        finally:
            network.close()


@pytest.fixture
def cluster(running_cluster: Cluster) -> Cluster:
    """The cluster with all its hosts running again."""
    running_cluster.until_well()
    return running_cluster

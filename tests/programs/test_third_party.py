"""Programs on top of joblib, loky, cloudpickle, Dask and Redis."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..fresh import in_fresh_interpreter
from .harness import run_both


def test_joblib_and_loky(tmp_path: Path) -> None:
    run_both("loky_jobs.py", tmp_path=tmp_path, processes=3)


def test_cloudpickle(tmp_path: Path) -> None:
    run_both("cloudpickled.py", tmp_path=tmp_path, processes=2)


def test_a_dask_cluster(tmp_path: Path) -> None:
    run_both("dask_cluster.py", tmp_path=tmp_path, processes=3)


@in_fresh_interpreter
def test_cloudpickle_imported_before_the_engine_is_on_top_of_it() -> None:
    import pickle

    import cloudpickle

    stock = cloudpickle.Pickler
    stock_data = cloudpickle.dumps([1, "two"])
    import brinery

    with brinery.installed():
        assert issubclass(cloudpickle.Pickler, brinery.Pickler)
        assert cloudpickle.CloudPickler is cloudpickle.Pickler is cloudpickle.cloudpickle.Pickler
        assert cloudpickle.loads is brinery.loads
        data = cloudpickle.dumps([lambda x: x + 1, type("Local", (), {"a": 1})])
        function, local = cloudpickle.loads(data)
        assert (function(1), local.a) == (2, 1)
        assert cloudpickle.dumps([1, "two"]) == stock_data
    assert cloudpickle.Pickler is cloudpickle.cloudpickle.Pickler is stock
    assert pickle.loads(data)[0](2) == 3


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Return the port of a Redis server that this test started on the loopback interface."""
    server = find_redis_server()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with open(folder / "log", "w") as log, subprocess.Popen([server, *options], stdout=log) as process:
        try:
            for _ in range(100):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
            yield port
        finally:
            process.terminate()


def find_redis_server() -> str:
    """Return the path of redis-server; install Debian's package if it is missing and that is possible."""
    if not shutil.which("redis-server") and shutil.which("apt-get") and os.geteuid() == 0:
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "redis-server"]
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        if subprocess.run(install, env=environ, capture_output=True, check=False).returncode:
            subprocess.run(["apt-get", "update", "-q"], capture_output=True, check=False)
            subprocess.run(install, env=environ, capture_output=True, check=False)
    server = shutil.which("redis-server")
    assert server, "redis-server is missing: install your system's package of it (redis-server, or redis)"
    return server


def test_redis_as_a_store(redis_port: int, tmp_path: Path) -> None:
    run_both("redis_store.py", str(redis_port), tmp_path=tmp_path, processes=3)

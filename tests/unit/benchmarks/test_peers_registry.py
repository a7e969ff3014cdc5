"""The peers' locks, environments and commands."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from benchmarks.peers import environments
from benchmarks.peers.registry import PEERS, Layout, Peer, Start
from tests.import_graph import read_imports

ROOT = Path(__file__).resolve().parents[3]
LOCKS = ROOT / "requirements" / "peers"
APPS = ROOT / "benchmarks" / "peers" / "apps"
# What an application imports, where the distribution's name differs.
DISTRIBUTIONS = {"cv2": "opencv-python-headless", "tensorflow": "tensorflow-cpu"}
SHARED = ("tensorflow-cpu", "numpy", "opencv-python-headless", "pillow", "isal", "orjson")
APP_OF = {
    "mosec": "mosec_app",
    "bentoml": "bento_app",
    "litserve": "lit_app",
    "mlserver": "mlserver_app",
    "ray": "ray_app",
    "flask": "flask_app",
}


def lock_of(name: str) -> str:
    return (LOCKS / f"{name}.txt").read_text()


def peers() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)


@peers()
def test_every_version_is_pinned_by_digest(peer: Peer) -> None:
    lines = [line for line in lock_of(peer.name).replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    assert len(lines) > 20
    assert all(re.fullmatch(r"[a-z0-9-]+==\S+( ; .*?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*", line) for line in lines)
    assert "://" not in lock_of(peer.name)


@peers()
def test_what_an_application_imports_is_locked(peer: Peer) -> None:
    modules = {name: APPS / f"{name}.py" for name in (APP_OF[peer.name], "pictures", "model")}
    imported = {found.target.partition(".")[0] for found in read_imports(modules)}
    foreign = imported - {"benchmarks", "service"} - sys.stdlib_module_names
    assert peer.distribution in foreign
    for name in foreign:
        assert environments.locked_version(DISTRIBUTIONS.get(name, name), lock_of(peer.name)) != "unknown", name


@peers()
def test_all_run_the_same_tensorflow_and_the_same_decoder(peer: Peer) -> None:
    ours = (ROOT / "requirements" / "dev.txt").read_text()
    for name in SHARED:
        assert environments.locked_version(name, lock_of(peer.name)) == environments.locked_version(name, ours), name


@peers()
def test_a_peer_is_told_where_to_listen_and_what_to_serve(peer: Peer, tmp_path: Path) -> None:
    start = Start(Path("/venv/bin/python"), 4321, Layout(2, 1), tmp_path)
    environment = peer.environment_for(start, tmp_path)
    assert environment["PEER_MODEL_DIR"] == str(tmp_path)
    assert (environment["PEER_WORKERS"], environment["PEER_THREADS"]) == ("2", "1")
    said = [*peer.command(start), *environment.values()]
    assert any("4321" in word for word in said)
    assert peer.command(start)[0].startswith("/venv/bin/")
    assert not any("{" in value for value in environment.values() if "start." in value)


def test_an_environment_is_done_while_its_lock_is_the_same(tmp_path: Path) -> None:
    locks, made = tmp_path / "locks", tmp_path / "environments"
    locks.mkdir()
    (made / "mosec").mkdir(parents=True)
    (locks / "mosec.txt").write_text("mosec==1 \\\n")
    assert not environments.is_installed("mosec", made, locks)
    (made / "mosec" / "installed-lock.txt").write_text("mosec==1 \\\n")
    assert environments.is_installed("mosec", made, locks)
    (locks / "mosec.txt").write_text("mosec==2 \\\n")
    assert not environments.is_installed("mosec", made, locks)


def test_a_version_is_read_from_a_lock() -> None:
    lock = "numpy-x==1.0 \\\nnumpy==2.4.6 ; python_version < '4' \\\n    --hash=sha256:0\n"
    assert environments.locked_version("numpy", lock) == "2.4.6"
    assert environments.locked_version("ray", lock) == "unknown"

"""The doors as fixtures."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from receiver.serving import Doors, ListIntake, opened_doors  # the folder above is on the path


@pytest.fixture
def open_doors() -> Iterator[Callable[..., Doors]]:
    """Opens doors as they are wanted, and closes them at the end."""
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(opened_doors(**how))


@pytest.fixture
def doors(open_doors: Callable[..., Doors]) -> Doors:
    """Doors as they are when nothing is said about them."""
    return open_doors()


@pytest.fixture
def make_intake() -> type[ListIntake]:
    """The intake, for doors that need another one."""
    return ListIntake


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes a folder with a CA of its own: ca.pem, and cert.pem and key.pem for 127.0.0.1, signed by it."""

    def make(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        ca = (
            f"req -x509 {key} -keyout ca-key.pem -out ca.pem -subj /CN=ca-{name}"
            " -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign"
        )
        own = (
            f"req -x509 {key} -keyout key.pem -out cert.pem -subj /CN={name} -CA ca.pem -CAkey ca-key.pem"
            " -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE"
        )
        for command in (ca, own):
            subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
        return folder

    return make

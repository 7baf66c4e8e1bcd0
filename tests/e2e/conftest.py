"""An installation for the tests of a file: database, broker, ingest worker and API as processes of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.real.installation import Installation, installed


# Not for the session: a test elsewhere that opens a database closes the client that the installation was given.
@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("installation")) as running:
        yield running

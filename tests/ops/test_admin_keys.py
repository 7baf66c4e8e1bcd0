"""A new master key, while another process works."""

import dataclasses
import json

import pytest

from ops import admin
from phr.auth.keys import Rings
from phr.config import Settings
from phr.database import Database
from phr.people import keyring, master_keys, seals
from phr.people.master_keys import FILE
from tests.conftest import MASTER_KEY

WANG = "a" * 20


def test_rotated_file_wraps_all_anew_and_a_running_process_goes_on(
    database: Database, mongod: str, settings: Settings
) -> None:
    database[keyring.VAULT].delete_many({})  # what indexes were made with is the tests' own key's
    own = dataclasses.replace(settings, master_key=None, mongodb_uri=mongod, mongodb_database=database.name)
    running = master_keys.load(own, makes=True)
    keyring.use(running)
    try:
        sealed = seals.seal(database, WANG, "people.name", "王芳")
        before = running.newest
        assert admin.main(["keys", "rotate"], own) == 0
        keyring.use(running)
        keyring.forget(database)
        assert seals.unseal(database, WANG, "people.name", sealed) == "王芳"
        assert running.newest != before
        assert database[keyring.VAULT].count_documents({"master": before.id}) == 0
        assert len((settings.data_dir / FILE).read_text().split()) == 2  # older backups still need the old one
    finally:
        keyring.use(master_keys.load(Settings(master_key=MASTER_KEY)))


def test_next_keys_sign_for_a_running_process_too(
    database: Database, mongod: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    own = dataclasses.replace(settings, mongodb_uri=mongod, mongodb_database=database.name)
    running = Rings(own)
    before = running.access.current.kid
    assert admin.main(["keys", "rotate-signing"], own) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == {"access_tokens": running.access.current.kid, "id_tokens": running.id_tokens.current.kid}
    assert before != running.access.current.kid

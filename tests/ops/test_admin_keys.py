"""A new master key, while another process works."""

import dataclasses

from ops import admin
from phr.config import Settings
from phr.database import Database
from phr.people import keyring, master_keys, seals
from phr.people.master_keys import FILE
from tests.conftest import MASTER_KEY

WANG = "a" * 20


def test_rotated_file_wraps_all_anew_and_a_running_process_goes_on(
    database: Database, mongod: str, settings: Settings
) -> None:
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

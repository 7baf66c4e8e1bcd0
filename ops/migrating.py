"""``app.py migrate``: for installations whose database is their own; a family of one machine migrates as it starts."""

from __future__ import annotations

from tqdm import tqdm

from ops.administration import open_record
from ops.indexes import ensure_indexes
from phr.config import Settings
from phr.migrations.migrate import Step, run_pending


def main(settings: Settings) -> int:
    """Indexes first, for steps look by them. Prints what changed; may be interrupted and run again."""
    database = open_record(settings)
    with database.client, tqdm(unit=" documents") as bar:
        ensure_indexes(database)

        def tell(step: Step, count: int) -> None:
            bar.set_description(step.name)
            bar.update(count - bar.n)

        count = run_pending(database, tell)
    print(f"The database has the form of this version; {count} documents changed.")
    return 0

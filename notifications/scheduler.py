"""The scheduler: ticks, nothing else; what a tick does lives where it belongs. A dispatcher beside them sends."""

from __future__ import annotations

import logging
from collections.abc import Callable

from apscheduler.schedulers.background import BackgroundScheduler
from pymongo.errors import PyMongoError

from notifications.channels import channels
from notifications.dispatcher import Dispatcher
from phr import clock, database, happenings, withdrawing
from phr.alerts import escalating
from phr.audit import chaining, days
from phr.care.rules import rules
from phr.config import Settings
from phr.database import Database
from phr.education import pushing
from phr.erasure import archive, erasing
from phr.errors import PhrError, SettingInvalid
from phr.interchange import sent_imports
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.panel import rows
from phr.people import granting, guardians, keyring, master_keys, people
from phr.people.grants import GUARDIAN, PROXY
from phr.people.keyring import KeyDestroyed
from phr.plans import asking, finishing, visits
from phr.plans.signatures import Signed
from phr.readings import folding, rezoning
from phr.readings.raw import OffsetAt
from phr.recording import Recorder
from phr.reminders import ticking
from phr.stopping import Stopping
from phr.telemetry.reports import Reporter
from phr.telemetry.tally import Tally
from phr.vocabulary.metrics import vocabulary
from phr.watching.watcher import Watcher

FOLD_EVERY_S = 5
REPORT_EVERY_S = 10
REZONE_EVERY_S = 60
IMPORT_EVERY_S = 2
ERASE_EVERY_S = 30
ENTER_EVERY_S = 5
REMIND_EVERY_S = 600
REMIND_DAYS = 30
DUE_EVERY_S = 2
TELLERS = 2  # while one waits for the database, the other works
FOLLOW_UP_EVERY_S = 5
SWEEP_EVERY_S = 60
WITHDRAW_EVERY_S = 2
CHAIN_EVERY_S = 2
SIGN_EVERY_S = 60
WATCH_EVERY_S = 5
ESCALATE_EVERY_S = 5
PANEL_EVERY_S = 2
PLAN_EVERY_S = 60
TEACH_EVERY_S = 30

LEAVING = Stopping()  # an import is left where it is, for the next scheduler

log = logging.getLogger(__name__)


def main(settings: Settings) -> int:
    """Ticks until SIGTERM or SIGINT.

    Raises SettingInvalid without a database, ServerUnavailable when it is away, DataFileInvalid for a bad rule file.
    """
    if settings.mongodb_uri is None:
        raise SettingInvalid("PHR_MONGODB_URI is not set and no family runs under PHR_DATA_DIR; start `app.py dev`")
    rules()
    keyring.use(master_keys.load(settings))
    connection = database.connect(settings.mongodb_uri, settings.mongodb_database)
    database.ping(connection)
    LEAVING.listen()
    scheduler = BackgroundScheduler(job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None})
    scheduler.add_job(tick_one, "interval", args=(fold_one, connection), seconds=FOLD_EVERY_S)
    scheduler.add_job(tick_one, "interval", args=(rezone_one, connection), seconds=REZONE_EVERY_S)
    scheduler.add_job(tick_one, "interval", args=(enter_one, connection), seconds=ENTER_EVERY_S)
    scheduler.add_job(tick_one, "interval", args=(import_one, connection), seconds=IMPORT_EVERY_S)
    erase_one = eraser(erasing.house(settings))
    scheduler.add_job(tick_one, "interval", args=(erase_one, connection), seconds=ERASE_EVERY_S)
    scheduler.add_job(tick_one, "interval", args=(chain_one, connection), seconds=CHAIN_EVERY_S)
    sign_one = signer(days.house(settings))
    scheduler.add_job(tick_one, "interval", args=(sign_one, connection), seconds=SIGN_EVERY_S)
    watch_one = watcher(connection)
    scheduler.add_job(tick_one, "interval", args=(watch_one, connection), seconds=WATCH_EVERY_S)
    scheduler.add_job(tick_one, "interval", args=(escalate_one, connection), seconds=ESCALATE_EVERY_S)
    scheduler.add_job(tick_one, "interval", args=(panel_one, connection), seconds=PANEL_EVERY_S)
    for step in (remind_one, ask_anew_one):
        scheduler.add_job(tick_one, "interval", args=(step, connection), seconds=REMIND_EVERY_S)
    for _ in range(TELLERS):
        scheduler.add_job(tick_one, "interval", args=(tell_due_one, connection), seconds=DUE_EVERY_S)
    scheduler.add_job(tick_one, "interval", args=(follow_up_one, connection), seconds=FOLLOW_UP_EVERY_S)
    scheduler.add_job(tick_one, "interval", args=(sweep_one, connection), seconds=SWEEP_EVERY_S)
    scheduler.add_job(tick_one, "interval", args=(withdraw_one, connection), seconds=WITHDRAW_EVERY_S)
    scheduler.add_job(tick_one, "interval", args=(plan_one, connection), seconds=PLAN_EVERY_S)
    scheduler.add_job(tick_one, "interval", args=(teacher(connection), connection), seconds=TEACH_EVERY_S)
    tally = Tally()
    scheduler.add_job(tick_one, "interval", args=(reporter(connection, tally), connection), seconds=REPORT_EVERY_S)
    dispatcher = Dispatcher(connection, channels(settings, connection), tally)
    scheduler.start()
    dispatcher.start()
    LEAVING.wait()
    dispatcher.stop()
    scheduler.shutdown(wait=True)  # a tick that has begun is finished
    return 0


def tick_one(work: Callable[[Database], bool], connection: Database) -> bool:
    """Does one tick's work until none is left; a database that is away is tried again at the next tick."""
    try:
        has_worked = work(connection)
        while has_worked and not LEAVING.is_asked and work(connection):
            pass
    except (PyMongoError, PhrError, OSError) as error:
        log.warning("%s: %s; trying again at the next tick", work.__name__, type(error).__name__)
        return False
    return has_worked


def fold_one(connection: Database) -> bool:
    """Brings one round of summaries up to date; True where it found some."""
    quiet_since_ms = clock.now_ms() - folding.QUIET_MS
    return folding.fold_some(connection, vocabulary().metrics, _offsets(connection), quiet_since_ms) > 0


def rezone_one(connection: Database) -> bool:
    """Finishes one change of a person's zone that a crash left half done; True where it found one."""
    return rezoning.settle_one(connection, clock.now_ms())


def enter_one(connection: Database) -> bool:
    """Writes what happened in the record, alerts and device events, into timelines; True where it found some."""
    return happenings.enter_one(connection, clock.now_ms())


def import_one(connection: Database) -> bool:
    """Takes in, or back, one import whose file was sent over the API; True where it found one."""
    return sent_imports.do_one(connection, Recorder(connection, rules()), clock.now_ms, lambda: LEAVING.is_asked)


def eraser(house: erasing.House) -> Callable[[Database], bool]:
    """Gives what takes the next step of an erasure that is due, or ends an archive whose time is over."""

    def erase_one(connection: Database) -> bool:
        now = clock.now_ms()
        return erasing.do_one(connection, house, now) or archive.expire_one(connection, now)

    return erase_one


def chain_one(connection: Database) -> bool:
    """Links lines of the access log into their people's chains; True where there were some."""
    return chaining.link_some(connection, clock.now_ms())


def signer(house: days.House) -> Callable[[Database], bool]:
    """Gives what signs yesterday's chains, and takes away lines whose time is over."""

    def sign_one(connection: Database) -> bool:
        now = clock.now_ms()
        days.prune(connection, house, now)
        return days.sign_one(connection, house, now) or chaining.prune_some(connection, house.kept_days, now)

    return sign_one


def escalate_one(connection: Database) -> bool:
    """Calls others to one alert that nobody has seen; True where it found one."""
    return escalating.escalate_one(connection, clock.now_ms())


def panel_one(connection: Database) -> bool:
    """Makes what panels know of one resident anew; True where there may be more."""
    now_ms = clock.now_ms()
    has_marked = rows.gather_some(connection, now_ms)
    return rows.refresh_one(connection, now_ms) or has_marked


def remind_one(connection: Database) -> bool:
    """Tells one owner that somebody stands in for them only a month longer; True where there was one."""
    now = clock.now_ms()
    ending = granting.ending(connection, (PROXY, GUARDIAN), now + REMIND_DAYS * 86_400_000, now)
    if ending is None:
        return False
    until = clock.rfc3339(ending.until_ms or 0)
    zh = f"代您管理健康档案的授权将于 {until} 到期；如需继续，请重新确认。"
    en = f"Who runs your record for you may do so until {until}; after that your word is needed again."
    outbox.tell(connection, Telling(f"ending:{ending.id}", ending.person, "grant-ending", zh, en), now)
    granting.set_reminded(connection, ending, now)
    return True


def ask_anew_one(connection: Database) -> bool:
    """Asks one who has come to be 14 for consents of their own; True where there was one."""
    now = clock.now_ms()
    ended = guardians.left_one(connection, now)
    if ended is None:
        return False
    zh = "您已满 14 周岁，健康档案由您自己做主：请在“授权”中重新决定数据如何使用。"
    en = "You are 14, and your record is yours: decide anew under grants what may be done with your data."
    outbox.tell(connection, Telling(f"at-14:{ended.person}", ended.person, "consents-asked-anew", zh, en), now)
    guardians.set_asked_anew(connection, ended, now)
    return True


def watcher(connection: Database) -> Callable[[Database], bool]:
    """Gives what judges rules over a window for some people whose readings have changed."""
    watching = Watcher(connection, rules())

    def watch_one(_: Database) -> bool:
        return watching.watch_one(clock.now_ms())

    return watch_one


def tell_due_one(connection: Database) -> bool:
    """Tells of some reminders that are due; True where there were some."""
    return ticking.tell_some(connection, clock.now_ms())


def follow_up_one(connection: Database) -> bool:
    """Settles some reminders that were done or missed, and brings them into timelines; True where there were some."""
    return ticking.follow_up(connection, clock.now_ms())


def sweep_one(connection: Database) -> bool:
    """Looks in the entries for what open reminders ask for."""
    return ticking.sweep(connection, clock.now_ms())


def plan_one(connection: Database) -> bool:
    """Does what a crash left undone after one visit was confirmed, or one plan stored; True where there was one."""
    now = clock.now_ms()
    visit = visits.unfinished(connection, now)
    if visit is not None:
        finishing.finish(connection, visit, now)
        return True
    plan = asking.unsettled(connection, now)
    if plan is None:
        return False
    asking.settle(connection, plan, visits.due_on(connection, plan, clock.to_datetime(now).date()), now)
    return True


def teacher(connection: Database) -> Callable[[Database], bool]:
    """Gives what looks whether there is something for one person to read, and tells them."""
    known = Signed(connection, rules())

    def teach_one(_: Database) -> bool:
        now_ms = clock.now_ms()
        return pushing.push_one(connection, known.rules(now_ms), now_ms)

    return teach_one


def withdraw_one(connection: Database) -> bool:
    """Goes on with what becomes of a vendor's readings whose consent was taken back; True where it found one."""
    return withdrawing.settle_one(connection, clock.now_ms())


def reporter(connection: Database, tally: Tally) -> Callable[[Database], bool]:
    """Says that a scheduler lives, and what its channels have sent."""
    kept = Reporter(connection, "scheduler", "all", tally)

    def report_one(_: Database) -> bool:
        kept.write(clock.now_ms())
        return False

    return report_one


def _offsets(connection: Database) -> Callable[[str], OffsetAt]:
    """Gives for a person the minutes from UTC that their zone had at an instant; UTC for a person who is gone."""

    def of_person(person_id: str) -> OffsetAt:
        try:
            person = people.find(connection, person_id)
        except KeyDestroyed:
            person = None
        return person.offset_min_at if person else lambda _t_ms: 0

    return of_person

"""Every index of the record, made at start; each store knows its own."""

from __future__ import annotations

from phr import withdrawing
from phr.alerts import carers
from phr.alerts import store as alerts
from phr.audit import chains, days
from phr.auth import (
    browsers,
    ceremonies,
    client_auth,
    codes,
    device_codes,
    known_devices,
    links,
    page_drafts,
    page_sessions,
    phone_codes,
    rates,
    revocations,
    tickets,
    tries,
    wechat_people,
)
from phr.database import Database
from phr.education import authoring, learners, progress
from phr.erasure import archive, erasures
from phr.feed import feed, landings
from phr.intake import (
    arrivals,
    certificates,
    claims,
    clocks,
    commands,
    devices,
    entered,
    held,
    inbox,
    limits,
    mappings,
    models,
    mqtt_logins,
    proposals,
    rejections,
    restamps,
    status,
    vendor_hours,
)
from phr.interchange import exports, imports, uploads
from phr.notices import addresses, allowances, deliveries, outbox, proofs
from phr.panel import rows as panel
from phr.people import (
    access,
    contracts,
    emergencies,
    grants,
    joining,
    keyring,
    organisations,
    people,
    processing,
    repeats,
    second_factors,
)
from phr.plans import known, plans, targets, tasks, visits
from phr.readings import store
from phr.readings import whole as whole_readings
from phr.reminders import schedules
from phr.timeline import consent_papers, entries, files, history, imported
from phr.timeline import whole as whole_entries
from phr.watching import watches

STORES = (
    *(
        access,
        archive,
        arrivals,
        certificates,
        claims,
        clocks,
        commands,
        devices,
        entered,
        entries,
        erasures,
        feed,
        files,
        consent_papers,
        landings,
        tickets,
        grants,
        held,
        history,
        imported,
        imports,
        inbox,
        keyring,
        limits,
    ),
    *(mappings, models, mqtt_logins, outbox, people, proposals, rejections, repeats, restamps, store, uploads),
    *(status, vendor_hours),
    *(contracts, joining, organisations, processing, second_factors, withdrawing),
    *(chains, days, emergencies),
    *(alerts, carers, panel, known, plans, targets, tasks, visits, watches),
    *(addresses, allowances, deliveries, learners, progress, authoring, proofs),
    *(exports, schedules, whole_readings, whole_entries),
    *(
        browsers,
        ceremonies,
        client_auth,
        codes,
        device_codes,
        known_devices,
        links,
        page_drafts,
        page_sessions,
        phone_codes,
        rates,
        revocations,
        tries,
        wechat_people,
    ),
)


def ensure_indexes(database: Database) -> None:
    """Makes what is missing; what is there stays. Safe from several processes at once."""
    for one in STORES:
        one.ensure_indexes(database)

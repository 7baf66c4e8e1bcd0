/** Readings on their way: kept until their verdict, sent once, never lost. */
const assert = require("node:assert/strict");
const { test } = require("node:test");
const { Phone, house, SETTINGS } = require("./phone");
const { Client } = require("../.built/api/client");
const { stays, Unsent } = require("../.built/unsent");

const READINGS = "POST /v1/people/me/readings";
const reading = (id) => ({ id, metric: "weight", t: "2026-11-26T08:00:00+08:00", unit: "kg", value: 61.5 });
const verdict = (changes = {}) => ({ status: 200, body: { stored: 1, duplicate: 0, corrected: 0, held: 0, rejected: [], ...changes } });

function begin(answer) {
  const phone = new Phone(house(answer));
  global.wx = phone.wx();
  return { phone, unsent: new Unsent(new Client(SETTINGS, [])) };
}

const ids = (readings) => readings.map((one) => one.id);

test("a reading goes from the phone with its verdict, and nothing else is stored there", async () => {
  const { phone, unsent } = begin(() => verdict());
  await unsent.keep(reading("a"));
  assert.deepEqual([...phone.stored.keys()], ["unsent"]);
  assert.equal(phone.stored.get("unsent").encrypt, true);
  const [outcome] = await unsent.send();
  assert.equal(outcome.verdict.stored, 1);
  assert.equal(phone.stored.size, 0);
  const [sent] = phone.of(READINGS);
  assert.deepEqual(sent.body, { readings: [reading("a")] });
  assert.equal(sent.headers["content-type"], "application/vnd.phr.readings+json");
  assert.equal(sent.headers["idempotency-key"], "a");
});

test("without a network all stay in their order, and go when there is one", async () => {
  let isThere = false;
  const { phone, unsent } = begin(() => (isThere ? verdict() : null));
  await unsent.keep(reading("a"));
  await unsent.keep(reading("b"));
  assert.deepEqual((await unsent.send()).map(stays), [true]);
  assert.equal(phone.of(READINGS).length, 1);
  assert.deepEqual(ids(await unsent.list()), ["a", "b"]);
  isThere = true;
  await unsent.send();
  assert.deepEqual(phone.of(READINGS).slice(1).map((one) => one.body.readings[0].id), ["a", "b"]);
  assert.deepEqual(await unsent.list(), []);
});

test("another program start finds what was kept", async () => {
  const { phone, unsent } = begin(() => verdict());
  await unsent.keep(reading("a"));
  const later = new Unsent(new Client(SETTINGS, []));
  await later.send();
  assert.equal(phone.of(READINGS).length, 1);
});

test("several that are kept at once are all kept", async () => {
  const { unsent } = begin(() => verdict());
  await Promise.all(["a", "b", "c"].map((id) => unsent.keep(reading(id))));
  assert.deepEqual(ids(await unsent.list()).sort(), ["a", "b", "c"]);
});

test("one that is kept while others are being sent goes with them, and each goes once", async () => {
  const { phone, unsent } = begin(async (one) => {
    if (one.body.readings[0].id === "a") await unsent.keep(reading("late"));
    return verdict();
  });
  await unsent.keep(reading("a"));
  const [first, second] = await Promise.all([unsent.send(), unsent.send()]);
  assert.equal(first, second);
  assert.deepEqual(phone.of(READINGS).map((one) => one.body.readings[0].id), ["a", "late"]);
});

test("what the API refuses for ever is not kept, and is told once", async () => {
  const rejected = [{ path: "/readings/0", code: "value-out-of-bounds", detail: "no" }];
  for (const answer of [verdict({ stored: 0, rejected }), { status: 400, body: { code: "payload-unreadable" } }]) {
    const { unsent } = begin(() => answer);
    await unsent.keep(reading("a"));
    await unsent.send();
    assert.deepEqual(await unsent.list(), []);
    assert.deepEqual(ids(unsent.takeRefused().map((one) => one.reading)), ["a"]);
    assert.deepEqual(unsent.takeRefused(), []);
  }
});

test("what is not the reading's fault keeps it", async () => {
  for (const status of [401, 403, 429, 500, 503]) {
    const { unsent } = begin(() => ({ status, body: {} }));
    await unsent.keep(reading("a"));
    await unsent.send();
    assert.deepEqual(ids(await unsent.list()), ["a"], String(status));
    assert.deepEqual(unsent.takeRefused(), []);
  }
});

test("a reading that the API stumbles over holds up no other", async () => {
  const { unsent } = begin((one) => (one.body.readings[0].id === "a" ? { status: 500, body: {} } : verdict()));
  await unsent.keep(reading("a"));
  await unsent.keep(reading("b"));
  await unsent.send();
  assert.deepEqual(ids(await unsent.list()), ["a"]);
});

test("a store that can't be read is never taken for an empty one", async () => {
  const { phone, unsent } = begin(() => verdict());
  await unsent.keep(reading("a"));
  phone.storeIsBroken = true;
  await assert.rejects(unsent.keep(reading("b")));
  phone.storeIsBroken = false;
  assert.deepEqual(ids(await unsent.list()), ["a"]);
});

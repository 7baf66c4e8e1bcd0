/** Taps that let WeChat tell something, and the reports that the API counts. */
const assert = require("node:assert/strict");
const { test } = require("node:test");
const { Phone, house, SETTINGS } = require("./phone");
const { Client } = require("../.built/api/client");
const { Subscribing } = require("../.built/subscribing");

const REPORT = "POST /v1/people/me/wechat-allowances";
const allowance = (template, changes = {}) => ({ template, kinds: [], left: 0, ask_again: true, ...changes });

async function begin(known, { isAway = () => false } = {}) {
  const phone = new Phone(
    house((one) => {
      if (isAway()) return null;
      if (one.method === "GET") return { status: 200, body: { allowances: known } };
      const before = known.find(({ template }) => template === one.body.template);
      return { status: 200, body: { ...before, left: before.left + (one.body.result === "accept" ? 1 : 0) } };
    }),
  );
  global.wx = phone.wx();
  const subscribing = new Subscribing(new Client(SETTINGS, []));
  await subscribing.refresh();
  return { phone, subscribing };
}

const reported = (phone) => phone.of(REPORT).map((one) => [one.body.template, one.body.result]);

test("the question comes within the tap itself, before anything is waited for", async () => {
  const { phone, subscribing } = await begin([allowance("t1")]);
  phone.says = { t1: "accept" };
  const answer = subscribing.atTap();
  assert.deepEqual(phone.subscribed, [["t1"]]);
  assert.equal(await answer, "accepted");
  assert.deepEqual(reported(phone), [["t1", "accept"]]);
  assert.equal(subscribing.left, 1);
});

test("each template is reported with what was said of it, each report with a key", async () => {
  const { phone, subscribing } = await begin(["t1", "t2", "t3", "t4"].map((one) => allowance(one)));
  phone.says = { t1: "acceptWithAudio", t2: "reject", t3: "ban" };
  assert.equal(await subscribing.atTap(), "accepted");
  assert.deepEqual(phone.subscribed, [["t1", "t2", "t3"]]);
  assert.deepEqual(reported(phone), [["t1", "accept"], ["t2", "reject"], ["t3", "ban"]]);
  assert.equal(new Set(phone.of(REPORT).map((one) => one.headers["idempotency-key"])).size, 3);
});

test("who said no is asked again by a tap for it alone", async () => {
  const { phone, subscribing } = await begin([allowance("t1")]);
  phone.says = { t1: "reject" };
  assert.equal(await subscribing.atTap(), "refused");
  assert.equal(await subscribing.atTap(), "nothing");
  assert.equal(phone.subscribed.length, 1);
  assert.equal(await subscribing.atTap(true), "refused");
});

test("who has allowed enough is left alone", async () => {
  const { phone, subscribing } = await begin([allowance("t1", { left: 5, ask_again: false })]);
  assert.equal(await subscribing.atTap(), "nothing");
  assert.deepEqual(phone.subscribed, []);
});

test("a house without templates offers nothing", async () => {
  const { phone, subscribing } = await begin([]);
  assert.equal(subscribing.isOffered, false);
  assert.equal(await subscribing.atTap(true), "nothing");
  assert.deepEqual(phone.subscribed, []);
});

test("messages that are switched off in WeChat are told as that", async () => {
  const { phone, subscribing } = await begin([allowance("t1")]);
  phone.says = { errCode: 20004 };
  assert.equal(await subscribing.atTap(), "off");
  phone.says = { errCode: 10003 };
  assert.equal(await subscribing.atTap(true), "failed");
  assert.deepEqual(reported(phone), []);
});

test("a report that did not arrive goes later under the same key, and counts once", async () => {
  let isAway = false;
  const { phone, subscribing } = await begin([allowance("t1")], { isAway: () => isAway });
  phone.says = { t1: "accept" };
  isAway = true;
  assert.equal(await subscribing.atTap(), "later");
  isAway = false;
  await subscribing.refresh();
  const keys = phone.of(REPORT).map((one) => one.headers["idempotency-key"]);
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
  await subscribing.refresh();
  assert.equal(phone.of(REPORT).length, 2);
});

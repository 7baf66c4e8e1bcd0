/** Pages as somebody uses them: what is shown, what a tap does, what the API is asked, what goes wrong and how it is said. */
const assert = require("node:assert/strict");
const { test } = require("node:test");
const { deep, open, settled, tap, text } = require("./stage");

const ok = (body) => ({ status: 200, body });
const problem = (status, code, more = {}) => ({ status, body: { code, status, detail: "…", ...more } });
const stored = { stored: 1, duplicate: 0, corrected: 0, held: 0, rejected: [] };
const pill = { of: "reminder", reminder: "r1", at: "2026-11-26T08:00", kind: "medication", about: null, state: "sent" };
const alarm = {
  id: "n1", severity: 4, metric: "blood-pressure", measured_at: "2026-11-26T00:00:00+00:00",
  raised_at: "2026-11-26T08:01:00+08:00", message: { zh: "血压很高", en: "very high" }, source: "ISH 2020", reviewed: false,
};
const pressure = {
  metric: "blood-pressure", zh: "血压", en: "Blood pressure", t: "2026-11-26T08:00:00+08:00", unit: "mm[Hg]", flag: null,
  quality: null, components: { systolic: 185, diastolic: 125 },
  meaning: { words: { zh: "高于目标", en: "above target" }, source: "ISH 2020", reviewed: false },
};

/** The API by operation: "GET /v1/people/me/overview": an answer, or what makes one of a request. */
function api(answers) {
  return (one) => {
    const found = answers[`${one.method} ${one.path}`] ?? problem(404, "not-found");
    return typeof found === "function" ? found(one) : found;
  };
}

const ALLOWANCES = "GET /v1/people/me/wechat-allowances";
const day = (changes = {}, more = {}) =>
  api({
    "GET /v1/people/me/overview": ok({ latest: [], attention: [], due: [], ...changes }),
    "GET /v1/people/me/reminders": ok({ reminders: [{ id: "r1", kind: "medication", text: "二甲双胍", text_en: "Metformin" }] }),
    [ALLOWANCES]: ok({ allowances: [{ template: "t1", kinds: [], left: 0, ask_again: true }] }),
    ...more,
  });
const DONE = "POST /v1/people/me/reminders/r1/occurrences/2026-11-26T08%3A00/done";
const taken = { occurrence: pill, already: false };

test("today shows what needs attention, what is due and what a value means", async () => {
  const { page, phone } = await open("today", day({ latest: [pressure], attention: [alarm], due: [pill] }));
  const shown = text(page);
  for (const part of ["血压很高", "未经临床医生审核", "二甲双胍", "11-26 08:00", "185/125", "mmHg", "高于目标"]) {
    assert.ok(shown.includes(part), `${part} is not in: ${shown}`);
  }
  assert.equal(phone.title, "今天");
  await tap(page, ".call");
  assert.equal(phone.called, "120");
});

test("a medicine that is taken is said with its intake, and at the same tap WeChat asks to go on", async () => {
  const report = { template: "t1", kinds: [], left: 1, ask_again: true };
  const more = { [DONE]: ok(taken), "POST /v1/people/me/wechat-allowances": ok(report) };
  const { page, phone } = await open("today", day({ due: [pill] }, more), { before: (one) => (one.says = { t1: "accept" }) });
  await tap(page, ".act");
  assert.deepEqual(phone.of(DONE).map((one) => one.body), [{ intake: {} }]);
  assert.deepEqual(phone.of("POST /v1/people/me/wechat-allowances").map((one) => one.body), [{ template: "t1", result: "accept" }]);
  assert.ok(text(page).includes("记下了：已服药。 好的，微信会提醒您。"));
});

test("one that was taken already is told so in the API's words", async () => {
  const word = { ...taken, already: true, message: { zh: "这次已经服过药了", en: "already taken" } };
  const { page } = await open("today", day({ due: [pill] }, { [DONE]: ok(word) }));
  await tap(page, ".act");
  assert.ok(text(page).includes("这次已经服过药了"));
});

test("a measurement leads to its form, a lesson to its text, and neither is said to be done", async () => {
  const due = [
    { ...pill, kind: "measurement", about: "glucose-capillary" },
    { ...pill, kind: "lesson", about: "salt", at: "2026-11-26T09:00" },
  ];
  const { page, phone } = await open("today", day({ due }));
  await tap(page, ".act", 0);
  await tap(page, ".act", 1);
  assert.deepEqual(phone.went, ["/pages/add/add?metric=glucose-capillary", "/pages/lesson/lesson?slug=salt"]);
  assert.deepEqual(phone.asked.filter((one) => one.method === "POST" && one.path !== "/oauth/token"), []);
});

test("without a network it is said what happened and what to do, and a tap tries again", async () => {
  let isThere = false;
  const there = day({ due: [pill] });
  const { page } = await open("today", (one) => (isThere ? there(one) : null));
  assert.ok(text(page).includes("没有连上健康档案。"));
  assert.ok(text(page).includes("请检查网络"));
  isThere = true;
  await tap(page, ".again");
  assert.ok(text(page).includes("二甲双胍"));
  assert.ok(!text(page).includes("没有连上"));
});

test("the day is shown where WeChat's allowances can't be asked for", async () => {
  const { page } = await open("today", day({ due: [pill] }, { [ALLOWANCES]: problem(500, "internal-error") }));
  assert.ok(text(page).includes("二甲双胍"));
});

test("everything is one tap from the day", async () => {
  const { page, phone } = await open("today", day());
  for (let number = 0; number < 5; number++) await tap(page, ".tap", number);
  assert.deepEqual(phone.went, ["add", "inbox", "learn", "claim", "more"].map((one) => `/pages/${one}/${one}`));
});

const READINGS = "POST /v1/people/me/readings";
const typed = async (page, keys) => {
  for (const key of keys) {
    const found = deep(page, ".key").find((one) => one.dom.dataset.key === key);
    found.dispatchEvent("tap");
    await settled();
  }
};

test("a pressure typed with big keys goes on by itself from field to field, and is stored", async () => {
  const { page, phone } = await open("add", api({ [READINGS]: ok(stored) }));
  await typed(page, "128");
  await typed(page, "082");
  await tap(page, ".store");
  const [sent] = phone.of(READINGS);
  const [one] = sent.body.readings;
  assert.deepEqual([one.metric, one.unit, one.value], ["blood-pressure", "mm[Hg]", { systolic: 128, diastolic: 82 }]);
  assert.ok(Math.abs(Date.parse(one.t) - Date.now()) < 60_000);
  assert.ok(text(page).includes("保存好了。"));
  assert.deepEqual(page.data.typed, {});
  assert.equal(phone.stored.size, 0);
});

test("glucose has its meal and the unit that was chosen", async () => {
  const { page, phone } = await open("add", api({ [READINGS]: ok(stored) }), { query: { metric: "glucose-capillary" } });
  await tap(page, ".unit", 1);
  await tap(page, ".meal", 2);
  await typed(page, "110");
  await tap(page, ".store");
  const [one] = phone.of(READINGS)[0].body.readings;
  assert.deepEqual([one.unit, one.value, one.context], ["mg/dL", 110, { meal: "after-meal" }]);
});

test("what can't be meant is said at its field, and nothing is sent", async () => {
  const { page, phone } = await open("add", api({}));
  await typed(page, "31");
  await tap(page, ".store");
  const shown = text(page);
  assert.ok(shown.includes("收缩压（高压）低于 40，不可能测得出来，请检查。"), shown);
  assert.ok(shown.includes("请填写舒张压（低压）。"));
  assert.deepEqual(phone.asked, []);
});

const weight = (answer, before) => open("add", answer, { query: { metric: "weight" }, before });

test("without a network a reading stays on the phone and goes with the next", async () => {
  let isThere = false;
  const { page, phone } = await weight((one) => (isThere ? api({ [READINGS]: ok(stored) })(one) : null));
  await typed(page, "61.5");
  await tap(page, ".store");
  assert.ok(text(page).includes("已经留在手机里"));
  assert.equal(phone.stored.size, 1);
  isThere = true;
  await typed(page, "62");
  await tap(page, ".store");
  const [lost, first, second] = phone.of(READINGS).map((one) => one.body.readings[0]);
  assert.deepEqual(first, lost);
  assert.equal(second.value, 62);
  assert.equal(phone.stored.size, 0);
});

test("a reading that is refused is told why, with what to do, and is not kept", async () => {
  const rejected = [{ path: "/readings/0", code: "consent-withdrawn", detail: "…" }];
  const { page, phone } = await weight(api({ [READINGS]: ok({ ...stored, stored: 0, rejected }) }));
  await typed(page, "61");
  await tap(page, ".store");
  assert.ok(text(page).includes("您已撤回接收测量数据的同意"));
  assert.equal(phone.stored.size, 0);
});

test("where the phone keeps nothing either, it says so, and again sends the same reading", async () => {
  let isThere = false;
  const answer = (one) => (isThere ? api({ [READINGS]: ok(stored) })(one) : null);
  const { page, phone } = await weight(answer, (one) => (one.isFull = true));
  await typed(page, "61");
  await tap(page, ".store");
  assert.ok(text(page).includes("这一条没有保存，请不要关闭页面"));
  isThere = true;
  await tap(page, ".again");
  assert.ok(text(page).includes("保存好了。"));
  const [lost, again, ...more] = phone.of(READINGS).map((one) => one.body.readings[0]);
  assert.deepEqual(again, lost);
  assert.deepEqual(more, []);
});

test("another fault than the network's is said beside that the reading is kept", async () => {
  const { page, phone } = await weight(api({ [READINGS]: problem(403, "scope-missing") }));
  await typed(page, "61");
  await tap(page, ".store");
  assert.ok(text(page).includes("之后会自动发送"));
  assert.ok(text(page).includes("小程序没有做这件事的权限。"));
  assert.equal(phone.stored.size, 1);
});

const CLAIM = "POST /v1/devices/claim";
const DEVICES = "GET /v1/people/me/devices";

test("a device is claimed by its QR code", async () => {
  const claimed = { device: "demo/cuff-7", slot: "", since: "…", stored: 1 };
  const answers = { [CLAIM]: ok(claimed), [DEVICES]: ok({ devices: [{ device: "demo/cuff-7", state: "bound" }] }) };
  const { page, phone } = await open("claim", api(answers));
  phone.scanned = "phr:claim?device=demo/cuff-7&code=AB12";
  await tap(page, ".scan");
  assert.deepEqual(phone.of(CLAIM).map((one) => one.body), [{ device: "demo/cuff-7", code: "AB12" }]);
  assert.ok(text(page).includes("绑定好了：demo/cuff-7。"));
  assert.ok(text(page).includes("使用中"));
});

test("where nothing is scanned the code is typed", async () => {
  const answers = { [CLAIM]: problem(409, "reading-missing"), [DEVICES]: ok({ devices: [] }) };
  const { page, phone } = await open("claim", api(answers));
  await tap(page, ".scan");
  assert.ok(text(page).includes("没有扫成"));
  await tap(page, ".claim");
  assert.ok(text(page).includes("请填写设备编号和认领码。"));
  page.instance.typeDevice({ detail: { value: " demo/cuff-7 " } });
  page.instance.typeCode({ detail: { value: "AB12" } });
  await tap(page, ".claim");
  assert.deepEqual(phone.of(CLAIM).map((one) => one.body), [{ device: "demo/cuff-7", code: "AB12" }]);
  assert.ok(text(page).includes("请先用设备测一次，五分钟之内再来认领。"));
});

test("a picture of something else claims nothing", async () => {
  const { page, phone } = await open("claim", api({ [DEVICES]: ok({ devices: [] }) }));
  phone.scanned = "https://example.com/pay";
  await tap(page, ".scan");
  assert.ok(text(page).includes("这个二维码不是健康设备的"));
  assert.deepEqual(phone.of(CLAIM), []);
});

const notice = (id, changes = {}) => ({ ...alarm, id, severity: 1, urgency: 1, read_at: null, ...changes });
const NOTICES = "GET /v1/people/me/notices";
const READ = "POST /v1/people/me/notices/read";

test("the inbox shows what is new, page after page, and what is seen is seen", async () => {
  const answers = {
    [NOTICES]: (one) =>
      one.query.includes("cursor=c1")
        ? ok({ notices: [notice("c", { message: { zh: "第三条", en: "3" }, read_at: "…" })], next_cursor: null })
        : ok({ notices: [notice("a"), notice("b")], next_cursor: "c1" }),
    [READ]: (one) => ok({ read: one.body.ids }),
    [ALLOWANCES]: ok({ allowances: [] }),
  };
  const { page, phone } = await open("inbox", api(answers));
  await tap(page, ".older");
  assert.ok(text(page).includes("第三条"));
  assert.equal(deep(page, ".older").length, 0);
  await tap(page, ".read", 0);
  assert.deepEqual(phone.of(READ).map((one) => one.body), [{ ids: ["a"] }]);
  await tap(page, ".all");
  assert.deepEqual(phone.of(READ)[1].body, { ids: ["b"] });
  assert.equal(deep(page, ".unread").length, 0);
});

test("a tap lets WeChat remind, and the inbox says how often", async () => {
  const answers = {
    [NOTICES]: ok({ notices: [], next_cursor: null }),
    [ALLOWANCES]: ok({ allowances: [{ template: "t1", kinds: [], left: 0, ask_again: true }] }),
    "POST /v1/people/me/wechat-allowances": ok({ template: "t1", kinds: [], left: 1, ask_again: true }),
  };
  const { page, phone } = await open("inbox", api(answers), { before: (one) => (one.says = { t1: "accept" }) });
  assert.ok(text(page).includes("微信现在不能提醒您"));
  await tap(page, ".tell");
  assert.deepEqual(phone.subscribed, [["t1"]]);
  assert.ok(text(page).includes("好的，微信会提醒您。"));
  assert.ok(text(page).includes("微信还可以提醒您 1 次。"));
});

const article = {
  slug: "salt", title: "少吃盐", summary: "为什么", minutes: 3, reviewed_by: null,
  blocks: [{ type: "heading", text: "盐藏在哪里" }, { type: "item", text: "咸菜", ordered: false }, { type: "paragraph", text: "慢慢来" }],
  quiz: [{ ask: "每天几克？", answers: ["5 克", "20 克"] }],
  sources: [{ title: { zh: "膳食指南", en: "Guide" }, year: 2022, section: "2.1", evidence: "unverified" }],
};
const lessonApi = {
  "GET /v1/education/articles/salt": ok(article),
  "POST /v1/people/me/lessons/salt/read": ok({ lesson: "salt", finished_at: null, is_due: false }),
  "POST /v1/people/me/lessons/salt/answers": ok({ lesson: "salt", questions: [{ is_right: false, right: 0, why: "指南这样说" }] }),
};

test("a lesson shows its blocks, its sources and that nobody has reviewed it; reading it is noted", async () => {
  const { page, phone } = await open("lesson", api(lessonApi), { query: { slug: "salt" } });
  const shown = text(page);
  for (const part of ["少吃盐", "盐藏在哪里", "咸菜", "慢慢来", "未经临床医生审核", "膳食指南, 2022, 2.1 · 未核实"]) {
    assert.ok(shown.includes(part), `${part} is not in: ${shown}`);
  }
  await tap(page, ".finish");
  assert.equal(phone.of("POST /v1/people/me/lessons/salt/read").length, 1);
  assert.ok(text(page).includes("记下了：已读完。"));
});

test("a quiz wants every answer, and tells which were right and why", async () => {
  const { page, phone } = await open("lesson", api(lessonApi), { query: { slug: "salt" } });
  const ANSWERS = "POST /v1/people/me/lessons/salt/answers";
  await tap(page, ".answer");
  assert.ok(text(page).includes("请每一题都选一个。"));
  assert.equal(phone.of(ANSWERS).length, 0);
  await tap(page, ".choice", 1);
  await tap(page, ".answer");
  await tap(page, ".answer");
  const [one, other] = phone.of(ANSWERS).map((sent) => sent.body);
  assert.deepEqual([one.answers, one.language], [[1], "zh"]);
  assert.equal(one.id, other.id);
  assert.ok(text(page).includes("不太对。 指南这样说"));
});

test("what suits somebody comes with why, and articles are found by one's own words", async () => {
  const head = { slug: "salt", title: "少吃盐", summary: "为什么", minutes: 3, reviewed_by: null };
  const suggested = [{ lesson: "salt", title: "少吃盐", summary: "…", minutes: 3, why: { zh: "您的血压偏高", en: "…" } }];
  const { page, phone } = await open(
    "learn",
    api({
      "GET /v1/people/me/lessons/suggested": ok({ suggested }),
      "GET /v1/people/me/lessons": ok({ due: [{ lesson: "salt", is_due: true }], lessons: [] }),
      "GET /v1/education/articles": ok({ articles: [head] }),
    }),
  );
  assert.ok(text(page).includes("您的血压偏高 3 分钟"));
  page.instance.type({ detail: { value: "咸" } });
  await tap(page, ".find");
  assert.equal(new URLSearchParams(phone.of("GET /v1/education/articles").at(-1).query).get("text"), "咸");
  await tap(page, ".suggested");
  assert.deepEqual(phone.went, ["/pages/lesson/lesson?slug=salt"]);
});

test("size and language follow WeChat, change at a tap, and are stored nowhere", async () => {
  const { page, phone } = await open("more", api({}), { before: (one) => (one.fontSizeSetting = 20) });
  assert.equal(page.data.elder, true);
  await tap(page, ".elder-mode");
  assert.equal(page.data.elder, false);
  await tap(page, ".language");
  assert.ok(text(page).includes("Make text large"));
  assert.equal(phone.title, "Settings");
  assert.equal(phone.stored.size, 0);
  for (const [size, elder] of [[19, false], [21, true]]) {
    const { page: other } = await open("more", api({}), { before: (one) => (one.fontSizeSetting = size) });
    assert.equal(other.data.elder, elder);
  }
});

test("who has WeChat in English reads English", async () => {
  const { page } = await open("today", day({ latest: [pressure], due: [pill] }), { before: (one) => (one.language = "en") });
  for (const part of ["Metformin", "Taken", "Blood pressure", "above target", "not reviewed by a clinician"]) {
    assert.ok(text(page).includes(part), part);
  }
  assert.doesNotMatch(text(page), /[\u4e00-\u9fff]/);
});

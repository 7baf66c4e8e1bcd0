/** The API client: logins, tokens, keys, tries, problems. */
const assert = require("node:assert/strict");
const { test } = require("node:test");
const { Phone, house, SETTINGS } = require("./phone");
const { Client, ME } = require("../.built/api/client");
const { problemOf } = require("../.built/api/problem");

const OVERVIEW = "GET /v1/people/{person}/overview";
const READ = "POST /v1/people/{person}/notices/read";
const DAY = { latest: [], attention: [], due: [] };

function begin(answer, pauses = [0]) {
  const phone = new Phone(house(answer));
  global.wx = phone.wx();
  return { phone, client: new Client(SETTINGS, pauses) };
}

const refused = (promise) => promise.then(() => assert.fail("it was answered"), problemOf);

test("a login sends the code, the client and the scopes, and the token goes with each request", async () => {
  const { phone, client } = begin(() => ({ status: 200, body: DAY }));
  assert.deepEqual(await client.ask(OVERVIEW, { places: ME }), DAY);
  const [login, asked] = phone.asked;
  assert.equal(login.path, "/oauth/token");
  assert.deepEqual(Object.fromEntries(new URLSearchParams(login.body)), {
    grant_type: "urn:phr:params:oauth:grant-type:wechat_code",
    client_id: "c-1",
    code: "code-0",
    scope: "overview.read care.write",
  });
  assert.equal(asked.path, "/v1/people/me/overview");
  assert.equal(asked.headers.authorization, "Bearer token-0");
});

test("who asks at once shares one login, and nothing of it is stored on the phone", async () => {
  const { phone, client } = begin(() => ({ status: 200, body: DAY }));
  await Promise.all([1, 2, 3].map(() => client.ask(OVERVIEW, { places: ME })));
  assert.equal(phone.logins, 1);
  assert.equal(phone.stored.size, 0);
});

test("a token is renewed in silence half a minute before it ends, and not before", async (t) => {
  t.mock.method(Date, "now", () => now);
  let now = 1_000_000;
  const { phone, client } = begin(() => ({ status: 200, body: DAY }));
  await client.ask(OVERVIEW, { places: ME });
  now += 569_999;
  await client.ask(OVERVIEW, { places: ME });
  assert.equal(phone.logins, 1);
  now += 1;
  await client.ask(OVERVIEW, { places: ME });
  assert.equal(phone.logins, 2);
  assert.equal(phone.asked.at(-1).headers.authorization, "Bearer token-1");
});

test("a token that is refused is replaced once, under the same key", async () => {
  const body = { code: "token-invalid", status: 401, detail: "…" };
  const { phone, client } = begin((one) =>
    one.headers.authorization === "Bearer token-0" ? { status: 401, body } : { status: 200, body: { read: ["a"] } },
  );
  assert.deepEqual(await client.ask(READ, { places: ME, body: { ids: ["a"] } }), { read: ["a"] });
  const sent = phone.of("POST /v1/people/me/notices/read");
  assert.equal(sent.length, 2);
  assert.equal(new Set(sent.map((one) => one.headers["idempotency-key"])).size, 1);
  const { phone: other, client: lost } = begin(() => ({ status: 401, body }));
  assert.equal((await refused(lost.ask(OVERVIEW, { places: ME }))).code, "token-invalid");
  assert.equal(other.logins, 2);
});

test("what creates has a key of its own each time, of 128 bits", async () => {
  const { phone, client } = begin(() => ({ status: 200, body: { read: [] } }));
  await client.ask(READ, { places: ME, body: { ids: ["a"] } });
  await client.ask(READ, { places: ME, body: { ids: ["a"] } });
  const keys = phone.of("POST /v1/people/me/notices/read").map((one) => one.headers["idempotency-key"]);
  assert.match(keys[0], /^[0-9a-f]{32}$/);
  assert.notEqual(keys[0], keys[1]);
  await client.ask(READ, { places: ME, body: { ids: ["a"] } }, "mine");
  assert.equal(phone.asked.at(-1).headers["idempotency-key"], "mine");
});

test("what may do later is tried again under its key; what is wrong is not", async () => {
  for (const passing of [null, { status: 503, body: {} }, { status: 409, body: { code: "request-in-progress" } }]) {
    let tries = 0;
    const { phone, client } = begin(() => (tries++ === 0 ? passing : { status: 200, body: { read: [] } }));
    await client.ask(READ, { places: ME, body: { ids: ["a"] } });
    const keys = phone.of("POST /v1/people/me/notices/read").map((one) => one.headers["idempotency-key"]);
    assert.equal(keys.length, 2);
    assert.equal(keys[0], keys[1]);
  }
  const { phone, client } = begin(() => ({ status: 400, body: { code: "input-invalid" } }));
  assert.equal((await refused(client.ask(READ, { places: ME, body: { ids: [] } }))).code, "input-invalid");
  assert.equal(phone.of("POST /v1/people/me/notices/read").length, 1);
});

test("who is told to wait longer than a try takes is told, and does not knock again", async () => {
  const answer = { status: 429, body: { code: "too-many-tries", detail: "…" }, headers: { "Retry-After": "10" } };
  const { phone, client } = begin(() => answer);
  const problem = await refused(client.ask(OVERVIEW, { places: ME }));
  assert.deepEqual([problem.code, problem.retryAfterS], ["too-many-tries", 10]);
  assert.equal(phone.of("GET /v1/people/me/overview").length, 1);
});

test("problems have their code and their fields, whoever answers", async () => {
  const cases = [
    [{ status: 400, body: { code: "input-invalid", detail: "no", errors: [{ pointer: "/code", detail: "too long" }] } }, "input-invalid", ["/code"]],
    [{ status: 409, body: { code: "reading-missing", detail: "no", pointer: "/device" } }, "reading-missing", ["/device"]],
    [{ status: 502, body: "<html>Bad Gateway</html>" }, "server-unavailable", []],
    [{ status: 404, body: "<html>nginx</html>" }, "answer-unreadable", []],
    [null, "unreachable", []],
  ];
  for (const [answer, code, pointers] of cases) {
    const problem = await refused(begin(() => answer).client.ask(OVERVIEW, { places: ME }));
    assert.equal(problem.code, code);
    assert.deepEqual(problem.faults.map((one) => one.pointer), pointers);
  }
});

test("a login that fails says why by the words of OAuth, and of WeChat's own", async () => {
  const phone = new Phone(() => ({ status: 400, body: { error: "invalid_grant", error_description: "the code was used before." } }));
  global.wx = phone.wx();
  assert.equal((await refused(new Client(SETTINGS, []).ask(OVERVIEW, { places: ME }))).code, "invalid_grant");
  global.wx.login = () => Promise.reject({ errMsg: "login:fail" });
  assert.equal((await refused(new Client(SETTINGS, []).ask(OVERVIEW, { places: ME }))).code, "wechat-login-failed");
});

test("articles are read without a login, in the language and by the words that are asked for", async () => {
  const { phone, client } = begin(() => ({ status: 200, body: { articles: [] } }));
  await client.ask("GET /v1/education/articles", { query: { language: "en", text: "手抖 & 头晕" } });
  assert.equal(phone.logins, 0);
  assert.equal(new URLSearchParams(phone.asked[0].query).get("text"), "手抖 & 头晕");
  assert.equal(phone.asked[0].headers.authorization, undefined);
});

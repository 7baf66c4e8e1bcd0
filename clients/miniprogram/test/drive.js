/**
 * Has the client's own modules do what standard input says, against a real API, on a phone of ours; prints what came of
 * each. {"settings", "codes": of wx.login, "steps": [["ask", operation, given], ["keep", reading], ["send"], ["list"],
 * ["tap", what WeChat says], ["network", true or false]]}
 */
const { Phone } = require("./phone");
const { Client } = require("../.built/api/client");
const { problemOf } = require("../.built/api/problem");
const { Subscribing } = require("../.built/subscribing");
const { Unsent } = require("../.built/unsent");

async function main() {
  const { settings, codes, steps } = JSON.parse(require("fs").readFileSync(0, "utf8"));
  let isThere = true;
  const phone = new Phone(async ({ method, path, query, headers, body }) => {
    if (!isThere) return null;
    const sent = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    const came = await fetch(settings.house + path + query, { method, headers, ...(sent === undefined ? {} : { body: sent }) });
    const text = await came.text();
    return { status: came.status, headers: Object.fromEntries(came.headers), body: parsed(text) };
  });
  global.wx = { ...phone.wx(), login: () => Promise.resolve({ code: codes[phone.logins++] ?? "none-is-left" }) };
  const client = new Client(settings);
  const [unsent, subscribing] = [new Unsent(client), new Subscribing(client)];
  const does = {
    ask: (operation, given) => client.ask(operation, given),
    keep: (reading) => unsent.keep(reading),
    send: () => unsent.send(),
    list: () => unsent.list(),
    tap: async (says) => {
      await subscribing.refresh();
      phone.says = says;
      return subscribing.atTap();
    },
    network: async (is) => void (isThere = is),
  };
  const came = [];
  for (const [what, ...given] of steps) {
    came.push(await does[what](...given).then((answer) => ({ answer: answer ?? null }), (error) => ({ problem: problemOf(error) })));
  }
  console.log(JSON.stringify({ came, logins: phone.logins, stored: phone.stored.size }));
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

main();

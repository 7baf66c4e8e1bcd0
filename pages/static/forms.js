// What was typed at a computer at work is never lost and never sent to nobody. Words are kept on the server while they are
// typed, and stand in their form again when its page is opened anew; before a form with words in it goes, its page asks
// whether the server is there and whether who reads it is still logged in. Else the form stays as it is, and says what to do.

import { awake, formToken } from "./awake.js";
import { fill, say as sayAt, valuesOf } from "./fields.js";
import { keeper } from "./keeping.js";

const AGAIN_MS = 3000;
const box = document.getElementById("unsent");
const drafts = new WeakMap(); // a form in which something was typed: its keeper
let waiting = 0;

// Shows why a form did not go; nothing is shown for "yes".
function say(state, form) {
  box.hidden = state === "yes";
  if (box.hidden) return;
  box.querySelector("p").textContent = box.dataset[state];
  box.querySelector("a").hidden = state !== "over";
  form.before(box);
  box.scrollIntoView({ block: "nearest" });
}

async function send(form, submitter) {
  clearTimeout(waiting);
  await drafts.get(form)?.settle();
  const state = await awake();
  say(state, form);
  if (state === "away") waiting = setTimeout(() => send(form, submitter), AGAIN_MS);
  if (state !== "yes") return;
  form.dataset.sent = "true";
  form.requestSubmit(submitter);
  delete form.dataset.sent;
}

// Words that somebody would have to type once more.
const hasTyped = (form) => [...form.elements].some((one) => one.matches("input, textarea") && one.type !== "hidden" && one.value !== one.defaultValue);

// The server's answer, or null. It goes on its way where the page is left meanwhile.
function post(form) {
  const body = JSON.stringify({ page: location.pathname, form: pathOf(form), values: hasTyped(form) ? valuesOf(form) : [] });
  const headers = { "Content-Type": "application/json", "X-Form-Token": formToken() };
  return fetch("/app/drafts", { method: "POST", headers, body, credentials: "same-origin", redirect: "manual", keepalive: true }).catch(() => null);
}

async function keep(form) {
  let answer = await post(form);
  if (!answer?.ok) {
    const state = await awake(); // which may give the page the sign of a new session
    if (["over", "other"].includes(state)) say(state, form);
    if (state === "yes") answer = await post(form);
    if (!answer?.ok) {
      if (["yes", "away"].includes(state)) sayAt(form, box.dataset.unkept);
      return false;
    }
  }
  say("yes", form);
  const at = new Date().toLocaleTimeString(document.documentElement.lang, { timeStyle: "short" });
  sayAt(form, hasTyped(form) ? `${box.dataset.kept} ${at}` : "", false);
  return true;
}

const pathOf = (form) => new URL(form.getAttribute("action"), location.href).pathname;

function typed(event, wait) {
  const { form } = event.target;
  if (form?.method !== "post" || "ownDraft" in form.dataset) return;
  if (!drafts.has(form)) {
    if (!hasTyped(form)) return;
    drafts.set(
      form,
      keeper(() => keep(form)),
    );
  }
  drafts.get(form).soon(wait);
}

for (const { form: path, values } of JSON.parse(box.dataset.drafts)) {
  const form = [...document.querySelectorAll("main form[method=post]")].find((one) => pathOf(one) === path);
  if (!form) continue;
  fill(form, values);
  sayAt(form, box.dataset.again, false);
  drafts.set(
    form,
    keeper(() => keep(form)),
  );
}
document.addEventListener("input", (event) => typed(event));
document.addEventListener("change", (event) => typed(event, 0));
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented || form.dataset.sent || !form.requestSubmit || !hasTyped(form)) return;
  event.preventDefault();
  send(form, event.submitter);
});

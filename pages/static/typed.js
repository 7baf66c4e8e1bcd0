// Forms on one's own phone (forms.js is for computers at work, which keep nothing): nothing typed is lost where the
// session has ended meanwhile, where the server is away it is said and tried again, and what can't be taken is said at the
// form. Without this script they are forms as ever.

import { fill, say, valuesOf } from "./fields.js";
import { remove, seal, unseal } from "./unsent.js";

const words = document.querySelector("script[data-forms]").dataset;
const whose = document.querySelector("meta[name=who]").content;
const DAY = 864e5;
const FIRST_MS = 2e3;
const LAST_MS = 30e3;
const under = new WeakMap(); // a form that is on its way: {key, told, wait, timer}
let pressed = null; // the button, where the browser does not say it (iOS 14)

const nameOf = (form) => `form ${location.pathname} ${form.getAttribute("action")}`;

// 96 random bits: sent again under it, a form does nothing twice.
const newKey = () => [...crypto.getRandomValues(new Uint8Array(12))].map((one) => one.toString(16).padStart(2, "0")).join("");

async function keep(form) {
  await seal("kept", nameOf(form), { at: Date.now(), whose, values: valuesOf(form) }).catch(() => null);
}

async function restore(form) {
  if (!valuesOf(form).length) return;
  const known = await unseal("kept", nameOf(form)).catch(() => null);
  if (!known) return;
  await remove("kept", nameOf(form)).catch(() => null);
  if (known.whose !== whose || Date.now() - known.at > DAY) return;
  fill(form, known.values);
  say(form, words.again, false);
  form.scrollIntoView({ block: "center" });
}

async function send(form, button, under_) {
  const body = new URLSearchParams(new FormData(form));
  if (button?.name) body.append(button.name, button.value);
  const action = button?.hasAttribute("formaction") ? button.formAction : form.action;
  const told = `${action} ${body}`;
  if (under_.told !== told) Object.assign(under_, { told, key: newKey() });
  let answer;
  try {
    answer = await fetch(action, { method: "POST", body, headers: { "Idempotency-Key": under_.key }, credentials: "same-origin" });
  } catch {
    return away(form, button, under_);
  }
  if ([429, 502, 503, 504].includes(answer.status)) return away(form, button, under_);
  if (answer.status === 401) {
    const { code } = await answer.json();
    await keep(form);
    const next = encodeURIComponent(location.pathname + location.search);
    if (code === "form-too-old") return location.reload();
    return location.assign(`/app/login?next=${next}${code === "login-too-old" ? "&fresh=1" : ""}`);
  }
  if (answer.ok && answer.redirected) {
    if (answer.url === location.href.split("#")[0]) return location.reload();
    return location.assign(answer.url);
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!answer.ok) return say(form, [page.querySelector("h1"), ...page.querySelectorAll(".first > p:not(:last-child)")].map((one) => one?.textContent.trim()).filter(Boolean).join(" · "));
  document.title = page.title;
  document.querySelector("main").replaceWith(page.querySelector("main"));
  scrollTo(0, 0);
}

function away(form, button, under_) {
  under_.wait = Math.min((under_.wait ?? FIRST_MS / 2) * 2, LAST_MS);
  say(form, words.away);
  under_.timer = setTimeout(() => go(form, button), under_.wait);
}

async function go(form, button) {
  const known = under.get(form) ?? {};
  under.set(form, known);
  clearTimeout(known.timer);
  if (known.isOn) return;
  known.isOn = true;
  try {
    await send(form, button, known);
  } finally {
    known.isOn = false;
  }
}

document.addEventListener("click", (event) => (pressed = event.target.closest?.("button") ?? null), true);
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || "plain" in form.dataset || !form.closest("main") || event.defaultPrevented) return;
  event.preventDefault();
  say(form, "");
  go(form, event.submitter ?? (pressed?.form === form ? pressed : null));
});
for (const form of document.querySelectorAll("main form[method=post]")) restore(form);

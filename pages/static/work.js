// One key opens the next resident, another the form; a form is kept on the server as it is typed.

import { awake, formToken } from "./awake.js";
import { keeper } from "./keeping.js";

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.activeElement?.blur(); // out of a field, so that single keys mean something
  if (event.key === "Enter" && event.ctrlKey) document.querySelector('[data-key="c"]')?.click();
  if (event.target.matches("input, select, textarea, .chart") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "n") document.getElementById("next")?.click();
  else document.querySelector(`[data-key="${CSS.escape(event.key)}"]`)?.click();
});

const form = document.getElementById("visit");
const draft = keeper(keep);

// What was typed stands on the server, sealed; the browser keeps none of it. True once it does.
async function keep() {
  const state = await awake();
  if (state === "yes") {
    const sent = new FormData(form);
    sent.set("act", "keep");
    try {
      const answer = await fetch(form.action, { method: "POST", headers: { "X-Form-Token": formToken() }, body: new URLSearchParams(sent), credentials: "same-origin", redirect: "manual" });
      if (answer.ok) {
        tell((await answer.json()).faults);
        return true;
      }
    } catch {
      // no network; said below
    }
  }
  say(state === "yes" ? "away" : state);
  return false;
}

function say(state, more = "") {
  const box = document.getElementById("kept");
  box.textContent = `${box.dataset[state]} ${more}`;
  document.getElementById("again").hidden = state !== "over";
}

// Each fault at its field, with the reason.
function tell(faults) {
  say("kept", new Date().toLocaleTimeString(document.documentElement.lang, { timeStyle: "short" }));
  for (const place of form.querySelectorAll(".item > .fault")) {
    const key = place.id.slice("fault-".length);
    place.textContent = faults[key] ?? "";
    place.hidden = !faults[key];
    form.elements[key]?.setAttribute?.("aria-invalid", String(Boolean(faults[key])));
  }
}

form?.addEventListener("input", () => draft.soon());
form?.addEventListener("change", () => draft.soon(0));
form?.addEventListener("submit", async (event) => {
  if (form.dataset.sent) return;
  // Two changes at once would stand in each other's way: first the one that is under way, then this.
  event.preventDefault();
  await draft.settle();
  if ((await awake()) !== "yes") {
    draft.soon(0);
    return;
  }
  form.dataset.sent = "true";
  form.requestSubmit(event.submitter);
  delete form.dataset.sent;
});

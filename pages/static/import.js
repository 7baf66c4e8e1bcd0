// The file stays chosen while it is looked at, so that it is imported as it was seen.

import { awake, formToken } from "./awake.js";

const form = document.getElementById("import");
const result = document.getElementById("result");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const sent = new FormData(form);
  sent.set("act", event.submitter?.value ?? "try");
  for (const one of form.querySelectorAll("button")) one.disabled = true;
  result.setAttribute("aria-busy", "true");
  try {
    if ((await awake()) !== "yes") throw new Error("nobody");
    const answer = await fetch(form.action, { method: "POST", headers: { "X-Form-Token": formToken() }, body: sent, credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    result.replaceChildren(...(page.getElementById("result") ?? page.querySelector("main")).childNodes);
  } catch {
    form.dataset.sent = "true"; // as a form that is sent, so that what stands in the way is said by a page
    form.requestSubmit(event.submitter);
  }
  for (const one of form.querySelectorAll("button")) one.disabled = false;
  result.removeAttribute("aria-busy");
});

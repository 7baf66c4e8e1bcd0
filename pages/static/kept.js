// The last 30 days on this phone, for when there is no network: sealed like the readings that wait (unsent.js), and
// gone with the log-out. Kept by the page of today, shown by the page for being offline.

import { seal, send, unseal } from "./unsent.js";

const EVERY_MS = 10 * 60e3;
const AGAIN_MS = 15e3;
const place = document.getElementById("offline");
const code = import.meta.url; // another one with each release
const PAGES = ["/app/offline", "/app/add"]; // they say nothing of the record
const FILES = ["style.css", "add.css", "kept.js", "unsent.js", "api.js", "typed.js", "add.js"];

// In the reader's words and units, as the server writes them; of who is logged in now.
async function keep() {
  const whose = document.querySelector("meta[name=who]").content;
  const { look } = document.querySelector("script[data-look]").dataset;
  await send(whose);
  const known = await unseal("kept", "days").catch(() => null);
  if (known && known.whose === whose && known.look === look && known.code === code && Date.now() - known.at < EVERY_MS) return;
  // What is shown without a network, also to who goes away after the first look, in the language of now.
  const shell = await caches.open("shell");
  await shell.addAll([...PAGES, ...FILES.map((name) => new URL(name, code).href)]);
  const answer = await fetch("/app/kept", { headers: { "X-Of-Itself": "1" }, credentials: "same-origin" });
  if (answer.ok) await seal("kept", "days", { at: Date.now(), whose, look, code, ...(await answer.json()) });
}

async function show() {
  const kept = await unseal("kept", "days").catch(() => null);
  if (!kept) return;
  place.querySelector("time").textContent = new Date(kept.at).toLocaleString(document.documentElement.lang);
  place.hidden = false;
  const rows = place.querySelector("tbody");
  for (const line of kept.lines) {
    const row = rows.insertRow();
    for (const text of line) row.insertCell().textContent = text;
  }
}

// This page stands at the address that was wanted, so loading it again is trying again.
async function again() {
  const answer = await fetch("/healthz", { cache: "no-store" }).catch(() => null);
  if (answer?.ok) location.reload();
}

if (place) {
  show();
  addEventListener("online", again);
  setInterval(again, AGAIN_MS);
} else if ("serviceWorker" in navigator && window.isSecureContext) {
  navigator.serviceWorker.register("/app/sw.js", { scope: "/app/" }).catch(() => null);
  keep().catch(() => null);
}

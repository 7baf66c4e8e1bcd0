// Tiles of the latest values follow the record live. A hidden page lets go of its stream.

import { ask } from "./api.js";

const tiles = document.querySelector("[data-live]");
let source = null;
let reload = 0;

async function listen() {
  if (!tiles || source || document.hidden) return;
  const person = tiles.dataset.live;
  const found = await ask("POST", `/people/${person}/stream-ticket`, { isOfItself: true }).catch((error) => error);
  if (!found.ticket) return void setTimeout(listen, 5000); // the server is away
  const { ticket } = found;
  source = new EventSource(`/v1/people/${person}/stream?ticket=${encodeURIComponent(ticket)}`);
  source.addEventListener("readings", changed);
  source.addEventListener("notice", changed);
  source.addEventListener("end", stop);
  source.addEventListener("error", () => {
    stop();
    setTimeout(listen, 5000);
  });
}

function stop() {
  source?.close();
  source = null;
}

// Several events come together; the page is asked for once.
function changed() {
  clearTimeout(reload);
  reload = setTimeout(refresh, 300);
}

async function refresh() {
  const answer = await fetch(location.href, { headers: { "X-Of-Itself": "1" }, credentials: "same-origin" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const before = new Map([...document.querySelectorAll(".tile")].map((tile) => [tile.dataset.metric, tile.textContent]));
  document.querySelector("main").replaceWith(page.querySelector("main"));
  document.dispatchEvent(new Event("renewed"));
  for (const tile of document.querySelectorAll(".tile")) {
    if (before.get(tile.dataset.metric) !== tile.textContent) {
      tile.classList.add("new");
      setTimeout(() => tile.classList.remove("new"), 4000);
    }
  }
}

document.addEventListener("visibilitychange", () => (document.hidden ? stop() : listen()));
listen();

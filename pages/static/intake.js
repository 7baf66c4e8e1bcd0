// What comes in, drawn as it comes in: every two seconds, while the page is seen, its words are asked for again, and what
// was added since becomes a rate. The hours stand beside it.

const EVERY_MS = 2000;
const BACK_S = 600;
const HEIGHT = 180;
const STORED = "#0b5d8a";
const REJECTED = "#a4161a";
const charts = document.getElementById("charts");
const words = JSON.parse(charts.dataset.words);
const stale = document.getElementById("stale");
const clock = (options) => new Intl.DateTimeFormat(words.locale, { timeZone: charts.dataset.zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...options });
const asTime = clock({ second: "2-digit" });
const asClock = clock({});
const asNumber = new Intl.NumberFormat(words.locale, { maximumFractionDigits: 1 });
const boxes = [charts.querySelector(".live"), charts.querySelector(".hours")];
const now = () => Date.now() / 1e3;
const axis = { stroke: "#4a5670", grid: { stroke: "#eef1f6" } };
const axes = [{ ...axis, values: (_plot, splits) => splits.map((t) => asClock.format(t * 1e3)) }, { ...axis, size: 64 }];
const local = (seconds) => uPlot.tzDate(new Date(seconds * 1e3), charts.dataset.zone);
const values = (_plot, value) => (value === null || value === undefined ? "–" : asNumber.format(value));
const upward = (_plot, _low, high) => [0, Math.max(high * 1.1, 1)];

const live = new uPlot(
  {
    width: boxes[0].clientWidth,
    height: HEIGHT,
    scales: { x: { range: () => [now() - BACK_S, now()] }, y: { range: upward } },
    axes,
    tzDate: local,
    series: [{ label: words.time, value: (_plot, t) => (t ? asTime.format(t * 1e3) : "–") }, { label: words.stored, stroke: STORED, width: 2, value: values }, { label: words.rejected, stroke: REJECTED, width: 2, dash: [5, 4], value: values }],
  },
  [[], [], []],
  boxes[0],
);
const bars = uPlot.paths.bars({ size: [0.8, 60], align: 1 });
const hours = new uPlot(
  {
    width: boxes[1].clientWidth,
    height: HEIGHT,
    scales: { x: { range: () => [now() - 86400, now()] }, y: { range: upward } },
    axes,
    tzDate: local,
    // The rejected stand on the stored ones: what is drawn first is the sum of both.
    series: [{ label: words.time, value: (_plot, t) => (t ? asTime.format(t * 1e3) : "–") }, { label: words.rejected, stroke: REJECTED, fill: REJECTED, paths: bars, points: { show: false }, value: (plot, _sum, _series, at) => values(plot, at === null ? null : plot.data[1][at] - plot.data[2][at]) }, { label: words.stored, stroke: STORED, fill: STORED, paths: bars, points: { show: false }, value: values }],
  },
  [[], [], []],
  boxes[1],
);

let before = null;
let since = null; // hours from here on are counted; the day's window moves on without them
let answeredAt = Date.now();
const rates = [[], [], []];

function take(section) {
  const found = JSON.parse(section.dataset.hours);
  hours.setData([found.map((one) => Date.parse(one.hour) / 1e3), found.map((one) => one.stored + one.rejected_count), found.map((one) => one.stored)]);
  const t = now();
  since ??= Math.floor(t / 3600) * 3600;
  const counted = found.filter((one) => Date.parse(one.hour) / 1e3 >= since);
  const sum = (name) => counted.reduce((total, one) => total + one[name], 0);
  const after = { t, stored: sum("stored"), rejected: sum("rejected_count") };
  if (before) {
    const span = after.t - before.t;
    rates[0].push(t);
    rates[1].push(Math.max(after.stored - before.stored, 0) / span);
    rates[2].push(Math.max(after.rejected - before.rejected, 0) / span);
    if (rates[0][0] < t - BACK_S) for (const column of rates) column.shift();
    live.setData(rates);
    tell();
  }
  before = after;
}

function tell() {
  const rows = rates[0].slice(-15).map((t, index) => {
    const at = Math.max(rates[0].length - 15, 0) + index;
    const row = document.createElement("tr");
    for (const text of [asTime.format(t * 1e3), asNumber.format(rates[1][at]), asNumber.format(rates[2][at])]) row.append(Object.assign(document.createElement("td"), { textContent: text }));
    return row;
  });
  charts.querySelector(".rates tbody").replaceChildren(...rows.reverse());
}

function say(text, isOver) {
  stale.hidden = !text;
  stale.querySelector("span").textContent = text;
  stale.querySelector("a").hidden = !isOver;
}

async function look() {
  if (document.hidden) return;
  let answer = null;
  try {
    answer = await fetch(charts.dataset.from, { headers: { "X-Of-Itself": "1" }, credentials: "same-origin", redirect: "manual" });
  } catch {
    // no network; said below
  }
  if (answer?.type === "opaqueredirect") {
    clearInterval(timer);
    say(words.over, true);
    return;
  }
  if (!answer?.ok) {
    say(words.stale.replace("{time}", asTime.format(answeredAt)), false);
    return;
  }
  say("", false);
  answeredAt = Date.now();
  const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("intake");
  const place = document.getElementById("intake");
  found.querySelector("details").open = place.querySelector("details").open;
  if (place.contains(document.activeElement) && document.activeElement.matches("a, summary")) place.dataset.hours = found.dataset.hours;
  else place.replaceWith(found);
  take(found);
}

new ResizeObserver(() => {
  live.setSize({ width: boxes[0].clientWidth, height: HEIGHT });
  hours.setSize({ width: boxes[1].clientWidth, height: HEIGHT });
}).observe(charts);

take(document.getElementById("intake"));
const timer = setInterval(look, EVERY_MS);

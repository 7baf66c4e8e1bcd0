// A life on one time axis. What is at hand is drawn in every frame; what is finer is fetched once the view rests.

import { ask } from "./api.js";

const root = document.getElementById("life");
const { person, zone, born } = root.dataset;
const read = (name) => JSON.parse(root.dataset[name]);
const lanes = read("lanes");
const targets = read("targets");
const kinds = read("kinds");
const words = read("words");

const MINUTE = 60e3;
const DAY = 864e5;
const SPANS = { life: null, decade: 3653 * DAY, year: 366 * DAY, quarter: 92 * DAY, week: 7 * DAY, day: DAY };
const NARROWEST = MINUTE;
const REST_MS = 90; // after the last movement, before what is finer is asked for
const LONGEST_USUAL = 366 * DAY; // beyond it no day is to be seen any more
const BY_HOUR = 8 * DAY;
const AGAIN_MS = 4000; // where the server is away
const POINTS = 900; // in what one sees; as many again on either side
const FIELDS = "device,quality"; // of raw readings: what is told of one
const AXIS = 58; // pixels to the left of the curves
const HEIGHT = 132;
const COLOURS = ["#0b5d8a", "#b0413e", "#2f6b3c", "#6a4c93"];
const chart = root.querySelector(".chart");
const canvas = root.querySelector(".events");
const told = document.getElementById("told");
const happened = document.getElementById("happened");
const tomorrow = Math.ceil(Date.now() / DAY) * DAY + DAY;
let view = { from: 0, to: 0 };
let events = { from: 0, to: 0, list: [], more: false };
let bounds = { from: tomorrow - 366 * DAY, to: tomorrow };
let frame = 0;
let rest = 0;
let isAway = false;
const sync = uPlot.sync("life");

// ---------------------------------------------------------------- time

const clock = (options) => new Intl.DateTimeFormat(words.locale, { timeZone: zone, ...options });
const asDay = clock({ year: "numeric", month: "short", day: "numeric" });
const asTime = clock({ year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const rfc3339 = (ms) => new Date(Math.round(ms)).toISOString();
const local = (seconds) => uPlot.tzDate(new Date(seconds * 1e3), zone);

// Names and forms of dates on the axis: in the reader's language, and the day has 24 hours.
const named = (options, dates) => dates.map((date) => new Intl.DateTimeFormat(words.locale, options).format(date));
const months = [...Array(12).keys()].map((month) => new Date(2024, month, 1));
const weekdays = [...Array(7).keys()].map((day) => new Date(2024, 8, 1 + day)); // a Sunday first
const NAMES = { MMMM: named({ month: "long" }, months), MMM: named({ month: "short" }, months), WWWW: named({ weekday: "long" }, weekdays), WWW: named({ weekday: "short" }, weekdays) };
const STAMPS = [
  [366 * 86400, "{YYYY}", null, null, null, null, null, null, 1],
  [28 * 86400, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [86400, "{M}/{D}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{H}:{mm}", "\n{YYYY}/{M}/{D}", null, "\n{M}/{D}", null, null, null, 1],
  [1, ":{ss}", "\n{M}/{D} {H}:{mm}", null, "\n{M}/{D} {H}:{mm}", null, "\n{H}:{mm}", null, 1],
];

// Where a day of the person's own clock begins.
const inZone = new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });
function midnight(on) {
  const utc = Date.parse(on);
  const { year, month, day, hour, minute } = Object.fromEntries(inZone.formatToParts(utc).map((one) => [one.type, Number(one.value)]));
  return 2 * utc - Date.UTC(year, month - 1, day, hour, minute);
}

// A date may be a year, a month or a day; it stands where it begins.
const instant = (text) => Date.parse(text.length === 4 ? `${text}-01-01` : text.length === 7 ? `${text}-01` : text);

// ---------------------------------------------------------------- one lane

class Lane {
  constructor(spec) {
    this.spec = spec;
    this.pieces = []; // coarse to fine: {from, to, resolution, data}
    this.piece = null;
    this.box = document.createElement("div");
    this.box.className = "lane";
    this.label = document.createElement("div");
    this.label.className = "label";
    this.box.append(this.label);
    this.plot = null;
  }

  open(width, isLast) {
    const { parts } = this.spec;
    const series = [{}];
    const bands = [];
    parts.forEach((part, index) => {
      const stroke = COLOURS[index];
      const low = series.length;
      series.push({ stroke: "transparent", points: { show: false } }, { stroke: "transparent", points: { show: false } });
      series.push({ stroke, width: 1.6, points: { show: (_plot, _i, from, to) => to - from < 220, size: 4, fill: stroke } });
      bands.push({ series: [low + 1, low], fill: `${stroke}26` });
    });
    this.plot = new uPlot(
      {
        width,
        height: HEIGHT,
        tzDate: local,
        fmtDate: (template) => uPlot.fmtDate(template, NAMES),
        legend: { show: false },
        padding: [14, 12, 0, 0],
        scales: { x: { time: true, auto: false }, y: { range: (_plot, low, high) => padded(low, high) } },
        axes: [
          { show: isLast, size: 44, values: STAMPS, stroke: "#4a5670", grid: { stroke: "#e6eaf1" } },
          { size: AXIS, stroke: "#4a5670", grid: { stroke: "#eef1f6" }, splits: undefined },
        ],
        cursor: { sync: { key: sync.key, setSeries: false }, drag: { x: false, y: false }, y: false },
        series,
        bands,
        hooks: { drawClear: [(plot) => this.behind(plot)], setCursor: [() => this.tell()] },
      },
      [[], ...series.slice(1).map(() => [])],
      this.box,
    );
    this.show();
  }

  close() {
    this.plot?.destroy();
    this.plot = null;
    this.box.remove();
  }

  // Targets as dashed lines, medicines as strips along the bottom, behind the curves.
  behind(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    this.drawUsual(plot);
    const strip = 6 * (devicePixelRatio || 1);
    events.list.filter((one) => one.kind === "medication").slice(0, 6).forEach((one, index) => {
      const from = plot.valToPos(instant(one.effective_at) / 1e3, "x", true);
      const ends = plot.valToPos((one.effective_until ? instant(one.effective_until) : tomorrow) / 1e3, "x", true);
      ctx.fillStyle = index % 2 ? "#b79fd6" : "#8f74b5";
      ctx.fillRect(from, bbox.top + bbox.height - strip * (index + 1), ends - from, strip - 1);
    });
    ctx.setLineDash([6, 5]);
    ctx.strokeStyle = "#1b6b3a";
    for (const target of targets) {
      if (target.metric !== this.spec.metric || target.limit === null) continue;
      const y = plot.valToPos(this.shown(target.limit), "y", true);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
    }
    ctx.restore();
  }

  // What is usual for the person themself, behind everything else: a grey step for each day, or each three hours.
  drawUsual({ ctx, valToPos }) {
    ctx.fillStyle = "#4a567026";
    for (const bands of this.usual?.parts ?? []) {
      for (const { from, to, low, high } of bands) {
        if (to < view.from || from > view.to) continue;
        const [left, right] = [from, to].map((ms) => valToPos(ms / 1e3, "x", true));
        const [top, bottom] = [high, low].map((value) => valToPos(value, "y", true));
        ctx.fillRect(left, top, right - left, bottom - top);
      }
    }
  }

  // In words, of an instant: "118–136/70–84", or nothing.
  usualAt(ms) {
    if (!["raw", "hour", "day"].includes(this.piece?.resolution)) return "";
    const found = (this.usual?.parts ?? []).map((bands) => bands.find((one) => one.from <= ms && ms < one.to));
    return found.some(Boolean) ? found.map((one) => (one ? `${this.number(one.low)}–${this.number(one.high)}` : "–")).join("/") : "";
  }

  async fetchUsual() {
    const span = view.to - view.from;
    const to = Math.min(view.to, Date.now());
    const isThere = this.usual && this.usual.from <= view.from && this.usual.to >= to && (this.usual.isByHour || span > BY_HOUR);
    if (span > LONGEST_USUAL || to <= view.from || isThere || this.isAskingUsual) return;
    const isByHour = span <= BY_HOUR && this.spec.statistic !== "sum";
    const days = Math.min(Math.ceil(span / DAY) + 2, 366);
    const asked = new URLSearchParams({ through: rfc3339(to + DAY / 2).slice(0, 10), days: String(days), resolution: isByHour ? "hour" : "day" });
    this.isAskingUsual = true;
    const found = await ask("GET", `/people/${person}/usual/${this.spec.metric}?${asked}`, { isOfItself: true }).catch((error) => error);
    this.isAskingUsual = found.status >= 400 && found.status < 500; // there is none: not asked again
    if (!found.parts) return;
    const step = (found.hours ?? 24) * 36e5;
    const bandsOf = (key) => (found.parts.find((part) => (part.component ?? "") === key)?.bands ?? []).filter((one) => one.low !== null);
    const placed = ({ on, hour, low, high }) => ({ from: midnight(on) + (hour ?? 0) * 36e5, to: midnight(on) + (hour ?? 0) * 36e5 + step, low: this.shown(low), high: this.shown(high) });
    this.usual = { from: to - days * DAY, to: view.to, isByHour: isByHour || this.spec.statistic === "sum", parts: this.spec.parts.map(({ key }) => bandsOf(key).map(placed)) };
    if (this.usual.parts.some((one) => one.length)) document.getElementById("usual").hidden = false;
    this.plot?.redraw(false);
  }

  shown(value) {
    return value === null ? null : (value - this.spec.offset) / this.spec.factor;
  }

  // The finest piece that covers the view, else the one that covers most of it.
  best() {
    const covers = (piece) => Math.min(piece.to, view.to) - Math.max(piece.from, view.from);
    const whole = this.pieces.filter((piece) => piece.from <= view.from && piece.to >= Math.min(view.to, bounds.to));
    if (whole.length) return whole.reduce((a, b) => (b.to - b.from <= a.to - a.from ? b : a));
    return this.pieces.reduce((a, b) => (!a || covers(b) > covers(a) ? b : a), null);
  }

  show() {
    if (!this.plot) return;
    const piece = this.best();
    const x = { min: view.from / 1e3, max: view.to / 1e3 };
    this.plot.batch(() => {
      if (piece && piece !== this.piece) {
        this.piece = piece;
        this.plot.setData(piece.data, false);
      }
      this.plot.setScale("x", x);
    });
    if (!piece) this.label.innerHTML = "";
    if (this.label.dataset.of !== "cursor") this.name();
  }

  name(values = "") {
    const b = document.createElement("b");
    b.textContent = this.spec.name;
    const unit = document.createElement("span");
    unit.textContent = ` ${this.spec.unit}`;
    const i = document.createElement("i");
    i.textContent = values;
    this.label.replaceChildren(b, unit, i);
  }

  at(index) {
    if (index === null || index === undefined || !this.piece) return null;
    const seconds = this.piece.data[0][index];
    if (seconds === undefined) return null;
    const values = this.spec.parts.map((_part, i) => this.piece.data[i * 3 + 3][index]);
    const lows = this.spec.parts.map((_part, i) => [this.piece.data[i * 3 + 1][index], this.piece.data[i * 3 + 2][index]]);
    return { t: seconds * 1e3, values, lows };
  }

  number(value) {
    return value === null || value === undefined ? "–" : value.toLocaleString(words.locale, { maximumFractionDigits: this.spec.decimals, minimumFractionDigits: this.spec.decimals });
  }

  tell() {
    const { idx, left } = this.plot.cursor;
    const found = left < 0 ? null : this.at(idx);
    if (!found) {
      this.label.dataset.of = "";
      this.name();
      return;
    }
    this.label.dataset.of = "cursor";
    const spread = this.piece.resolution === "raw" ? "" : ` (${found.lows.map(([low, high]) => `${this.number(low)}–${this.number(high)}`).join(" / ")})`;
    const at = (this.piece.resolution === "raw" || this.piece.resolution === "hour" ? asTime : asDay).format(found.t);
    const device = this.piece.device?.[idx];
    const usual = this.usualAt(found.t);
    this.name(`${found.values.map((one) => this.number(one)).join("/")}${spread} · ${at}${device ? ` · ${device}` : ""}${usual ? ` · ${words.usual} ${usual}` : ""}`);
  }

  async fetch() {
    const margin = view.to - view.from;
    const from = Math.max(bounds.from, view.from - margin);
    const to = Math.min(bounds.to, view.to + margin);
    const share = (to - from) / margin;
    const finest = this.best();
    if (finest && finest.from <= view.from && finest.to >= Math.min(view.to, bounds.to) && (finest.resolution === "raw" || finest.to - finest.from <= margin * 3.2)) return;
    this.abort?.abort();
    this.abort = new AbortController();
    const asked = new URLSearchParams({ from: rfc3339(from), to: rfc3339(to), max_points: String(Math.round(POINTS * share)), fields: FIELDS });
    const found = await ask("GET", `/people/${person}/series/${this.spec.metric}?${asked}`, { signal: this.abort.signal });
    if (found.next_cursor) found.cut = true;
    this.keep({ from, to: found.cut ? Date.parse(found.columns.t[found.columns.t.length - 1]) : to, resolution: found.resolution, ...this.columns(found) });
  }

  keep(piece) {
    this.pieces = this.pieces.filter((one) => one.isWhole || (one.from < piece.from || one.to > piece.to)).slice(-5);
    this.pieces.push(piece);
    this.show();
  }

  columns(found) {
    const { columns } = found;
    const data = [columns.t.map((text) => Date.parse(text) / 1e3)];
    for (const { key } of this.spec.parts) {
      const name = found.resolution === "raw" ? key || "value" : null;
      const prefix = key ? `${key}_` : "";
      const mid = (name ? columns[name] : columns[`${prefix}${this.spec.statistic}`]) ?? data[0].map(() => null);
      const isSum = this.spec.statistic === "sum";
      const low = name || isSum ? mid : columns[`${prefix}min`];
      const high = name || isSum ? mid : columns[`${prefix}max`];
      data.push(...[low, high, mid].map((column) => column.map((one) => this.shown(one))));
    }
    return { data, device: columns.device, quality: columns.quality };
  }
}

function padded(low, high) {
  if (low === null || high === null) return [0, 1];
  const room = Math.max((high - low) * 0.12, Math.abs(high) * 0.01, 0.1);
  return [low - room, high + room];
}

// ---------------------------------------------------------------- events

async function fetchEvents() {
  const margin = view.to - view.from;
  const isThere = events.from <= view.from && events.to >= view.to && (!events.more || events.to - events.from <= margin * 1.5);
  if (isThere) return listEvents();
  const from = Math.max(bounds.from - 3 * 366 * DAY, view.from - margin / 2);
  const to = view.to + margin / 2;
  const found = await ask("GET", `/people/${person}/entries?${new URLSearchParams({ from: rfc3339(from), to: rfc3339(to), limit: "200" })}`);
  events = { from, to, list: found.entries, more: Boolean(found.next_cursor) };
  listEvents();
  for (const lane of open.values()) lane.plot?.redraw(false);
}

const title = (one) => one.text ?? one.title ?? one.name ?? one.topic ?? kinds[one.kind] ?? one.kind;

function inView() {
  return events.list.filter((one) => instant(one.effective_until ?? one.effective_at) >= view.from && instant(one.effective_at) <= view.to);
}

function listEvents() {
  drawEvents();
  const rows = inView().slice(0, 100).map((one) => {
    const row = document.createElement("li");
    const day = document.createElement("span");
    day.className = "day";
    day.textContent = one.effective_at.length > 10 ? asDay.format(instant(one.effective_at)) : one.effective_at;
    const what = document.createElement("span");
    what.textContent = title(one);
    const kind = document.createElement("span");
    kind.className = "tag";
    kind.textContent = kinds[one.kind] ?? one.kind;
    row.append(day, kind, what);
    return row;
  });
  if (!rows.length) rows.push(Object.assign(document.createElement("li"), { textContent: words.none }));
  if (events.more) rows.push(Object.assign(document.createElement("li"), { textContent: words.more }));
  happened.replaceChildren(...rows);
}

const MARKS = { condition: "#a4161a", medication: "#6a4c93", encounter: "#0b5d8a", immunisation: "#1b6b3a", alert: "#8a4b00" };

// One row of marks; those that would lie on each other become one with their number.
function drawEvents() {
  const width = chart.clientWidth;
  const ratio = devicePixelRatio || 1;
  if (canvas.width !== width * ratio) {
    canvas.width = width * ratio;
    canvas.height = 56 * ratio;
  }
  const ctx = canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, width, 56);
  ctx.font = "12px system-ui, sans-serif";
  const place = (ms) => AXIS + ((ms - view.from) / (view.to - view.from)) * (width - AXIS - 12);
  let last = -99;
  let labelEnd = -99;
  let pile = 0;
  for (const one of inView().sort((a, b) => instant(a.effective_at) - instant(b.effective_at))) {
    const x = Math.max(AXIS, place(instant(one.effective_at)));
    if (x - last < 9) {
      pile += 1;
      ctx.fillStyle = "#14213d";
      ctx.fillText(`+${pile}`, last - 6, 52);
      continue;
    }
    [last, pile] = [x, 0];
    ctx.fillStyle = MARKS[one.kind] ?? "#4a5670";
    ctx.beginPath();
    if (one.kind === "condition") ctx.rect(x - 5, 26, 10, 10);
    else if (one.kind === "medication") ctx.moveTo(x, 24), ctx.lineTo(x + 6, 36), ctx.lineTo(x - 6, 36);
    else ctx.arc(x, 31, 5, 0, 7);
    ctx.fill();
    const text = title(one).slice(0, 14);
    if (x > labelEnd + 6) {
      ctx.fillStyle = "#14213d";
      const long = ctx.measureText(text).width;
      const begin = Math.min(x - 4, width - long - 4);
      if (begin > labelEnd) ctx.fillText(text, begin, 16);
      labelEnd = Math.max(labelEnd, begin + long);
    }
  }
}

// ---------------------------------------------------------------- the view

const open = new Map();
const box = root.querySelector(".lanes");

function arrange() {
  const wanted = lanes.filter((one) => one.open);
  for (const lane of open.values()) lane.close();
  open.clear();
  wanted.forEach((spec, index) => {
    const lane = spec.lane ?? (spec.lane = new Lane(spec));
    lane.piece = null;
    box.append(lane.box);
    lane.open(box.clientWidth, index === wanted.length - 1);
    open.set(spec.metric, lane);
  });
}

function draw() {
  frame = 0;
  for (const lane of open.values()) lane.show();
  drawEvents();
  document.getElementById("range").textContent = `${asDay.format(view.from)} – ${asDay.format(view.to)}`;
}

function move(from, to) {
  let span = Math.min(Math.max(to - from, NARROWEST), bounds.to - bounds.from);
  let begin = Math.min(Math.max(from, bounds.from), bounds.to - span);
  view = { from: begin, to: begin + span };
  for (const button of root.querySelectorAll("button[data-span]")) button.setAttribute("aria-pressed", "false");
  frame ||= requestAnimationFrame(draw);
  clearTimeout(rest);
  rest = setTimeout(settle, REST_MS);
}

async function settle() {
  try {
    await Promise.all([...[...open.values()].map((lane) => lane.fetch()), fetchEvents()]);
    fillTable();
    await Promise.all([...open.values()].map((lane) => lane.fetchUsual()));
    fillTable();
  } catch (error) {
    if (error.name === "AbortError") return;
    say(words.failed);
    clearTimeout(rest);
    rest = setTimeout(settle, AGAIN_MS);
    isAway = true;
    return;
  }
  if (isAway) say("");
  isAway = false;
}

function zoom(factor, share = 0.5) {
  const span = (view.to - view.from) * factor;
  const fixed = view.from + (view.to - view.from) * share;
  move(fixed - span * share, fixed + span * (1 - share));
}

function pan(share) {
  const by = (view.to - view.from) * share;
  move(view.from + by, view.to + by);
}

function toSpan(name) {
  const span = SPANS[name];
  if (span === null) move(bounds.from, bounds.to);
  else move(bounds.to - span, bounds.to);
  root.querySelector(`button[data-span="${name}"]`)?.setAttribute("aria-pressed", "true");
}

function say(text) {
  told.hidden = !text;
  told.textContent = text;
}

// ---------------------------------------------------------------- hands

chart.addEventListener("wheel", (event) => {
  event.preventDefault();
  const share = (event.clientX - chart.getBoundingClientRect().left - AXIS) / (chart.clientWidth - AXIS - 12);
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(((event.deltaX || event.deltaY) / chart.clientWidth) * 1.5);
  else zoom(1.0018 ** event.deltaY, Math.min(Math.max(share, 0), 1));
}, { passive: false });

const fingers = new Map();
let dragged = 0;
chart.addEventListener("pointerdown", (event) => {
  fingers.set(event.pointerId, event.clientX);
  dragged = 0;
});
window.addEventListener("pointermove", (event) => {
  if (!fingers.has(event.pointerId)) return;
  const width = chart.clientWidth - AXIS - 12;
  const before = [...fingers.values()];
  fingers.set(event.pointerId, event.clientX);
  const after = [...fingers.values()];
  if (after.length === 2) {
    const ratio = Math.abs(before[0] - before[1]) / Math.max(Math.abs(after[0] - after[1]), 1);
    zoom(ratio, ((after[0] + after[1]) / 2 - chart.getBoundingClientRect().left - AXIS) / width);
  } else {
    dragged += Math.abs(after[0] - before[0]);
    pan((before[0] - after[0]) / width);
  }
});
for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, (event) => fingers.delete(event.pointerId));

chart.addEventListener("keydown", (event) => {
  const done = { ArrowLeft: () => pan(-0.15), ArrowRight: () => pan(0.15), "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1.7), Home: () => toSpan("life") }[event.key];
  if (!done) return;
  event.preventDefault();
  done();
});

root.querySelector(".spans").addEventListener("click", (event) => {
  const { span, step, zoom: factor } = event.target.dataset;
  if (span) toSpan(span);
  if (step) pan(Number(step) * 0.5);
  if (factor) zoom(Number(factor));
});

root.addEventListener("change", (event) => {
  const spec = lanes.find((one) => one.metric === event.target.dataset.lane);
  if (!spec) return;
  spec.open = event.target.checked;
  arrange();
  move(view.from, view.to);
});

// A reading that is pressed, or that the pointer rests on, tells where it came from and what it was before.
const SEEN_MS = 500;
let resting = 0;
let toldOf = "";
chart.addEventListener("click", (event) => {
  if (dragged <= 4) tellSource(event.target);
});
chart.addEventListener("pointermove", (event) => {
  clearTimeout(resting);
  if (event.pointerType === "mouse" && !event.buttons) resting = setTimeout(() => tellSource(event.target), SEEN_MS);
});
chart.addEventListener("pointerleave", () => clearTimeout(resting));

async function tellSource(place) {
  for (const lane of open.values()) {
    if (!lane.box.contains(place) || lane.piece?.resolution !== "raw") continue;
    const index = lane.plot.cursor.idx;
    const found = lane.at(index);
    const device = lane.piece.device?.[index];
    const name = `${lane.spec.metric} ${device} ${found?.t}`;
    if (!found || (name === toldOf && !told.hidden)) return;
    toldOf = name;
    const rows = [[words.reading, `${lane.spec.name} ${found.values.map((one) => lane.number(one)).join("/")} ${lane.spec.unit}`], [words.time, asTime.format(found.t)], [words.device, device ?? "–"]];
    if (lane.piece.quality?.[index] === "suspect") rows.push(["!", words.suspect]);
    if (device) {
      const asked = new URLSearchParams({ metric: lane.spec.metric, device, t: rfc3339(found.t) });
      const history = await ask("GET", `/people/${person}/readings/history?${asked}`).catch(() => null);
      for (const one of history?.changes ?? []) {
        const was = one.before && lane.spec.parts.map(({ key }) => lane.number(lane.shown(key ? one.before.components?.[key] : one.before.value))).join("/");
        rows.push([words.history, `${asTime.format(Date.parse(one.at))} ${one.action}${was ? ` · ${words.corrected} ${was}` : ""}`]);
      }
    }
    const list = document.createElement("dl");
    for (const [term, text] of rows) list.append(Object.assign(document.createElement("dt"), { textContent: term }), Object.assign(document.createElement("dd"), { textContent: text }));
    if (name !== toldOf) return; // the pointer is at another one meanwhile
    told.replaceChildren(list);
    told.hidden = false;
  }
}

const table = document.getElementById("table");
table.addEventListener("toggle", fillTable);

function fillTable() {
  if (!table.open) return;
  const parts = [...open.values()].map((lane) => {
    const grid = document.createElement("table");
    const caption = grid.createCaption();
    caption.textContent = `${lane.spec.name} (${lane.spec.unit})`;
    const head = grid.createTHead().insertRow();
    for (const name of [words.time, ...lane.spec.parts.map((part) => part.name || lane.spec.name), words.usual]) head.append(Object.assign(document.createElement("th"), { textContent: name }));
    const rows = grid.createTBody();
    const times = lane.piece?.data[0] ?? [];
    for (let index = times.length - 1, left = 200; index >= 0 && left; index -= 1) {
      if (times[index] * 1e3 < view.from || times[index] * 1e3 > view.to) continue;
      left -= 1;
      const found = lane.at(index);
      const row = rows.insertRow();
      row.insertCell().textContent = (lane.piece.resolution === "raw" ? asTime : asDay).format(found.t);
      for (const text of [...found.values.map((value) => lane.number(value)), lane.usualAt(found.t) || "–"]) row.insertCell().textContent = text;
    }
    return grid;
  });
  table.querySelector("div").replaceChildren(...parts);
}

// ---------------------------------------------------------------- begin

// The shortest of the usual spans that shows all the curves there are.
function fitting() {
  const firsts = [...open.values()].map((lane) => lane.pieces[0]?.data[0][0]).filter(Boolean);
  const first = Math.min(...firsts.map((one) => one * 1e3), bounds.to);
  return ["quarter", "year", "decade"].find((name) => bounds.to - SPANS[name] <= first) ?? "life";
}

async function begin() {
  // The coarsest curves of the whole life come first, and say where it begins.
  const whole = { from: born ? instant(born) : Date.UTC(1900, 0), to: tomorrow };
  arrange();
  bounds = whole;
  await Promise.all([...open.values()].map(async (lane) => {
    const asked = new URLSearchParams({ from: rfc3339(whole.from), to: rfc3339(whole.to), max_points: "1000", fields: FIELDS });
    const found = await ask("GET", `/people/${person}/series/${lane.spec.metric}?${asked}`);
    lane.pieces.push({ from: whole.from, to: whole.to, resolution: found.resolution, isWhole: true, ...lane.columns(found) });
  }));
  if (!born) {
    const firsts = [...open.values()].map((lane) => lane.pieces[0]?.data[0][0]).filter(Boolean);
    bounds = { from: Math.min(...firsts.map((one) => one * 1e3), tomorrow - 366 * DAY), to: tomorrow };
  }
  toSpan(root.dataset.span in SPANS ? root.dataset.span : fitting());
  root.dataset.readyMs = String(Math.round(performance.now()));
  root.dataset.ready = "true";
}

new ResizeObserver(() => {
  for (const lane of open.values()) lane.plot.setSize({ width: box.clientWidth, height: HEIGHT });
  drawEvents();
}).observe(box);

function beginAgain() {
  begin().then(
    () => isAway && say(""),
    () => {
      isAway = true;
      say(words.failed);
      setTimeout(beginAgain, AGAIN_MS);
    },
  );
}
beginAgain();

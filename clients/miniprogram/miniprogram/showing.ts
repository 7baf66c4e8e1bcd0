/** How the API's answers are shown: values with their units, moments on the clock of their place, rows of lists. */

import { Attention, DueReminder, DueVisit, Latest, Notice, Overview, Reminder } from "./api/answers";
import { isEntered } from "./entering";
import { Look } from "./looks";
import { said } from "./words/words";

const EMERGENCY = 4;
const SIGNS: Readonly<Record<string, string>> = { "below-range": "<", "above-range": ">" };
/** What people look at first; the rest follows as the API has it. */
const FIRST = ["blood-pressure", "glucose-capillary", "glucose-interstitial", "heart-rate", "weight", "spo2"];

export interface DueRow {
  readonly key: string;
  readonly title: string;
  readonly what: string;
  readonly when: string;
  /** "" where there is nothing to tap. */
  readonly action: string;
  /** done: said to the API. Else a page to go to. */
  readonly does: "done" | "measure" | "read" | "";
  readonly isMedicine: boolean;
  readonly reminder: string;
  readonly at: string;
  readonly about: string;
}

export interface LatestRow {
  readonly metric: string;
  readonly name: string;
  readonly value: string;
  readonly unit: string;
  readonly when: string;
  readonly isSuspect: boolean;
  readonly meaning: string;
  readonly source: string;
  readonly isReviewed: boolean;
}

export interface NoticeRow {
  readonly id: string;
  readonly text: string;
  readonly when: string;
  readonly source: string;
  readonly isReviewed: boolean;
  readonly isEmergency: boolean;
  readonly isRead: boolean;
}

/** What waits, each with what a tap on it does. A reminder's words are its own, else its kind's. */
export function dueRows(overview: Overview, reminders: readonly Reminder[], look: Look): DueRow[] {
  const known: Record<string, Reminder> = {};
  for (const one of reminders) known[one.id] = one;
  return overview.due.map((one) => (one.of === "visit" ? visitRow(one, look) : dueRow(one, known[one.reminder], look)));
}

export function latestRows(overview: Overview, look: Look): LatestRow[] {
  const place = (one: Latest): number => (FIRST.includes(one.metric) ? FIRST.indexOf(one.metric) : FIRST.length);
  return [...overview.latest].sort((one, other) => place(one) - place(other)).map((one) => latestRow(one, look));
}

export function noticeRow(one: Notice | Attention, look: Look): NoticeRow {
  return {
    id: one.id,
    text: said(one.message, look.language),
    when: moment(one.raised_at),
    source: one.source,
    // Only what a rule raised is anybody's to review.
    isReviewed: one.reviewed || one.metric === null,
    isEmergency: one.severity >= EMERGENCY,
    isRead: "read_at" in one && one.read_at !== null,
  };
}

/** On the clock where it was, "11-26 08:00"; what states the instant only, on the phone's. */
export function moment(text: string): string {
  const isLocal = !/(Z|\+00:00)$/.test(text);
  const shown = isLocal ? text : local(new Date(text));
  return `${shown.slice(5, 10)} ${shown.slice(11, 16)}`;
}

/** Of a phone's own clock: "2026-11-26T08:00". */
export function local(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export function unitName(code: string | null, look: Look): string {
  if (code === null) return "";
  return look.w.units[code] ?? code.replace(/[{}[\]]/g, "");
}

export function valueText(one: Latest): string {
  const sign = SIGNS[one.flag ?? ""] ?? "";
  const parts = one.components;
  if (parts !== undefined) {
    const { systolic, diastolic } = parts;
    const numbers = systolic !== undefined && diastolic !== undefined ? [systolic, diastolic] : Object.values(parts);
    return sign + numbers.map(number).join("/");
  }
  if (typeof one.value === "number") return sign + number(one.value);
  const code = one.value?.code;
  return typeof code === "string" ? code : "";
}

function number(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function dueRow(one: DueReminder, reminder: Reminder | undefined, look: Look): DueRow {
  const { w, language } = look;
  const own = (language === "en" ? reminder?.text_en : undefined) ?? reminder?.text ?? "";
  const kind = w.today.kinds[one.kind];
  const does = one.kind === "measurement" && isEntered(one.about) ? "measure" : one.kind === "lesson" && one.about ? "read" : "done";
  const isMedicine = one.kind === "medication";
  const actions = { done: isMedicine ? w.today.taken : w.today.done, measure: w.today.measure, read: w.today.read };
  return {
    key: `${one.reminder} ${one.at}`,
    title: own || kind,
    what: own ? kind : "",
    when: one.at.slice(5).replace("T", " "),
    action: actions[does],
    does,
    isMedicine,
    reminder: one.reminder,
    at: one.at,
    about: one.about ?? "",
  };
}

function visitRow(one: DueVisit, look: Look): DueRow {
  const title = `${look.w.today.visit}: ${said(one.words, look.language)}`;
  const nothing = { what: "", action: "", does: "" as const, isMedicine: false, reminder: "", at: "", about: one.plan };
  return { key: `${one.plan} ${one.due_on}`, title, when: one.due_on.slice(5), ...nothing };
}

function latestRow(one: Latest, look: Look): LatestRow {
  return {
    metric: one.metric,
    name: one[look.language],
    value: valueText(one),
    unit: unitName(one.unit, look),
    when: moment(one.t),
    isSuspect: one.quality === "suspect",
    meaning: one.meaning ? said(one.meaning.words, look.language) : "",
    source: one.meaning?.source ?? "",
    isReviewed: one.meaning?.reviewed ?? true,
  };
}

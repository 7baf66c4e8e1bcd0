/** Readings that are entered by hand: which, in which units, and what can't be meant. */

import { Reading } from "./unsent";

/** `low`, `high`: what the API holds for possible at all, in this unit; a test compares them with the vocabulary. */
export interface Part {
  /** Of a single number it is "". */
  readonly key: "" | "systolic" | "diastolic" | "pulse";
  readonly isNeeded: boolean;
  readonly decimals: number;
  readonly low: number;
  readonly high: number;
}

export interface Unit {
  readonly code: string;
  readonly parts: readonly Part[];
}

export interface Form {
  readonly metric: Metric;
  readonly units: readonly Unit[];
  readonly hasMeal: boolean;
}

export type Metric = "blood-pressure" | "glucose-capillary" | "weight" | "heart-rate" | "body-temperature" | "spo2";
export type Meal = "fasting" | "before-meal" | "after-meal" | "bedtime";

/** What is wrong with what was typed, and where. */
export interface Wrong {
  readonly part: string;
  readonly what: "missing" | "not-a-number" | "too-low" | "too-high" | "not-above";
  readonly limit: number;
}

const PULSE: Part = { key: "pulse", isNeeded: false, decimals: 0, low: 20, high: 300 };

export const MEALS: readonly Meal[] = ["fasting", "before-meal", "after-meal", "bedtime"];
export const FORMS: readonly Form[] = [
  {
    metric: "blood-pressure",
    units: [
      { code: "mm[Hg]", parts: [needed("systolic", 0, 40, 300), needed("diastolic", 0, 20, 200), PULSE] },
      { code: "kPa", parts: [needed("systolic", 1, 5.3, 40), needed("diastolic", 1, 2.7, 26.7), PULSE] },
    ],
    hasMeal: false,
  },
  {
    metric: "glucose-capillary",
    units: [
      { code: "mmol/L", parts: [needed("", 1, 0.5, 60)] },
      { code: "mg/dL", parts: [needed("", 0, 9, 1081)] },
    ],
    hasMeal: true,
  },
  {
    metric: "weight",
    units: [
      { code: "kg", parts: [needed("", 2, 0.3, 500)] },
      { code: "{jin}", parts: [needed("", 2, 0.6, 1000)] },
    ],
    hasMeal: false,
  },
  { metric: "heart-rate", units: [{ code: "/min", parts: [needed("", 0, 20, 300)] }], hasMeal: false },
  { metric: "body-temperature", units: [{ code: "Cel", parts: [needed("", 2, 25, 45)] }], hasMeal: false },
  { metric: "spo2", units: [{ code: "%", parts: [needed("", 0, 50, 100)] }], hasMeal: false },
];

export function isEntered(metric: string | null): metric is Metric {
  return FORMS.some((one) => one.metric === metric);
}

/** What pressing a key makes of what was typed: at most six signs, a point where there are decimals. */
export function pressed(typed: string, key: string, part: Part): string {
  if (key === "back") return typed.slice(0, -1);
  if (key === "." && (part.decimals === 0 || typed.includes("."))) return typed;
  return typed.length < 6 ? typed + key : typed;
}

/** All that is wrong, in the order of the fields. */
export function wrongs(unit: Unit, typed: Readonly<Record<string, string>>): Wrong[] {
  const found: Wrong[] = [];
  for (const part of unit.parts) {
    const text = typed[part.key] ?? "";
    if (text === "") {
      if (part.isNeeded) found.push({ part: part.key, what: "missing", limit: 0 });
      continue;
    }
    const value = Number(text);
    if (!/\d/.test(text) || Number.isNaN(value)) found.push({ part: part.key, what: "not-a-number", limit: 0 });
    else if (value < part.low) found.push({ part: part.key, what: "too-low", limit: part.low });
    else if (value > part.high) found.push({ part: part.key, what: "too-high", limit: part.high });
  }
  // As the API has it: a pressure whose upper value is not above its lower one is none.
  if (found.length === 0 && typed.systolic && Number(typed.systolic) <= Number(typed.diastolic)) {
    found.push({ part: "systolic", what: "not-above", limit: Number(typed.diastolic) });
  }
  return found;
}

/** Once nothing is wrong. */
export function reading(
  form: Form,
  unit: Unit,
  typed: Readonly<Record<string, string>>,
  told: { readonly id: string; readonly at: Date; readonly meal: Meal },
): Reading {
  const values: Record<string, number> = {};
  for (const part of unit.parts) if (typed[part.key]) values[part.key] = Number(typed[part.key]);
  return {
    id: told.id,
    metric: form.metric,
    t: withOffset(told.at),
    unit: unit.code,
    value: unit.parts.length === 1 ? (values[""] as number) : values,
    ...(form.hasMeal ? { context: { meal: told.meal } } : {}),
  };
}

/** RFC 3339 with the offset of the phone's clock, which says where the person was. */
export function withOffset(moment: Date): string {
  const minutes = -moment.getTimezoneOffset();
  const local = new Date(moment.getTime() + minutes * 60_000).toISOString().slice(0, 19);
  const sign = minutes < 0 ? "-" : "+";
  const size = Math.abs(minutes);
  return `${local}${sign}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

function two(number: number): string {
  return number < 10 ? `0${number}` : String(number);
}

function needed(key: Part["key"], decimals: number, low: number, high: number): Part {
  return { key, isNeeded: true, decimals, low, high };
}

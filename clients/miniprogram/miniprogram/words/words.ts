/** How words become sentences. */

import { Said } from "../api/answers";
import { APP_FAULT, own, Problem, UNREADABLE } from "../api/problem";
import { Language, Look } from "../looks";
import { Outcome } from "../unsent";

/** What happened, what to do, and of single fields what is wrong with them, as the API says it. */
export interface Trouble {
  readonly what: string;
  readonly todo: string;
  readonly faults: readonly string[];
  readonly code: string;
}

/** What became of a reading that is not kept any more and did not land. */
export function refusal({ verdict, problem }: Outcome, look: Look): Trouble {
  const rejected = verdict?.rejected[0];
  if (rejected === undefined) return told(problem ?? own(APP_FAULT, ""), look);
  const faults = [{ pointer: "", detail: rejected.detail }];
  return told({ ...own(rejected.code, rejected.detail), status: 400, faults }, look);
}

/** "{n} more" with n. */
export function filled(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (sign, name: string) => String(values[name] ?? sign));
}

export function said(words: Said, language: Language): string {
  return words[language];
}

/** A problem in words; one that the table does not know, by what its status means. */
export function told(problem: Problem, { w }: Look): Trouble {
  const found = w.problems[problem.code] ?? w.problems[byStatus(problem.status)];
  const faults = problem.faults.map((one) => `${one.pointer} ${one.detail}`.trim());
  return { what: found?.what ?? problem.detail, todo: found?.todo ?? "", faults, code: problem.code };
}

function byStatus(status: number): string {
  if (status === 0) return APP_FAULT;
  if (status >= 500) return "server-unavailable";
  const known: Readonly<Record<number, string>> = {
    400: "input-invalid",
    401: "not-authenticated",
    403: "access-denied",
    404: "not-found",
    409: "already-there",
    413: "payload-too-large",
    422: "input-invalid",
    429: "too-many-tries",
  };
  return known[status] ?? UNREADABLE;
}

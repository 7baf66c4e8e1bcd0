/**
 * What the program reads of the API's answers, which /openapi.json describes in full;
 * tests/clients/test_miniprogram.py has a real API answer each and the compiler compare.
 */

export interface Said {
  readonly zh: string;
  readonly en: string;
}

export interface Occurrence {
  readonly reminder: string;
  /** The local time that it was planned for, its name in paths: "2026-11-26T08:00". */
  readonly at: string;
  readonly kind: "medication" | "measurement" | "visit" | "lesson";
  /** Of a medicine its entry, of a measurement the metric, of a visit the plan, of a lesson its slug. */
  readonly about: string | null;
  readonly planned_at: string;
  readonly until: string;
  readonly state: string;
}

export interface DueReminder extends Occurrence {
  readonly of: "reminder";
}

export interface DueVisit {
  readonly of: "visit";
  readonly plan: string;
  readonly due_on: string;
  readonly words: Said;
}

export interface Latest {
  readonly metric: string;
  readonly zh: string;
  readonly en: string;
  readonly t: string;
  readonly unit: string | null;
  readonly flag: string | null;
  readonly quality: string | null;
  /** A number in the canonical unit; of codes and the like an object. */
  readonly value?: number | Readonly<Record<string, unknown>> | null;
  readonly components?: Readonly<Record<string, number>>;
  readonly meaning?: { readonly words: Said; readonly source: string; readonly reviewed: boolean } | null;
}

export interface Attention {
  readonly id: string;
  /** 1 to 4, an emergency. */
  readonly severity: number;
  readonly metric: string | null;
  readonly measured_at: string | null;
  readonly raised_at: string;
  readonly message: Said;
  readonly source: string;
  readonly reviewed: boolean;
}

export interface Notice extends Attention {
  readonly urgency: number;
  readonly read_at: string | null;
}

export interface Overview {
  readonly latest: readonly Latest[];
  readonly attention: readonly Attention[];
  readonly due: readonly (DueReminder | DueVisit)[];
}

export interface Reminder {
  readonly id: string;
  readonly kind: string;
  readonly text: string;
  readonly text_en?: string;
}

export interface Word {
  readonly occurrence: Occurrence;
  readonly already: boolean;
  readonly message?: Said;
}

export interface Allowance {
  readonly template: string;
  readonly kinds: readonly string[];
  readonly left: number;
  readonly ask_again: boolean;
}

export interface Claimed {
  readonly device: string;
  readonly slot: string;
  readonly since: string;
  readonly stored: number;
}

export interface Device {
  readonly device: string;
  readonly state: string;
}

export interface Rejected {
  readonly path: string;
  readonly code: string;
  readonly detail: string;
}

export interface Verdict {
  readonly stored: number;
  readonly duplicate: number;
  readonly corrected: number;
  readonly held: number;
  readonly rejected: readonly Rejected[];
}

export interface Head {
  readonly slug: string;
  readonly title: string;
  readonly summary: string;
  readonly minutes: number;
  readonly reviewed_by: string | null;
}

export interface Block {
  readonly type: "heading" | "paragraph" | "item" | "quote" | "image";
  readonly text: string;
  readonly ordered?: boolean;
  readonly src?: string;
}

export interface Question {
  readonly ask: string;
  readonly answers: readonly string[];
}

export interface Source {
  readonly title: Said;
  readonly year: number;
  readonly section: string;
  readonly evidence: string;
}

export interface Article extends Head {
  readonly blocks: readonly Block[];
  readonly quiz: readonly Question[];
  readonly sources: readonly Source[];
}

export interface Suggested {
  readonly lesson: string;
  readonly title: string;
  readonly summary: string;
  readonly minutes: number;
  readonly why: Said;
}

export interface Progress {
  readonly lesson: string;
  readonly finished_at: string | null;
  readonly is_due: boolean;
}

export interface Judged extends Progress {
  readonly questions: readonly { readonly is_right: boolean; readonly right: number; readonly why: string }[];
}

export interface Answers {
  "GET /v1/people/{person}/overview": Overview;
  "GET /v1/people/{person}/reminders": { readonly reminders: readonly Reminder[] };
  "POST /v1/people/{person}/reminders/{reminder}/occurrences/{at}/done": Word;
  "GET /v1/people/{person}/notices": { readonly notices: readonly Notice[]; readonly next_cursor: string | null };
  "POST /v1/people/{person}/notices/read": { readonly read: readonly string[] };
  "GET /v1/people/{person}/wechat-allowances": { readonly allowances: readonly Allowance[] };
  "POST /v1/people/{person}/wechat-allowances": Allowance;
  "POST /v1/devices/claim": Claimed;
  "GET /v1/people/{person}/devices": { readonly devices: readonly Device[] };
  "POST /v1/people/{person}/readings": Verdict;
  "GET /v1/education/articles": { readonly articles: readonly Head[] };
  "GET /v1/education/articles/{slug}": Article;
  "GET /v1/people/{person}/lessons": { readonly due: readonly Progress[]; readonly lessons: readonly Progress[] };
  "GET /v1/people/{person}/lessons/suggested": { readonly suggested: readonly Suggested[] };
  "POST /v1/people/{person}/lessons/{lesson}/read": Progress;
  "POST /v1/people/{person}/lessons/{lesson}/answers": Judged;
}

/** What went wrong, as the API told it (problem documents of RFC 9457, errors of RFC 6749) or as nothing came back. */

export interface Fault {
  /** RFC 6901, into the body that was sent. */
  readonly pointer: string;
  readonly detail: string;
}

export interface Problem {
  readonly code: string;
  /** 0 where no answer came. */
  readonly status: number;
  readonly detail: string;
  readonly faults: readonly Fault[];
  readonly retryAfterS: number | null;
}

export interface Came {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export const UNREACHABLE = "unreachable";
export const UNREADABLE = "answer-unreadable";
export const APP_FAULT = "app-fault";
export const LOGIN_FAILED = "wechat-login-failed";

export class Failed extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.code}: ${problem.detail}`);
  }
}

export function own(code: string, detail: string): Problem {
  return { code, status: 0, detail, faults: [], retryAfterS: null };
}

/** What an answer that is no success says is wrong; one that says nothing of the kind (a proxy's page) by its status. */
export function problemIn(came: Came): Problem {
  const said = isRecord(came.body) ? came.body : {};
  const code = textOf(said.code) ?? textOf(said.error);
  return {
    code: code ?? (came.status >= 500 ? "server-unavailable" : UNREADABLE),
    status: came.status,
    detail: textOf(said.detail) ?? textOf(said.error_description) ?? "",
    faults: faultsIn(said),
    retryAfterS: seconds(came.headers["retry-after"]),
  };
}

/** Of anything that was thrown: an error that is none of the API's is a fault of this program. */
export function problemOf(thrown: unknown): Problem {
  // Not instanceof: classes that extend Error lose it where WeChat's tools translate to ES5.
  if (isRecord(thrown) && isRecord(thrown.problem)) return (thrown as unknown as Failed).problem;
  return own(APP_FAULT, thrown instanceof Error ? thrown.message : "");
}

/** The same request may do later: nothing is wrong with it. */
export function mayPass(problem: Problem): boolean {
  return (
    problem.code === UNREACHABLE ||
    problem.code === "temporarily_unavailable" ||
    problem.code === "request-in-progress" ||
    problem.status === 429 ||
    problem.status >= 500
  );
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function faultsIn(said: Record<string, unknown>): Fault[] {
  const listed = Array.isArray(said.errors) ? said.errors : said.pointer === undefined ? [] : [said];
  return listed.filter(isRecord).map((one) => ({ pointer: textOf(one.pointer) ?? "", detail: textOf(one.detail) ?? "" }));
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function seconds(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : null;
}

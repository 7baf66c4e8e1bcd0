/** Asks the public API: operations and what they take are those of /openapi.json (described.ts), answers of answers.ts. */

import { Settings } from "../settings";
import { Answers } from "./answers";
import { Operations } from "./described";
import { Login } from "./login";
import { newId, pause, send } from "./phone";
import { Came, Failed, mayPass, problemIn, problemOf } from "./problem";

type Name = keyof Operations & keyof Answers;
interface Asked {
  readonly places?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
}

/** Whose record: that of who is logged in. */
export const ME = { person: "me" };
/** Everybody may read these, so nobody has to log in for them. */
const OPEN = "/v1/education/";
const TYPES: Readonly<Record<string, string>> = {
  "POST /v1/people/{person}/readings": "application/vnd.phr.readings+json",
};

export class Client {
  private readonly login: Login;

  /** `pauses`: in milliseconds, before each further try of what may do later. */
  constructor(
    private readonly settings: Settings,
    private readonly pauses: readonly number[] = [1_000],
  ) {
    this.login = new Login(settings);
  }

  /**
   * What the API answers. What creates has a key, so that however often it is sent it is done once; give one to send
   * the same again later. Throws Failed.
   */
  async ask<N extends Name>(operation: N, given: Operations[N], key?: string): Promise<Answers[N]> {
    const [method, path] = operation.split(" ") as ["GET" | "POST", string];
    const headers: Record<string, string> = {};
    if (method === "POST") headers["idempotency-key"] = key ?? (await newId());
    const asked = given as Asked;
    if (asked.body !== undefined) headers["content-type"] = TYPES[operation] ?? "application/json";
    const one = {
      method,
      url: this.settings.house + filled(path, asked.places ?? {}) + queried(asked.query ?? {}),
      headers,
      ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
    };
    const came = await this.patiently(() => (path.startsWith(OPEN) ? send(one) : this.asPerson(one)));
    return came.body as Answers[N];
  }

  private async patiently(once: () => Promise<Came>): Promise<Came> {
    for (const ms of this.pauses) {
      try {
        return succeeded(await once());
      } catch (error) {
        const problem = problemOf(error);
        const isTooSoon = problem.retryAfterS !== null && problem.retryAfterS * 1_000 > ms;
        if (!mayPass(problem) || isTooSoon) throw error;
        await pause(ms);
      }
    }
    return succeeded(await once());
  }

  /** With a token; one that is refused is forgotten, and the next silent login's is tried. */
  private async asPerson(one: Parameters<typeof send>[0]): Promise<Came> {
    const came = await this.withToken(one);
    return came.status === 401 ? this.withToken(one) : came;
  }

  private async withToken(one: Parameters<typeof send>[0]): Promise<Came> {
    const token = await this.login.bearer();
    const came = await send({ ...one, headers: { ...one.headers, authorization: `Bearer ${token}` } });
    if (came.status === 401) this.login.forget(token);
    return came;
  }
}

function succeeded(came: Came): Came {
  if (came.status < 200 || came.status > 299) throw new Failed(problemIn(came));
  return came;
}

function filled(path: string, places: Readonly<Record<string, string>>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = places[name];
    if (value === undefined) throw new Error(`${path}: ${name} is not given`);
    return encodeURIComponent(value);
  });
}

function queried(query: Readonly<Record<string, string | number | undefined>>): string {
  const parts: string[] = [];
  for (const name of Object.keys(query)) {
    const value = query[name];
    if (value !== undefined) parts.push(`${name}=${encodeURIComponent(value)}`);
  }
  return parts.length ? `?${parts.join("&")}` : "";
}

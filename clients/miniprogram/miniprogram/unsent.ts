/**
 * Readings that have no verdict yet: the only thing that this program keeps in WeChat's store, encrypted by WeChat, and
 * gone with the verdict. A reading has an id from this phone, so that sending it again stores nothing twice.
 */

import { Verdict } from "./api/answers";
import { Client, ME } from "./api/client";
import { reason } from "./api/phone";
import { mayPass, Problem, problemOf } from "./api/problem";

export interface Reading {
  readonly id: string;
  readonly metric: string;
  /** RFC 3339 with the offset of the phone's clock. */
  readonly t: string;
  readonly unit: string;
  readonly value: number | Readonly<Record<string, number>>;
  readonly context?: Readonly<Record<string, string>>;
}

/** What became of a reading: a verdict, or why the API does not take it, now or ever. */
export interface Outcome {
  readonly reading: Reading;
  readonly verdict: Verdict | null;
  readonly problem: Problem | null;
}

const KEY = "unsent";
const NOT_THERE = /not found/;
/** The next reading would be answered alike. */
const STOP = [0, 401, 403, 429, 502, 503, 504];
/** Not the reading's fault: it stays until who holds the phone can log in or may send. */
const NOT_ITS_FAULT = [401, 403];

export class Unsent {
  private turn: Promise<unknown> = Promise.resolve();
  private sending: Promise<Outcome[]> | null = null;
  private refused: Outcome[] = [];

  constructor(private readonly client: Client) {}

  /** Throws what WeChat's store says where it can't be kept. */
  keep(reading: Reading): Promise<void> {
    return this.inTurn(async () => write([...(await read()), reading]));
  }

  list(): Promise<readonly Reading[]> {
    return this.inTurn(read);
  }

  /** Sends what waits, the oldest first, as far as it goes now. Those who ask at once share it. */
  send(): Promise<Outcome[]> {
    this.sending = this.sending ?? this.sendAll().finally(() => (this.sending = null));
    return this.sending;
  }

  /** Readings that are not kept any more and did not land: each is given once, to whoever shows it. */
  takeRefused(): Outcome[] {
    const found = this.refused;
    this.refused = [];
    return found;
  }

  private async sendAll(): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (;;) {
      // Read anew each time: more may have been kept meanwhile.
      const reading = (await this.list()).find((one) => outcomes.every((sent) => sent.reading.id !== one.id));
      if (reading === undefined) return outcomes;
      const outcome = await this.sendOne(reading);
      outcomes.push(outcome);
      if (stays(outcome)) {
        if (STOP.includes(outcome.problem?.status ?? 0)) return outcomes;
        continue;
      }
      await this.inTurn(async () => write((await read()).filter((one) => one.id !== reading.id)));
      if (outcome.problem !== null || outcome.verdict?.rejected.length) this.refused.push(outcome);
    }
  }

  /** For a reading that the phone could not keep. */
  async sendOne(reading: Reading): Promise<Outcome> {
    try {
      const given = { places: ME, body: { readings: [{ ...reading }] } };
      const verdict = await this.client.ask("POST /v1/people/{person}/readings", given, reading.id);
      return { reading, verdict, problem: null };
    } catch (error) {
      return { reading, verdict: null, problem: problemOf(error) };
    }
  }

  /** One after another: two that read, change and write at once would lose what one of them wrote. */
  private inTurn<Value>(action: () => Promise<Value>): Promise<Value> {
    const done = this.turn.then(action);
    this.turn = done.catch(() => undefined);
    return done;
  }
}

/** True where a reading is still kept: it may be taken later. */
export function stays({ problem }: Outcome): boolean {
  return problem !== null && (problem.status === 0 || mayPass(problem) || NOT_ITS_FAULT.includes(problem.status));
}

async function read(): Promise<readonly Reading[]> {
  try {
    const { data } = await wx.getStorage<readonly Reading[]>({ key: KEY, encrypt: true });
    return data;
  } catch (error) {
    if (NOT_THERE.test(reason(error))) return [];
    throw error; // as if it were empty, the next write would lose what is there
  }
}

async function write(readings: readonly Reading[]): Promise<void> {
  if (readings.length === 0) await wx.removeStorage({ key: KEY });
  else await wx.setStorage({ key: KEY, data: readings, encrypt: true });
}

/**
 * Asks, at a tap, whether WeChat may show the next messages, and reports what was said: without the reports the API's
 * ledger stays empty and nothing is sent by WeChat.
 */

import { Allowance } from "./api/answers";
import { Client, ME } from "./api/client";
import { newId } from "./api/phone";

/** nothing: there was nothing to ask. off: messages are switched off in WeChat's settings. later: not reported yet. */
export type Told = "accepted" | "refused" | "nothing" | "off" | "failed" | "later";

type Result = "accept" | "reject" | "ban" | "filter";

interface Report {
  readonly template: string;
  readonly result: Result;
  readonly key: string;
}

/** WeChat asks for three templates at once, at most. */
const MOST = 3;
/** WeChat's word for messages that its user has switched off for this mini-program. */
const SWITCHED_OFF = 20004;
/** Accepted so that the message is read aloud, too. */
const RESULTS: Readonly<Record<string, Result>> = {
  accept: "accept",
  acceptWithAudio: "accept",
  acceptWithAlert: "accept",
  reject: "reject",
  ban: "ban",
  filter: "filter",
};

export class Subscribing {
  private known: readonly Allowance[] = [];
  private readonly waiting: Report[] = [];
  private readonly refused = new Set<string>();
  private isAsking = false;
  private reporting: Promise<void> | null = null;

  constructor(private readonly client: Client) {}

  /** How many messages WeChat may still show. */
  get left(): number {
    return this.known.reduce((sum, one) => sum + one.left, 0);
  }

  /** Whether there is anything that WeChat could be allowed. */
  get isOffered(): boolean {
    return this.known.length > 0;
  }

  /** What the API says of the templates; what could not be reported before is reported first. Throws Failed. */
  async refresh(): Promise<void> {
    await this.report();
    const found = await this.client.ask("GET /v1/people/{person}/wechat-allowances", { places: ME });
    this.known = found.allowances;
  }

  /**
   * Call it first thing in a tap: WeChat shows its question from within a tap alone. `isWished`: the tap asks for
   * nothing else, so who said no before is asked again, and who has allowed enough may allow more.
   */
  atTap(isWished = false): Promise<Told> {
    const asked = this.known.filter((one) => isWished || (one.ask_again && !this.refused.has(one.template)));
    if (asked.length === 0 || this.isAsking) return Promise.resolve("nothing");
    this.isAsking = true;
    const tmplIds = asked.slice(0, MOST).map((one) => one.template);
    return wx.requestSubscribeMessage({ tmplIds }).then(
      (said) => this.heard(tmplIds, said as unknown as Record<string, unknown>),
      (error: { errCode?: number }) => this.failed(tmplIds, error),
    );
  }

  private async heard(templates: readonly string[], said: Record<string, unknown>): Promise<Told> {
    this.isAsking = false;
    let accepted = 0;
    for (const template of templates) {
      const result = RESULTS[String(said[template])];
      if (result === undefined) continue;
      if (result === "accept") {
        accepted += 1;
        this.refused.delete(template);
      } else {
        this.refused.add(template);
      }
      this.waiting.push({ template, result, key: await newId() });
    }
    try {
      while (this.waiting.length > 0) await this.report();
    } catch {
      return "later";
    }
    return accepted > 0 ? "accepted" : "refused";
  }

  private failed(templates: readonly string[], error: { errCode?: number }): Told {
    this.isAsking = false;
    for (const one of templates) this.refused.add(one);
    return error.errCode === SWITCHED_OFF ? "off" : "failed";
  }

  /** Those who report at once share it. */
  private report(): Promise<void> {
    this.reporting = this.reporting ?? this.reportAll().finally(() => (this.reporting = null));
    return this.reporting;
  }

  /** Each result once, however often it is tried: it keeps its key until the API has answered. */
  private async reportAll(): Promise<void> {
    for (let one = this.waiting[0]; one !== undefined; one = this.waiting[0]) {
      const body = { template: one.template, result: one.result };
      const now = await this.client.ask("POST /v1/people/{person}/wechat-allowances", { places: ME, body }, one.key);
      this.waiting.shift();
      this.known = this.known.map((known) => (known.template === now.template ? now : known));
    }
  }
}

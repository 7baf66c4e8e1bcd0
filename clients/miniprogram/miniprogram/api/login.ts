/** The access token, in memory alone: there is no refresh token, and the next silent wx.login gives the next one. */

import { Settings } from "../settings";
import { loginCode, send } from "./phone";
import { Failed, isRecord, own, problemIn, UNREADABLE } from "./problem";

const GRANT = "urn:phr:params:oauth:grant-type:wechat_code";
/** A token is not begun with when it may end on the way. */
const MARGIN_MS = 30_000;

interface Token {
  readonly value: string;
  readonly untilMs: number;
}

export class Login {
  private held: Token | null = null;
  private asking: Promise<Token> | null = null;

  constructor(private readonly settings: Settings) {}

  /** A token that is good for a while yet; those who ask at once share one login. Throws Failed. */
  async bearer(): Promise<string> {
    if (this.held === null || this.held.untilMs - MARGIN_MS <= Date.now()) {
      this.asking = this.asking ?? this.begin();
      this.held = await this.asking;
    }
    return this.held.value;
  }

  /** The API does not take this token any more. One that came since stays. */
  forget(token: string): void {
    if (this.held !== null && this.held.value === token) this.held = null;
  }

  private async begin(): Promise<Token> {
    try {
      return await this.logIn();
    } finally {
      this.asking = null;
    }
  }

  private async logIn(): Promise<Token> {
    const form = {
      grant_type: GRANT,
      client_id: this.settings.client,
      code: await loginCode(),
      scope: this.settings.scopes.join(" "),
    };
    const asked = Date.now();
    const came = await send({
      method: "POST",
      url: `${this.settings.house}/oauth/token`,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: Object.entries(form)
        .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
        .join("&"),
    });
    if (came.status !== 200) throw new Failed(problemIn(came));
    return tokenIn(came.body, asked);
  }
}

function tokenIn(body: unknown, askedMs: number): Token {
  const said = isRecord(body) ? body : {};
  if (typeof said.access_token !== "string" || typeof said.expires_in !== "number") {
    throw new Failed(own(UNREADABLE, "no token came"));
  }
  return { value: said.access_token, untilMs: askedMs + said.expires_in * 1_000 };
}

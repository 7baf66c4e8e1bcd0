/** The few things of WeChat's that the client stands on, as promises. */

import { Came, Failed, own, LOGIN_FAILED, UNREACHABLE } from "./problem";

export interface Sent {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

const TIMEOUT_MS = 15_000;
const ID_BYTES = 16;

/** The answer, whatever its status. Throws Failed ("unreachable") where none came. */
export function send(one: Sent): Promise<Came> {
  return new Promise((resolve, reject) => {
    wx.request({
      url: one.url,
      method: one.method,
      header: { ...one.headers },
      ...(one.body === undefined ? {} : { data: one.body }),
      timeout: TIMEOUT_MS,
      success: ({ statusCode, header, data }) => resolve({ status: statusCode, headers: lowered(header), body: data }),
      fail: ({ errMsg }) => reject(new Failed(own(UNREACHABLE, errMsg))),
    });
  });
}

/** A code that says to the installation's server, by WeChat's, who holds this phone. Silent, and good once. */
export async function loginCode(): Promise<string> {
  try {
    return (await wx.login({ timeout: TIMEOUT_MS })).code;
  } catch (error) {
    throw new Failed(own(LOGIN_FAILED, reason(error)));
  }
}

/** 128 random bits in 32 signs. Not Math.random: two phones must never make the same. */
export async function newId(): Promise<string> {
  const { randomValues } = await wx.getRandomValues({ length: ID_BYTES });
  return Array.from(new Uint8Array(randomValues), (one) => one.toString(16).padStart(2, "0")).join("");
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What a call of WeChat's says of its failure. */
export function reason(error: unknown): string {
  const told = error as { errMsg?: unknown } | null;
  return typeof told?.errMsg === "string" ? told.errMsg : "";
}

function lowered(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of Object.keys(headers)) found[name.toLowerCase()] = String(headers[name]);
  return found;
}

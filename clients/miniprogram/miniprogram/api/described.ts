/**
 * What the API takes, made from /openapi.json for the operations that answers.ts knows; not to be changed by hand:
 * WRITE_DESCRIBED=1 python -m pytest tests/clients/test_miniprogram.py
 */

export interface Operations {
  "GET /v1/people/{person}/overview": {
    readonly places: { readonly person: string; };
  };
  "GET /v1/people/{person}/reminders": {
    readonly places: { readonly person: string; };
  };
  "POST /v1/people/{person}/reminders/{reminder}/occurrences/{at}/done": {
    readonly places: { readonly at: string; readonly person: string; readonly reminder: string; };
    readonly body: { readonly at?: string | number | null; readonly intake?: { readonly dose?: { readonly unit: string; readonly value: Readonly<Record<string, unknown>>; }; readonly reason?: string; readonly text?: string; } | null; };
  };
  "GET /v1/people/{person}/notices": {
    readonly places: { readonly person: string; };
    readonly query: { readonly cursor?: string | undefined; readonly limit?: number | undefined; };
  };
  "POST /v1/people/{person}/notices/read": {
    readonly places: { readonly person: string; };
    readonly body: { readonly ids: readonly (string)[]; };
  };
  "GET /v1/people/{person}/wechat-allowances": {
    readonly places: { readonly person: string; };
  };
  "POST /v1/people/{person}/wechat-allowances": {
    readonly places: { readonly person: string; };
    readonly body: { readonly result: "accept" | "reject" | "ban" | "filter"; readonly template: string; };
  };
  "POST /v1/devices/claim": {
    readonly body: { readonly code: string; readonly device: string; readonly slot?: string | null; };
  };
  "GET /v1/people/{person}/devices": {
    readonly places: { readonly person: string; };
  };
  "POST /v1/people/{person}/readings": {
    readonly places: { readonly person: string; };
    readonly body: { readonly readings: readonly Readonly<Record<string, unknown>>[] };
  };
  "GET /v1/education/articles": {
    readonly query: { readonly condition?: string | null | undefined; readonly language?: "zh" | "en" | undefined; readonly metric?: string | null | undefined; readonly text?: string | null | undefined; };
  };
  "GET /v1/education/articles/{slug}": {
    readonly places: { readonly slug: string; };
    readonly query: { readonly language?: "zh" | "en" | undefined; readonly version?: string | null | undefined; };
  };
  "GET /v1/people/{person}/lessons": {
    readonly places: { readonly person: string; };
    readonly query: { readonly language?: "zh" | "en" | undefined; };
  };
  "GET /v1/people/{person}/lessons/suggested": {
    readonly places: { readonly person: string; };
    readonly query: { readonly language?: "zh" | "en" | undefined; };
  };
  "POST /v1/people/{person}/lessons/{lesson}/read": {
    readonly places: { readonly lesson: string; readonly person: string; };
    readonly query: { readonly language?: "zh" | "en" | undefined; };
  };
  "POST /v1/people/{person}/lessons/{lesson}/answers": {
    readonly places: { readonly lesson: string; readonly person: string; };
    readonly body: { readonly answers: readonly (number)[]; readonly id: string; readonly language?: "zh" | "en"; };
  };
}

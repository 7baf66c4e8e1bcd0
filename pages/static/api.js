// The public API as scripts ask it: by way of this site, whose server holds the token.

const FORM_TOKEN = document.querySelector('meta[name="form-token"]')?.content ?? "";

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? `${status}`);
    this.status = status;
    this.problem = problem;
  }
}

// What the API answers, as JSON. Throws Refused. `isOfItself`: the page asks by itself, nobody touched it; `isQuiet`: it
// stays where it is, whoever has to log in again.
export async function ask(method, path, { body, headers = {}, signal, isOfItself = false, isQuiet = false } = {}) {
  const told = { Accept: "application/json", ...headers };
  if (method !== "GET") told["X-Form-Token"] = FORM_TOKEN;
  if (body !== undefined) told["Content-Type"] ??= "application/json";
  if (isOfItself) told["X-Of-Itself"] = "1";
  const answer = await fetch(`/app/api${path}`, {
    method,
    headers: told,
    signal,
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: "same-origin",
  });
  if (answer.status === 401 && !isQuiet) {
    location.assign(`/app/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  const text = await answer.text();
  const found = text ? JSON.parse(text) : null;
  if (!answer.ok) throw new Refused(answer.status, found ?? {});
  return found;
}

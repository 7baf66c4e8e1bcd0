// Whether the server is there and who reads this page is still logged in: "yes", "away", "over", or "other" where
// somebody else has logged in meanwhile. After "yes" the forms of the page bear the sign of the present session.

const meta = (name) => document.querySelector(`meta[name="${name}"]`);

export async function awake() {
  let answer = null;
  try {
    answer = await fetch("/app/awake", { credentials: "same-origin", redirect: "manual" });
  } catch {
    return "away";
  }
  if (answer.type === "opaqueredirect" || answer.status === 401) return "over";
  if (!answer.ok) return "away";
  const { token, who } = await answer.json();
  if (who !== meta("who").content) return "other";
  meta("form-token").content = token;
  for (const one of document.querySelectorAll('input[name="form_token"]')) one.value = token;
  return "yes";
}

// The sign by which a script shows that it is of a page of ours.
export const formToken = () => meta("form-token").content;

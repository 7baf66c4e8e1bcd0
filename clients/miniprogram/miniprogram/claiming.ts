/** What stands on a device's box: its QR code, or the same to type. */

export interface Code {
  readonly device: string | null;
  readonly code: string;
}

const PRINTED = /^phr:claim\?(.*)$/;

/** "phr:claim?device=…&code=…" as it is printed, else the code alone; null for a picture of something else. */
export function parsed(text: string): Code | null {
  const found = PRINTED.exec(text.trim());
  if (found === null) return /^[A-Za-z0-9-]{1,64}$/.test(text.trim()) ? { device: null, code: text.trim() } : null;
  const said: Record<string, string> = {};
  for (const part of (found[1] ?? "").split("&")) {
    const [name = "", value = ""] = part.split("=");
    said[name] = decoded(value);
  }
  return said.code ? { device: said.device || null, code: said.code } : null;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

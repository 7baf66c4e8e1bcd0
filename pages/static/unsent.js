// Readings that have no verdict yet, on this phone: sealed by a key that the browser keeps and gives to nobody, and
// gone with the log-out, which clears what this site has stored.

import { ask, Refused } from "./api.js";

const open = () =>
  new Promise((resolve, reject) => {
    const request = indexedDB.open("phr", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("keys");
      request.result.createObjectStore("unsent");
      request.result.createObjectStore("kept");
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

async function key(database) {
  const known = await done(database.transaction("keys").objectStore("keys").get("own"));
  if (known) return known;
  const made = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const store = database.transaction("keys", "readwrite").objectStore("keys");
  // Two pages may make one at once; the first stays.
  await done(store.add(made, "own")).catch(() => null);
  return done(database.transaction("keys").objectStore("keys").get("own"));
}

export async function seal(store, name, value) {
  const database = await open();
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const text = new TextEncoder().encode(JSON.stringify(value));
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await key(database), text);
  await done(database.transaction(store, "readwrite").objectStore(store).put({ iv, sealed }, name));
  database.close();
}

export async function unseal(store, name) {
  const database = await open();
  const row = await done(database.transaction(store).objectStore(store).get(name));
  if (!row) {
    database.close();
    return null;
  }
  const text = await crypto.subtle.decrypt({ name: "AES-GCM", iv: row.iv }, await key(database), row.sealed);
  database.close();
  return JSON.parse(new TextDecoder().decode(text));
}

async function names() {
  const database = await open();
  return done(database.transaction("unsent").objectStore("unsent").getAllKeys());
}

export async function remove(store, name) {
  const database = await open();
  await done(database.transaction(store, "readwrite").objectStore(store).delete(name));
  database.close();
}

// Without a store (a private window) the reading is sent or lost, and the page says which.
export const keep = (reading, whose) => seal("unsent", reading.id, { reading, whose }).catch(() => null);
export const drop = (id) => remove("unsent", id).catch(() => null);

// True for a word about the reading itself, which will be the same again; a login that ended is none.
export const isFinal = (error) => error instanceof Refused && error.status < 500 && ![401, 403, 408, 429].includes(error.status);

// Sends what waits of this person, one by one; a reading that was stored before counts as a duplicate and changes
// nothing. Gives what was refused, with the reasons.
export async function send(whose) {
  const refused = [];
  for (const id of await names().catch(() => [])) {
    const known = await unseal("unsent", id).catch(() => null);
    if (known && known.whose !== whose) continue;
    try {
      const verdict = known && (await ask("POST", "/people/me/readings", { body: { readings: [known.reading] }, isOfItself: true, isQuiet: true }));
      if (verdict?.rejected.length) refused.push(verdict.rejected[0].detail);
      await drop(id);
    } catch (error) {
      if (!isFinal(error)) return refused;
      refused.push(error.message);
      await drop(id);
    }
  }
  return refused;
}

// "Tell me on this device": the browser is asked at the tap alone, and where it agrees its address is one more of the person's.
// On a computer at work there is no such button, and none where the browser can't.

import { ask } from "./api.js";

const box = document.getElementById("push");
const button = box.querySelector("button");
const fault = box.querySelector(".fault");

const bytesOf = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));

// What the browser has for this installation's key; what it had for an older one is let go.
async function subscribed() {
  const registration = await navigator.serviceWorker.register("/app/sw.js", { scope: "/app/" });
  await navigator.serviceWorker.ready;
  const key = bytesOf(box.dataset.key);
  const known = await registration.pushManager.getSubscription();
  if (known && String(new Uint8Array(known.options.applicationServerKey)) === String(key)) return known;
  await known?.unsubscribe();
  return registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
}

async function tell() {
  if ((await Notification.requestPermission()) !== "granted") return "denied";
  try {
    const { endpoint, keys } = (await subscribed()).toJSON();
    const body = { channel: "web-push", address: { endpoint, p256dh: keys.p256dh, auth: keys.auth } };
    await ask("POST", "/people/me/notice-addresses", { body });
  } catch {
    return "failed";
  }
  location.reload();
  return "";
}

button.addEventListener("click", async () => {
  button.disabled = true;
  const why = await tell();
  button.disabled = false;
  fault.textContent = why && box.dataset[why];
  fault.hidden = !why;
});
box.hidden = !("serviceWorker" in navigator && "PushManager" in window && "Notification" in window);

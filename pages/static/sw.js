// Without a network: the page that reads what this phone keeps. Nothing of the record is cached here; see kept.js. And what
// the person is told on this device (push.js): words that the server has chosen for a lock screen.

const SHELL = "shell";

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(SHELL).then((cache) => cache.add("/app/offline")).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(self.clients.claim());
});

self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (event.request.mode === "navigate" && address.pathname.startsWith("/app/")) {
    event.respondWith(address.pathname === "/app/add" ? adding(event.request) : fetch(event.request).catch(() => caches.match("/app/offline")));
  } else if (address.pathname.startsWith("/app/static/")) {
    // An address names one content for ever, so what is there need not be asked for again.
    event.respondWith(
      caches.match(event.request).then(async (known) => {
        if (known) return known;
        const answer = await fetch(event.request);
        if (answer.ok) (await caches.open(SHELL)).put(event.request, answer.clone());
        return answer;
      }),
    );
  }
});

// The keys for a reading by hand come up without a network too; the page says nothing of anybody.
async function adding(request) {
  const cache = await caches.open(SHELL);
  try {
    const answer = await fetch(request);
    if (answer.ok && !answer.redirected) await cache.put("/app/add", answer.clone());
    return answer;
  } catch {
    return (await cache.match("/app/add")) ?? cache.match("/app/offline");
  }
}

self.addEventListener("push", (event) => {
  const { zh, en, urgency } = event.data.json();
  const isChinese = self.navigator.language.startsWith("zh");
  const told = { lang: isChinese ? "zh-CN" : "en", tag: `notices-${urgency}`, renotify: true, requireInteraction: urgency >= 3 };
  event.waitUntil(self.registration.showNotification(isChinese ? zh : en, told));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow("/app/notices")); // a window of its own: no form that is half filled in goes
});

// A computer at work that is left alone shows nothing after ten minutes: the server asks for a login by then anyway, and
// the page that is still on the screen goes. Times are looked at, not waited for, since a sleeping computer waits for nothing.

const AFTER_MS = 10 * 60e3;
let touched = Date.now();

function look() {
  if (Date.now() - touched < AFTER_MS) return;
  document.body.replaceChildren();
  location.replace("/app/locked");
}

for (const name of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) {
  addEventListener(
    name,
    () => {
      look();
      touched = Date.now();
    },
    { passive: true, capture: true },
  );
}
setInterval(look, 5000);
document.addEventListener("visibilitychange", look);
addEventListener("pageshow", (event) => event.persisted && location.reload());

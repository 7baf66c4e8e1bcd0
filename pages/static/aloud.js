// Reads a page aloud, for who does not read well: by the browser's own voice where it has one for the language, else by
// what the server says (WeChat's browser). Where there is neither, the button is not shown.

let button = null;
const lang = document.documentElement.lang.slice(0, 2);
const synth = "speechSynthesis" in window ? window.speechSynthesis : null;
const hasVoice = () => Boolean(synth?.getVoices().some((one) => one.lang.toLowerCase().startsWith(lang)));
let sound = null;

function show(isOn) {
  button.textContent = isOn ? button.dataset.stop : button.dataset.name;
}

function sentences() {
  if (button.dataset.sentences) return JSON.parse(button.dataset.sentences);
  return [...document.querySelectorAll("[data-read-aloud] h1, [data-read-aloud] h2, [data-read-aloud] p:not(.small), [data-read-aloud] li")].map((one) => one.textContent.trim()).filter(Boolean);
}

function byVoice() {
  const parts = sentences();
  parts.forEach((text, index) => {
    const said = new SpeechSynthesisUtterance(text);
    said.lang = document.documentElement.lang;
    said.rate = 0.9;
    if (index === parts.length - 1) said.onend = () => show(false);
    said.onerror = () => show(false);
    synth.speak(said);
  });
}

function byServer() {
  sound ??= new Audio(button.dataset.sound);
  sound.onended = () => show(false);
  sound.onerror = () => {
    sound = null;
    show(false);
  };
  sound.play().catch(() => show(false));
}

function press() {
  if (synth?.speaking || (sound && !sound.paused)) {
    synth?.cancel();
    sound?.pause();
    return show(false);
  }
  show(true);
  if (hasVoice()) byVoice();
  else byServer();
}

// The page of today is drawn anew as readings come in.
function begin() {
  button = document.getElementById("aloud");
  if (!button) return;
  button.dataset.name = button.textContent;
  button.addEventListener("click", press);
  offer();
  if (synth?.speaking || (sound && !sound.paused)) show(true);
}

function offer() {
  button.hidden = !(button.dataset.sound || hasVoice());
}

begin();
document.addEventListener("renewed", begin);
if (button) synth?.addEventListener?.("voiceschanged", offer);

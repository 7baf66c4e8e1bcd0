// Reads the QR code on the box: by the camera where the browser can look for codes itself (BarcodeDetector), everywhere
// from a photo (WeChat's browser, iPhones). The code can be typed as ever.

const place = document.getElementById("scan");
const form = document.getElementById("claim");
const said = document.getElementById("scanned");
const PATIENCE_MS = 60e3;
const SIZES = [1000, 1600, 600]; // pixels on the longer side: a code may fill the photo or a corner of it

// eslint-disable-next-line compat/compat -- asked for before it is used
const detector = () => ("BarcodeDetector" in window ? new BarcodeDetector({ formats: ["qr_code"] }) : null);

async function live() {
  const video = place.querySelector("video");
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  try {
    video.srcObject = stream;
    video.hidden = false;
    await video.play();
    const reader = detector();
    const until = Date.now() + PATIENCE_MS;
    while (Date.now() < until) {
      const [found] = await reader.detect(video);
      if (found) return take(found.rawValue);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  } finally {
    for (const track of stream.getTracks()) track.stop();
    video.hidden = true;
  }
}

function loaded(file) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = reject;
    image.src = URL.createObjectURL(file);
  });
}

function drawn(image, longest) {
  const scale = Math.min(1, longest / Math.max(image.naturalWidth, image.naturalHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(image.naturalWidth * scale);
  canvas.height = Math.round(image.naturalHeight * scale);
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas;
}

async function fromPhoto(file) {
  const image = await loaded(file);
  try {
    const [found] = (await detector()?.detect(drawn(image, SIZES[1])).catch(() => null)) ?? [];
    if (found) return found.rawValue;
    await import("./vendor/jsQR.js"); // which is a script as of old: it stands at `self`
    for (const size of SIZES) {
      const canvas = drawn(image, size);
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const read = self.jsQR(data, canvas.width, canvas.height);
      if (read?.data) return read.data;
    }
  } finally {
    URL.revokeObjectURL(image.src);
  }
  return null;
}

// phr:claim?device=…&code=…, as it is printed, or the code alone. With both, nothing is left to type.
function take(text) {
  let [device, code] = ["", text];
  try {
    const asked = new URL(text).searchParams;
    [device, code] = [asked.get("device") ?? "", asked.get("code") ?? text];
  } catch {
    // no address: the code alone
  }
  if (device) form.elements.device.value = device;
  form.elements.code.value = code;
  said.textContent = said.dataset.found;
  if (form.elements.device.value) form.querySelector("button:not([type])").click();
  else form.elements.device.focus();
}

place.querySelector("input").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  if (!file) return;
  said.textContent = said.dataset.wait;
  const text = await fromPhoto(file).catch(() => null);
  target.value = "";
  if (text) take(text);
  else said.textContent = said.dataset.none;
});
place.hidden = false;
if (detector() && navigator.mediaDevices) {
  const button = place.querySelector("button");
  button.hidden = false;
  button.addEventListener("click", () => live().catch(() => (button.hidden = true)));
}

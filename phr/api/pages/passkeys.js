// Asks the device for a passkey and sends its answer with the form. Shown only where the browser knows passkeys.
"use strict";
(() => {
  const form = document.getElementById("passkey");
  if (!form || !window.PublicKeyCredential || !navigator.credentials) return;

  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const decoded = () => {
    const options = JSON.parse(form.dataset.options);
    options.challenge = bytes(options.challenge);
    if (options.user) options.user.id = bytes(options.user.id);
    for (const one of [...(options.excludeCredentials || []), ...(options.allowCredentials || [])]) one.id = bytes(one.id);
    return options;
  };

  const answer = (found) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (found.response[name]) response[name] = text(found.response[name]);
    }
    return JSON.stringify({ id: found.id, rawId: text(found.rawId), type: found.type, response });
  };

  const asks = form.dataset.asks;
  const button = form.querySelector("button");
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const found = await navigator.credentials[asks]({ publicKey: decoded() });
      form.elements[asks === "get" ? "assertion" : "attestation"].value = answer(found);
      form.submit();
    } catch (error) {
      form.querySelector(".fault").hidden = false;
      button.disabled = false;
    }
  });
  form.hidden = false;
})();

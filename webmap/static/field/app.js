// The page of the phone: opens without a signal, asks who is logged in, shows one screen at a time.
import { make, fill } from "./dom.js";
import { chosenLanguage, keepLanguage, loadWords, otherLanguage } from "./words.js";

const root = document.getElementById("field");

// Keeps this version of the page on the phone; a newer one waits until somebody takes it.
export async function keepPage(onUpdate) {
  if (!("serviceWorker" in navigator)) return null;
  const registration = await navigator.serviceWorker.register(root.dataset.worker);
  const tell = () => { if (registration.waiting && navigator.serviceWorker.controller) onUpdate(() => registration.waiting.postMessage("update")); };
  registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", tell));
  tell();
  return registration;
}

async function open() {
  const language = chosenLanguage();
  const word = await loadWords(root.dataset.words, language);
  document.title = word("app.name");
  const bar = make("header", { class: "field-bar" },
    make("h1", {}, word("app.title")),
    make("button", { type: "button", class: "field-plain", lang: otherLanguage(language).replace("_", "-"), onclick: () => { keepLanguage(otherLanguage(language)); location.reload(); } }, word("app.language")));
  const screen = make("main", { class: "field-screen", tabindex: "-1" });
  const notice = make("div", { class: "field-notice", role: "status" });
  fill(root, bar, notice, screen);
  await keepPage((update) => fill(notice, word("app.update"), " ", make("button", { type: "button", class: "field-button", onclick: update }, word("app.updateNow"))));
  document.documentElement.dataset.state = "open";
}

open().catch((error) => {
  document.documentElement.dataset.state = "broken";
  throw error;
});

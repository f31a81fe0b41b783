// What the page says. Both languages are kept on the phone, so that changing needs no signal.

const STORED = "field-language";
const LANGUAGES = ["zh_Hans", "en"];

export function chosenLanguage() {
  const asked = new URLSearchParams(location.search).get("lang");
  if (LANGUAGES.includes(asked)) {
    // Said once: afterwards the person changes it on the page.
    keepLanguage(asked);
    history.replaceState(null, "", location.pathname + location.hash);
    return asked;
  }
  const stored = localStorage.getItem(STORED);
  if (LANGUAGES.includes(stored)) return stored;
  return (navigator.languages || []).some((tag) => tag.toLowerCase().startsWith("zh")) ? "zh_Hans"
    : (navigator.languages || []).length ? "en" : "zh_Hans";
}

// In which language requests ask for what people read; the page's own is not in the cookie.
export function asReader() {
  return { "Reader-Language": document.documentElement.lang.replace("-", "_") };
}

// What the server said of a refusal, line by line. Its `text` is in the language in which it was
// asked; message and remedy are English.
export function saidOf(problem, word) {
  if (!problem?.problems?.length) return [problem?.detail || word("item.refusedPlain")];
  return problem.problems.map(({ message, remedy, text }) => (word.language !== "en" && text) || `${message} ${remedy}`);
}

export function otherLanguage(language) {
  return LANGUAGES.find((one) => one !== language);
}

export function keepLanguage(language) {
  localStorage.setItem(STORED, language);
}

// Returns word(key, {name: value}); a key that is missing is a fault of ours and is shown as such.
// Of one, or of none, a sentence may have a form of its own: key.one, key.none.
export async function loadWords(address, language) {
  const answer = await fetch(address.replace("zh_Hans", language));
  if (!answer.ok) throw new Error(`words: ${answer.status}`);
  const texts = await answer.json();
  document.documentElement.lang = language.replace("_", "-");
  const word = (key, values = {}) => {
    if (!(key in texts)) throw new Error(`no word for ${key}`);
    const counted = `${key}.${{ 0: "none", 1: "one" }[values.n]}`;
    return (texts[counted] ?? texts[key]).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
  };
  word.language = language;
  word.list = (items) => items.join(word("list.comma"));
  word.number = (value, digits = 0) => new Intl.NumberFormat(language.replace("_", "-"), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
  word.moment = (value) => new Intl.DateTimeFormat(language.replace("_", "-"), { dateStyle: "medium", timeStyle: "short" }).format(new Date(value));
  word.day = (value) => new Intl.DateTimeFormat(language.replace("_", "-"), { dateStyle: "medium" }).format(new Date(value));
  return word;
}

// What the desk says, and how it writes numbers and times.

const texts = JSON.parse(document.getElementById("desk-words").textContent);
export const config = JSON.parse(document.getElementById("desk-config").textContent);

export function word(key, values = {}) {
  if (!(key in texts)) throw new Error(`no word for ${key}`);
  return texts[key].replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

word.list = (parts) => parts.join(config.language.startsWith("zh") ? "、" : ", ");

const metres = new Intl.NumberFormat(config.language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const levels = new Intl.NumberFormat(config.language, { maximumFractionDigits: 2 });
const moments = new Intl.DateTimeFormat(config.language, {
  dateStyle: "medium", timeStyle: "short", timeZone: config.timeZone,
});

export const area = (value) => word("desk.m2", { n: metres.format(value) });
export const moment = (value) => moments.format(new Date(value));
export const level = (value) => levels.format(value);
export const sure = (value) => metres.format(value);

// A photograph is one file or two: its smaller copy, and the original where that is sent as well.
// Each comes, is refused or is given up by itself, and the copy comes first.

// "none" | "kept" | "received" | "refused" | "given_up"
export function originalState(one) {
  if (!one.original || !one.sends_original) return "none";
  // Before the two were told apart a photograph was received once both had come.
  return one.original_state || (one.state === "received" ? "received" : "kept");
}

// The file that is to be sent now: "copy", "original" or null.
export function nextPart(one) {
  if (one.state === "refused") return null;
  if (one.state !== "received") return "copy";
  return originalState(one) === "kept" ? "original" : null;
}

export const isRefused = (one) => one.state === "refused" || originalState(one) === "refused";
export const hasArrived = (one) => one.state === "received" && ["none", "received", "given_up"].includes(originalState(one));
// An original that nobody but this phone has.
export const isOnlyHere = (one) => Boolean(one.original) && originalState(one) !== "received";

// One page of this phone works on a draft at a time. Tabs and windows hold it by a lock, which a
// browser takes from a page that is closed or killed, and ask one another to let go.
const WAIT_MS = 1_500;

// By this a draft says who may write to it; a page that was asleep meanwhile finds another name.
export const PAGE = globalThis.crypto?.randomUUID?.() ?? "";

// settle() leaves the screen and answers once all that was marked is kept; onLost(id) hears that
// another page goes on.
export function createHolding({ settle, onLost }) {
  const channel = new BroadcastChannel("field-drafts");
  let held = null;

  function request(id, options) {
    return new Promise((resolve) => {
      const over = navigator.locks.request(`field-draft-${id}`, options, (lock) => {
        if (!lock) return undefined;
        return new Promise((release) => {
          held = { id, release, over };
          resolve(true);
        });
      }).catch(() => { if (held?.id === id) lost(id); }).then(() => resolve(false));
    });
  }

  function lost(id) {
    held = null;
    onLost(id);
  }

  // Answers whether this page may work on it now.
  async function hold(id, options = { ifAvailable: true }) {
    if (held?.id === id) return true;
    await letGo();
    return request(id, options);
  }

  async function letGo() {
    const was = held;
    held = null;
    was?.release();
    await was?.over;
  }

  // The other page is asked to keep what it has. One that sleeps does not hear it and is passed
  // over: whatever it writes when it wakes is refused.
  async function takeOver(id) {
    channel.postMessage(id);
    return await hold(id, { signal: AbortSignal.timeout(WAIT_MS) }) || hold(id, { steal: true });
  }

  channel.onmessage = async ({ data: id }) => {
    if (held?.id !== id) return;
    await settle();
    await letGo();
    onLost(id);
  };
  return { hold, takeOver, letGo, get id() { return held?.id ?? null; } };
}

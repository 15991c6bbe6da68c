// What the server sends to one person, part by part, and what they do.

const STALE = 1500; // ms without a connection after which the page says so

/** Every part by its name, as in bot/demo/playground/screen.py and the files beside it. */
export const parts = new Map();

let source = null;
let person = "";
let told = () => {};
let opened = () => {};
let clock = { now: Date.now() / 1000, heard: performance.now(), speed: 1 };
let lostSince = null;

/** Watch the world as this person; calls `onChange` after each change, `onOpen` on each connection. */
export function connect(who, onChange, onOpen) {
  [person, told, opened] = [who, onChange, onOpen];
  parts.clear();
  listen();
}

/** Listen to the server while the tab is visible: a browser allows six streams per server in all tabs. */
function listen() {
  source?.close();
  if (document.hidden) return;
  source = new EventSource(`/events?as=${person}`);
  let isFresh = true; // the server sends everything again on each connection
  source.onopen = () => {
    isFresh = true;
    lostSince = null;
    opened();
  };
  source.onmessage = ({ data }) => {
    if (isFresh) parts.clear();
    isFresh = false;
    take(JSON.parse(data));
    told();
  };
  source.onerror = () => {
    lostSince ??= performance.now();
    setTimeout(told, STALE + 100);
  };
}
document.addEventListener("visibilitychange", listen);

function take({ drawn, gone, now }) {
  for (const [name, part] of Object.entries(drawn)) parts.set(name, part);
  for (const name of gone) parts.delete(name);
  clock = { now, heard: performance.now(), speed: parts.get("clock").speed };
}

/** Whether the server has been away for a while. */
export const isLost = () => lostSince !== null && performance.now() - lostSince > STALE;

/** The offline world's time, in seconds. */
export const now = () => clock.now + ((performance.now() - clock.heard) / 1000) * clock.speed;

/** All parts of a kind, such as "message". */
export function all(kind) {
  const found = [];
  for (const [name, part] of parts) if (name.startsWith(`${kind}:`)) found.push(part);
  return found;
}

/** Do something as this person; returns `error`, `errors` and `options`. */
export async function act(wish) {
  const who = person;
  const answer = await ask(who, wish);
  return who === person ? answer : { error: null };
}

async function ask(who, wish) {
  try {
    const answer = await fetch(`/act?as=${who}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(wish),
    });
    return answer.ok ? await answer.json() : { error: await answer.text() };
  } catch {
    return { error: "The playground isn't responding." };
  }
}

export const nameOf = (id) => parts.get("names")?.[id] ?? id;
export const app = () => parts.get("app");
export const isApp = (id) => id === app()?.user;

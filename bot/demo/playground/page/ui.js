// What the reader has open; every change redraws the page.

const saved = new URLSearchParams(location.search);

/** The state of this page; change it through `update`. */
export const ui = {
  who: saved.get("as") ?? "U0ANA",
  channel: saved.get("in") ?? "C0OPS", // a channel's ID, or HOME
  thread: saved.get("thread"), // the ts of the message whose thread is open
  pane: "chat", // the pane that a phone shows: places, chat, thread, cloud
  newFrom: {}, // channel → last ts read when it was opened
  drafts: {}, // unsent text, by person and box
  pressed: {}, // clicked buttons, by key: "waits" or an error
  confirm: null, // the confirm dialog
  notice: null, // Slack's own message, such as that a command failed, and its box
  calls: "all", // the calls that the cloud pane lists
  flash: null, // ts of the message that a link opened
  guide: localStorage.getItem("guide") !== "off",
  theme: localStorage.getItem("theme") ?? "system",
};

export const HOME = "home";

let draw = () => {};
let isDue = false;

/** Use `how` to draw the page. */
export function drawnBy(how) {
  draw = how;
}

/** Redraw the page soon. */
export function redraw() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    draw();
  });
}

/** Change what is open. */
export function update(changes) {
  Object.assign(ui, changes);
  remember();
  redraw();
}

function remember() {
  const shown = new URLSearchParams({ as: ui.who, in: ui.channel });
  if (ui.thread) shown.set("thread", ui.thread);
  history.replaceState(null, "", `?${shown}`);
}

/** Light, dark or the system's theme; kept for the next visit. */
export function setTheme(theme) {
  localStorage.setItem("theme", theme);
  update({ theme });
}

// What the reader has open, and a redraw whenever that changes.

const saved = new URLSearchParams(location.search);

/** The state of this page; change it through `update`. */
export const ui = {
  who: saved.get("as") ?? "U0ANA",
  channel: saved.get("in") ?? "C0OPS", // a channel's id, or HOME
  thread: saved.get("thread"), // the ts of the message whose thread is open
  pane: "chat", // which one a phone shows: places, chat, thread, cloud
  newFrom: {}, // channel → ts that was read when it was opened
  drafts: {}, // what is typed and not yet sent, by person and box
  pressed: {}, // buttons that were clicked, by key: "waits" or an error
  confirm: null, // the confirm dialog
  notice: null, // what Slack itself says, such as that a command failed, and under which box
  calls: "all", // which calls the cloud pane lists
  flash: null, // ts of the message that a link led to
  guide: localStorage.getItem("guide") !== "off",
  theme: localStorage.getItem("theme") ?? "system",
};

export const HOME = "home";

let draw = () => {};
let isDue = false;

/** Call `how` to draw the page. */
export function drawnBy(how) {
  draw = how;
}

/** Draw the page once more, soon. */
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

/** Light, dark, or as the system has it; kept for the next visit. */
export function setTheme(theme) {
  localStorage.setItem("theme", theme);
  update({ theme });
}

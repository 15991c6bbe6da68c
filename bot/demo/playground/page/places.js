// Places in the workspace, and how to go there.

import { goBack, writeIn } from "./focus.js";
import { HOME, ui, update } from "./ui.js";
import { act, all, parts } from "./world.js";

const FLASH = 2500; // ms for which a linked message is highlighted

/** Open a channel, or HOME: the app's home tab. */
export function open(channel) {
  const read = parts.get(`channel:${channel}`)?.read;
  const newFrom = { ...ui.newFrom, [channel]: read };
  update({ channel, newFrom, thread: null, pane: "chat", notice: null });
  if (channel === HOME) act({ act: "open_home" });
  writeIn("channel");
}

export function openThread(ts) {
  update({ thread: ts, pane: "thread" });
  writeIn("thread");
}

/** Close the thread, and focus its message again. */
export function closeThread() {
  const message = `.channel [data-ts="${ui.thread}"]`;
  update({ thread: null, pane: "chat" });
  goBack(() => document.querySelector(`${message} :is(.thread-link, .tool)`));
}

/** Whether an address leads to a message of this workspace. */
export const isOurs = (address, app) =>
  address.startsWith(`https://${app?.domain}.slack.com/archives/`);

/** Open the message of a permalink of this workspace. */
export function goTo(address) {
  const [, channel, digits] = address.match(/archives\/(\w+)\/p(\d+)/) ?? [];
  if (!parts.has(`channel:${channel}`)) return;
  const ts = `${digits.slice(0, -6)}.${digits.slice(-6)}`;
  const message = parts.get(`message:${ts}`);
  open(channel);
  if (message) openThread(message.thread ?? ts);
  update({ flash: ts });
  setTimeout(() => update({ flash: null }), FLASH);
}

/** The conversation of this person with the app. */
export const appChannel = () => all("channel").find((channel) => channel.kind === "app");

/** The messages in a channel itself, oldest first. */
export const messagesIn = (channel) =>
  sorted(all("message").filter((m) => m.channel === channel && (!m.thread || m.broadcast)));

/** The ts of the newest message of a channel, including its threads. */
export const newestIn = (channel) =>
  all("message").reduce((last, { channel: of, ts }) => (of === channel && ts > last ? ts : last), "");

/** The replies under every message of a channel, by the ts of the message. */
export function threadsIn(channel) {
  const threads = new Map();
  for (const message of sorted(all("message"))) {
    if (message.channel !== channel || !message.thread) continue;
    threads.set(message.thread, [...(threads.get(message.thread) ?? []), message]);
  }
  return threads;
}

const sorted = (messages) => messages.sort((a, b) => (a.ts < b.ts ? -1 : 1));

// A list of messages that stays scrolled to its end unless the reader scrolled up.

import { day } from "./dates.js";
import { html, nothing, ref, repeat } from "./lit.js";
import { messageRow } from "./message.js";
import { newestIn } from "./places.js";
import { redraw, ui } from "./ui.js";
import { act, now } from "./world.js";

const NEAR = 60; // pixels from the end that still count as the end

/** Messages with day dividers; `threads` are replies by ts, `read` is the last ts read. */
export function messageLog(channel, messages, threads) {
  const from = ui.newFrom[channel.id] ?? "";
  const first = from ? messages.find((message) => message.ts > from && !message.only_you) : null;
  const row = (message, place) => {
    const before = messages[place - 1];
    const isNewDay = !before || day(before.ts, now()) !== day(message.ts, now());
    const divider = isNewDay
      ? html`<div class="divider"><span>${day(message.ts, now())}</span></div>`
      : nothing;
    const isNew = message === first ? html`<div class="divider new"><span>New</span></div>` : nothing;
    const joinable = isNewDay || message === first ? undefined : before;
    const replies = threads.get(message.ts);
    return html`${divider}${isNew}${messageRow(message, { before: joinable, replies })}`;
  };
  return html`<div class="log" role="log" tabindex="0" aria-label="Messages in ${channel.name}"
      @scroll=${scrolled} ${ref((element) => element && settle(element, channel.id))}>
    <div class="messages">${repeat(messages, (message) => message.ts, row)}</div>
  </div>
  ${away ? html`<button type="button" class="to-end" @click=${() => toEnd("channel")}>↓ Latest messages</button>` : nothing}`;
}

// The log is a reversed column: its end is at 0, and the browser keeps it there.
let shown = null;
let log = null;
let away = false;

/** Start at the end of a channel that was opened or redrawn. */
function settle(element, channel) {
  if (shown !== channel || log !== element) {
    element.scrollTop = 0;
    away = false;
  }
  [shown, log] = [channel, element];
}

/** Scroll the log of a pane to its end. */
export function toEnd(pane) {
  document.querySelector(`.${pane} .log`).scrollTop = 0;
}

function scrolled({ target }) {
  const isAway = target.scrollTop < -NEAR;
  if (isAway === away) return;
  away = isAway;
  redraw();
}

/** Tell Slack that the person has read a channel to its end. */
export function markRead(channel) {
  const last = newestIn(channel.id);
  const isSeen = !document.hidden && !away && (ui.pane === "chat" || !isNarrow.matches);
  if (!last || !isSeen || channel.read >= last || marked[channel.id] === last) return;
  marked[channel.id] = last;
  act({ act: "read", channel: channel.id, ts: last });
}

let marked = {};
const isNarrow = matchMedia("(max-width: 780px)"); // as in style/base.css: one pane at a time

/** Forget what was marked as read, for another person. */
export const forgetMarks = () => {
  marked = {};
  shown = null;
};

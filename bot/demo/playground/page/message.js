// One message: author, time, content and actions.

import { blocks } from "./blocks.js";
import { time } from "./dates.js";
import { onMessage } from "./elements.js";
import { failure } from "./failures.js";
import { guard, html, nothing } from "./lit.js";
import { mrkdwn } from "./mrkdwn.js";
import { boxOf } from "./notices.js";
import { openThread } from "./places.js";
import { ui, update } from "./ui.js";
import { act, app, isApp, nameOf, now, parts } from "./world.js";

const TOGETHER = 300; // seconds within which messages by one author are grouped

/** Whether a message is grouped with the one before, without repeating the name. */
export const continues = (message, before) =>
  before !== undefined &&
  before.user === message.user &&
  before.only_you === message.only_you &&
  before.thread === message.thread &&
  message.ts - before.ts < TOGETHER;

/** A message; `replies` are those in its thread, if it should link to them. */
export function messageRow(message, { before, replies = [], inThread = false } = {}) {
  const pressed = Object.entries(ui.pressed).filter(([key]) => key.startsWith(message.ts));
  const joined = continues(message, before);
  const seen = [message, joined, replies.at(-1), replies.length, ui.flash === message.ts, inThread];
  const today = new Date(now() * 1000).toDateString(); // so that "tomorrow" is redrawn when it becomes today
  const names = parts.get("names"); // a part stays the same object until it changes
  return guard([...seen, names, today, JSON.stringify(pressed)], () => {
    const kinds = [
      "message", joined ? "joined" : "", message.only_you ? "only-you" : "",
      ui.flash === message.ts ? "flash" : "",
    ];
    return html`<article class=${kinds.join(" ")} data-ts=${message.ts}
        aria-label="${nameOf(message.user)}, ${time(message.ts)}">
      ${joined ? html`<time class="aside">${time(message.ts)}</time>` : avatar(message.user)}
      <div class="body">
        ${message.only_you ? html`<p class="note"><span aria-hidden="true">👁</span> Only visible to you</p>` : nothing}
        ${message.broadcast ? broadcastNote(message, inThread) : nothing}
        ${joined ? nothing : byline(message)}
        <div class="said">${content(message)}</div>
        ${inThread ? nothing : threadLink(message, replies)}
      </div>
      ${message.only_you ? nothing : tools(message, inThread)}
    </article>`;
  });
}

const content = (message) =>
  message.blocks.length
    ? blocks(message.blocks, onMessage(message))
    : html`<div class="words">${mrkdwn(message.text)}</div>`;

/** A square with the first letter of a name. */
export const avatar = (user) =>
  html`<span class="avatar ${isApp(user) ? "app" : user}" aria-hidden="true">${
    isApp(user) ? "" : nameOf(user)[0].toUpperCase()
  }</span>`;

const byline = (message) => html`<header class="byline">
  <strong>${nameOf(message.user)}</strong>
  ${isApp(message.user) ? html`<span class="tag">APP</span>` : nothing}
  <time>${time(message.ts)}</time>
</header>`;

function broadcastNote(message, inThread) {
  if (inThread) return html`<p class="note">Also sent to the channel</p>`;
  const open = () => openThread(message.thread);
  return html`<p class="note">replied to
    <button type="button" class="plain" @click=${open}>a thread</button></p>`;
}

function threadLink(message, replies) {
  if (!replies.length || message.thread) return nothing;
  const count = replies.length === 1 ? "1 reply" : `${replies.length} replies`;
  return html`<button type="button" class="thread-link" @click=${() => openThread(message.ts)}>
    ${[...new Set(replies.map((reply) => reply.user))].slice(0, 3).map(avatar)}
    <span class="count">${count}</span>
    <span class="when">Last one ${time(replies.at(-1).ts)}</span>
  </button>`;
}

function tools(message, inThread) {
  const shortcut = async (event) => {
    event.target.closest("details").open = false;
    const { error } = await act({ act: "shortcut", ts: message.ts });
    const box = boxOf(message.channel, inThread ? (message.thread ?? message.ts) : null);
    update({ notice: { box, said: failure(error, app().message_shortcut) } });
  };
  return html`<div class="tools">
    ${inThread ? nothing : html`<button type="button" class="tool" title="Reply in thread" aria-label="Reply in thread"
      @click=${() => openThread(message.thread ?? message.ts)}>💬</button>`}
    <details class="more"><summary class="tool" title="More actions" aria-label="More actions">⋯</summary>
      <div class="menu"><button type="button" @click=${shortcut}>${app().message_shortcut}
        <small>${app().name}</small></button></div>
    </details>
  </div>`;
}

// The side pane: one message and its replies.

import { composer } from "./composer.js";
import { html, nothing, repeat } from "./lit.js";
import { messageRow } from "./message.js";
import { closeThread, threadsIn } from "./places.js";
import { parts } from "./world.js";

/** The thread under the message with this ts. */
export function threadPane(channel, ts) {
  const parent = parts.get(`message:${ts}`);
  const replies = threadsIn(channel.id).get(ts) ?? [];
  const row = (message, n) => messageRow(message, { before: replies[n - 1], inThread: true });
  const keys = (event) => event.key === "Escape" && closeThread();
  return html`<section class="thread" aria-label="Thread" @keydown=${keys}>
    <header class="title">
      <h2>Thread</h2><span class="facts">${channel.name}</span>
      <button type="button" class="close" aria-label="Close the thread" @click=${closeThread}>✕</button>
    </header>
    <div class="log" role="log" tabindex="0" aria-label="Replies"><div class="messages">
      ${parent
        ? messageRow(parent, { inThread: true })
        : html`<p class="closed">This message was deleted.</p>`}
      ${replies.length ? html`<div class="divider"><span>${count(replies.length)}</span></div>` : nothing}
      ${repeat(replies, (message) => message.ts, row)}
    </div></div>
    ${composer(channel, { thread: ts, label: "Reply…" })}
  </section>`;
}

const count = (replies) => (replies === 1 ? "1 reply" : `${replies} replies`);

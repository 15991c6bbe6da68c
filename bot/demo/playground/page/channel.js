// The middle pane: a channel with its messages, or the app's conversation.

import { composer } from "./composer.js";
import { html, nothing } from "./lit.js";
import { markRead, messageLog } from "./log.js";
import { notice } from "./notices.js";
import { HOME } from "./ui.js";
import { appChannel, messagesIn, open, threadsIn } from "./places.js";
import { app } from "./world.js";

/** A channel as its members see it. */
export function channelPane(channel) {
  const messages = messagesIn(channel.id);
  markRead(channel);
  const isApp = channel.kind === "app";
  return html`<section class="channel" aria-label=${isApp ? app().name : channel.name}>
    ${isApp ? appTabs("messages") : title(channel)}
    ${messageLog(channel, messages, threadsIn(channel.id))}
    ${isApp
      ? html`<p class="closed">Sending messages to this app has been turned off.</p>${notice(channel.id)}`
      : composer(channel, { label: `Message ${mark(channel)}${channel.name}` })}
  </section>`;
}

const title = (channel) => html`<header class="title">
  <h2>${sign(channel)} ${channel.name}</h2>
  ${channel.kind === "direct" ? nothing : html`<span class="facts">${channel.members} people${
    channel.has_bot ? nothing : ", without the bot"}</span>`}
</header>`;

export const sign = ({ kind }) => ({ private: "🔒", direct: "@" })[kind] ?? "#";

const mark = ({ kind }) => (kind === "direct" ? "" : "#");

/** The app's name and its two tabs. */
export function appTabs(shown) {
  const tab = (name, words, go) => html`<button type="button" role="tab" aria-selected=${shown === name}
    aria-controls="app-${name}" id="tab-${name}" @click=${go}>${words}</button>`;
  return html`<header class="title">
    <h2>${app().name} <span class="tag">APP</span></h2>
    <div class="tabs" role="tablist" aria-label=${app().name}>
      ${tab("home", "Home", () => open(HOME))}
      ${tab("messages", "Messages", () => open(appChannel().id))}
    </div>
  </header>`;
}

// Channels and the app, with what is unread in them.

import { sign } from "./channel.js";
import { html, nothing } from "./lit.js";
import { avatar } from "./message.js";
import { appChannel, open } from "./places.js";
import { HOME, ui } from "./ui.js";
import { all, app } from "./world.js";

export function sidebar() {
  const channels = all("channel").filter((channel) => ["public", "private"].includes(channel.kind));
  const people = all("channel").filter((channel) => channel.kind === "direct");
  const own = appChannel();
  return html`<nav class="sidebar" aria-label="Channels">
    <p>Demo workspace</p>
    <h2>Channels</h2>
    <ul>${channels.map((channel) => place(channel.id, html`${sign(channel)} ${channel.name}`, channel))}</ul>
    ${people.length ? html`<h2>Direct messages</h2>` : nothing}
    <ul>${people.map((channel) => place(channel.id, html`${sign(channel)} ${channel.name}`, channel))}</ul>
    <h2>Apps</h2>
    <ul>${place(HOME, html`${avatar(app().user)} ${app().name}`, own, [HOME, own?.id])}</ul>
  </nav>`;
}

function place(id, words, { unread, calls } = {}, open_at = [id]) {
  const isOpen = open_at.includes(ui.channel);
  const go = () => open(id === HOME && unread ? open_at[1] : id);
  return html`<li><button type="button" class="place ${unread ? "unread" : ""}"
    aria-current=${isOpen ? "page" : nothing} @click=${go}>
    <span>${words}</span>
    ${calls ? html`<span class="badge" aria-label="${calls} for you">${calls}</span>` : nothing}
    ${unread && !calls ? html`<span class="dot" role="img" aria-label="unread"></span>` : nothing}
  </button></li>`;
}

// The switches for person and theme.

import { html, nothing } from "./lit.js";
import { avatar } from "./message.js";
import { setTheme, ui } from "./ui.js";
import { all } from "./world.js";

const THEMES = { system: "System", light: "Light", dark: "Dark" };

/** The bar at the top; `be` changes the person. */
export function topBar(be) {
  return html`<header class="top">
    <h1 class="unseen">backup-bot playground</h1>
    <fieldset class="people">
      <legend>You are</legend>
      ${all("person").map((person) => choice(person, be))}
    </fieldset>
    <label class="theme">Theme
      <select @change=${(event) => setTheme(event.target.value)}>
        ${Object.entries(THEMES).map(([value, words]) => html`<option value=${value}
          ?selected=${ui.theme === value}>${words}</option>`)}
      </select></label>
  </header>`;
}

function choice({ id, name, role, calls }, be) {
  const isMe = id === ui.who;
  return html`<label class="person ${isMe ? "me" : ""}" title=${role}>
    <input type="radio" name="person" value=${id} .checked=${isMe} @change=${() => be(id)}>
    ${avatar(id)}
    <span class="name">${name}<small>${role}</small></span>
    ${calls && !isMe ? html`<span class="badge" aria-label="${calls} new for ${name}">${calls}</span>` : nothing}
  </label>`;
}

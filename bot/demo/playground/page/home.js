// The app's home tab.

import { blocks } from "./blocks.js";
import { appTabs } from "./channel.js";
import { onHome } from "./elements.js";
import { html } from "./lit.js";
import { act, app, parts } from "./world.js";

let askedOf = null; // the bot's process that was last told that the tab is open

export function homePane() {
  const home = parts.get("home");
  if (!home) askAgain(parts.get("bot"));
  return html`<section class="channel" aria-label="${app().name}, home">
    ${appTabs("home")}
    <div class="home" id="app-home" role="tabpanel" aria-labelledby="tab-home" tabindex="0">
      ${home
        ? blocks(home.view.blocks, onHome)
        : html`<p class="closed">The app hasn't published anything here yet. Is the bot running?</p>`}
    </div>
  </section>`;
}

/** Slack tells the app once that the tab was opened; a bot that wasn't running then missed it. */
function askAgain({ pid, is_connected }) {
  if (!is_connected || askedOf === pid) return;
  askedOf = pid;
  act({ act: "open_home" });
}

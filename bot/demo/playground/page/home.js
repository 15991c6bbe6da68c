// The app's home tab.

import { blocks } from "./blocks.js";
import { appTabs } from "./channel.js";
import { onHome } from "./elements.js";
import { html } from "./lit.js";
import { app, parts } from "./world.js";

export function homePane() {
  const home = parts.get("home");
  return html`<section class="channel" aria-label="${app().name}, home">
    ${appTabs("home")}
    <div class="home" id="app-home" role="tabpanel" aria-labelledby="tab-home" tabindex="0">
      ${home
        ? blocks(home.view.blocks, onHome)
        : html`<p class="closed">The app has put nothing here yet. If the bot runs, click Home once more.</p>`}
    </div>
  </section>`;
}

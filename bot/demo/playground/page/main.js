// The page: draws what the server sends to one person, and what they have open.

import { channelPane } from "./channel.js";
import { cloudPane } from "./cloud.js";
import { dialogs } from "./dialogs.js";
import { homePane } from "./home.js";
import { html, nothing, render } from "./lit.js";
import { forgetMarks } from "./log.js";
import { topBar } from "./people.js";
import { sidebar } from "./sidebar.js";
import { threadPane } from "./thread.js";
import { HOME, drawnBy, redraw, ui, update } from "./ui.js";
import { act, all, connect, isLost, parts } from "./world.js";

const TICK = 500; // ms between two updates of the clock
const PANES = { places: "Channels", chat: "Messages", cloud: "Cloud" };

function be(who) {
  forgetMarks();
  connect(who, redraw, () => ui.channel === HOME && act({ act: "open_home" }));
  update({ who, thread: null, newFrom: {}, pressed: {}, notice: null, confirm: null });
}

function page() {
  if (!parts.has("app")) return html`<p class="closed">${isLost() ? LOST : "The playground opens…"}</p>`;
  const channel = parts.get(`channel:${ui.channel}`);
  if (!channel && ui.channel !== HOME) ui.channel = "C0OPS"; // this person isn't a member
  const shown = channel ?? parts.get(`channel:${ui.channel}`);
  return html`<div class="app" data-pane=${ui.pane} data-thread=${Boolean(ui.thread && shown)}>
    ${topBar(be)} ${isLost() ? html`<p class="lost" role="alert">${LOST}</p>` : nothing}
    ${sidebar()}
    <main>
      ${ui.channel === HOME ? homePane() : channelPane(shown)}
      ${ui.thread && shown ? threadPane(shown, ui.thread) : nothing}
    </main>
    ${cloudPane()} ${panes()}
  </div>${dialogs()}`;
}

const LOST = "The playground has stopped. To start it again: backup-bot demo";

/** The tabs that switch panes on a phone. */
const panes = () => html`<nav class="panes" aria-label="Panes">
  ${Object.entries(PANES).map(([pane, words]) => html`<button type="button"
    aria-current=${ui.pane === pane ? "page" : nothing} @click=${() => update({ pane })}>${words}
    ${pane === "places" && isUnreadElsewhere() ? html`<span class="dot" role="img" aria-label="unread"></span>` : nothing}
  </button>`)}
</nav>`;

const isUnreadElsewhere = () =>
  all("channel").some((channel) => channel.unread && channel.id !== ui.channel);

drawnBy(() => {
  document.documentElement.dataset.theme = ui.theme;
  render(page(), document.body);
});
document.body.replaceChildren();
document.addEventListener("visibilitychange", redraw);
setInterval(redraw, TICK);
be(ui.who);

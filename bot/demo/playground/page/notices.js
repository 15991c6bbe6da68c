// What Slack itself says to a person, under the box in which they wrote.

import { html, nothing } from "./lit.js";
import { ui } from "./ui.js";

/** The name of a box: of a channel, or of the thread in it that has this ts. */
export const boxOf = (channel, thread) => (thread ? `${channel}-${thread.replace(".", "-")}` : channel);

/** What is said there, if anything. */
export const notice = (box) =>
  ui.notice?.said && ui.notice.box === box
    ? html`<p class="notice" role="alert"><strong>Slackbot</strong>
        <span class="note">Only visible to you</span> ${ui.notice.said}</p>`
    : nothing;

// Slack's own messages to a person, under the message box.

import { html, nothing } from "./lit.js";
import { ui } from "./ui.js";

/** The name of a message box: a channel's, or that of the thread with this ts. */
export const boxOf = (channel, thread) => (thread ? `${channel}-${thread.replace(".", "-")}` : channel);

/** The message under this box, if any. */
export const notice = (box) =>
  ui.notice?.said && ui.notice.box === box
    ? html`<p class="notice" role="alert"><strong>Slackbot</strong>
        <span class="note">Only visible to you</span> ${ui.notice.said}</p>`
    : nothing;

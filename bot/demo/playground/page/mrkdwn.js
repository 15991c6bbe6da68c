// Renders Slack's mrkdwn. Text from people stays text: nothing here turns it into HTML.

import { dateToken } from "./dates.js";
import { html } from "./lit.js";
import { goTo, isOurs } from "./places.js";
import { app, nameOf, now } from "./world.js";

const EMOJI = {
  rotating_light: "🚨", white_check_mark: "✅", warning: "⚠️", x: "❌", eyes: "👀", tada: "🎉",
  thumbsup: "👍", "+1": "👍", hourglass_flowing_sand: "⏳", lock: "🔒", wave: "👋",
  red_circle: "🔴", large_orange_circle: "🟠", large_yellow_circle: "🟡", grey_question: "❔", heavy_minus_sign: "➖",
};

const INLINE = new RegExp(
  [
    "`(?<code>[^`\\n]+)`",
    "<(?<token>[^<>\\n]+)>",
    "(?<![\\w*])\\*(?<bold>\\S(?:[^*\\n]*\\S)?)\\*(?![\\w*])",
    "(?<![\\w_])_(?<italic>\\S(?:[^_\\n]*\\S)?)_(?![\\w_])",
    "(?<![\\w~])~(?<strike>\\S(?:[^~\\n]*\\S)?)~(?![\\w~])",
    ":(?<emoji>[a-z0-9_+-]+):",
  ].join("|"),
  "g",
);

/** The text with its formatting. */
export function mrkdwn(text) {
  return text.split("```").map((piece, place) =>
    place % 2 ? html`<pre>${plain(piece.replace(/^\n/, ""))}</pre>` : lines(piece),
  );
}

/** Lines; those that begin with `>` become quotes. */
function lines(text) {
  const drawn = [];
  const all = text.split("\n");
  for (let at = 0; at < all.length; at += 1) {
    if (!all[at].startsWith("&gt;")) {
      drawn.push(inline(all[at]), at < all.length - 1 ? html`<br>` : "");
      continue;
    }
    const quoted = [];
    for (; at < all.length && all[at].startsWith("&gt;"); at += 1) quoted.push(all[at].slice(4));
    at -= 1;
    const said = quoted.map((line, n) => [n ? html`<br>` : "", inline(line.trimStart())]);
    drawn.push(html`<blockquote>${said}</blockquote>`);
  }
  return drawn;
}

function inline(text) {
  const drawn = [];
  let end = 0;
  for (const found of text.matchAll(INLINE)) {
    drawn.push(plain(text.slice(end, found.index)), marked(found));
    end = found.index + found[0].length;
  }
  return [...drawn, plain(text.slice(end))];
}

function marked({ 0: whole, groups }) {
  const { code, token, bold, italic, strike, emoji } = groups;
  if (code !== undefined) return html`<code>${plain(code)}</code>`;
  if (token !== undefined) return special(token);
  if (bold !== undefined) return html`<strong>${inline(bold)}</strong>`;
  if (italic !== undefined) return html`<em>${inline(italic)}</em>`;
  if (strike !== undefined) return html`<s>${inline(strike)}</s>`;
  return EMOJI[emoji] ? html`<span role="img" aria-label=${emoji}>${EMOJI[emoji]}</span>` : whole;
}

/** What is between angle brackets: a mention, a date or a link. */
function special(token) {
  const [target, label = ""] = token.split(/\|(.*)/s);
  if (target.startsWith("!date^")) {
    const [, seconds, pattern = ""] = target.split("^");
    if (!/^\d{1,11}$/.test(seconds) || !pattern) return plain(label || `<${target}>`); // people type this, too
    const shown = dateToken(Number(seconds), pattern, plain(label), now());
    return html`<time title=${plain(label)}>${shown}</time>`;
  }
  if (target.startsWith("@")) return mention(`@${nameOf(target.slice(1))}`);
  if (target.startsWith("#")) return mention(`#${nameOf(target.slice(1))}`);
  if (target.startsWith("!subteam^")) return mention(`@${nameOf(target.slice(9))}`);
  if (target.startsWith("!")) return mention(`@${plain(target.slice(1))}`);
  return link(plain(target), plain(label));
}

export const mention = (name) => html`<span class="mention">${name}</span>`;

/** A link; one to a message of this workspace opens it in the page. */
export function link(address, label) {
  if (!/^(https?|mailto):/.test(address)) return label || address;
  const follow = (event) => {
    if (!isOurs(address, app())) return;
    event.preventDefault();
    goTo(address);
  };
  return html`<a href=${address} target="_blank" rel="noreferrer" @click=${follow}>${label || address}</a>`;
}

/** Text without entities. */
export const plain = (text) =>
  text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

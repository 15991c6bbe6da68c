// Slack's rich text, as in table cells and plans.

import { dateToken } from "./dates.js";
import { html, nothing } from "./lit.js";
import { link, mention } from "./mrkdwn.js";
import { nameOf, now } from "./world.js";

/** A rich_text block. */
export const richText = (block) => block.elements.map(paragraph);

function paragraph(element) {
  switch (element.type) {
    case "rich_text_list": {
      const items = element.elements.map((item) => html`<li>${words(item)}</li>`);
      return element.style === "ordered" ? html`<ol>${items}</ol>` : html`<ul>${items}</ul>`;
    }
    case "rich_text_quote":
      return html`<blockquote>${words(element)}</blockquote>`;
    case "rich_text_preformatted":
      return html`<pre>${words(element)}</pre>`;
    default:
      return html`<span>${words(element)}</span>`;
  }
}

const words = (element) => element.elements.map(word);

function word(item) {
  switch (item.type) {
    case "text":
      return styled(item.text, item.style ?? {});
    case "link":
      return link(item.url, item.text);
    case "user":
    case "usergroup":
      return mention(`@${nameOf(item[`${item.type}_id`])}`);
    case "channel":
      return mention(`#${nameOf(item.channel_id)}`);
    case "broadcast":
      return mention(`@${item.range}`);
    case "date":
      return dateToken(item.timestamp, item.format, item.fallback ?? "", now());
    case "emoji":
      return `:${item.name}:`;
    default:
      return html`<span class="unknown">${item.type}</span>`;
  }
}

function styled(text, { bold, italic, strike, code }) {
  let drawn = text;
  if (code) drawn = html`<code>${drawn}</code>`;
  if (bold) drawn = html`<strong>${drawn}</strong>`;
  if (italic) drawn = html`<em>${drawn}</em>`;
  return strike ? html`<s>${drawn}</s>` : drawn;
}

/** An optional rich text, or nothing. */
export const maybeRichText = (block) => (block ? richText(block) : nothing);

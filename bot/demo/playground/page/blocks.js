// Block Kit as Slack draws it: every type that the bot sends; others are shown as unknown.

import { button, menu } from "./elements.js";
import { html, nothing, repeat } from "./lit.js";
import { mrkdwn } from "./mrkdwn.js";
import { maybeRichText, richText } from "./rich_text.js";

const MARKS = {
  complete: ["✓", "done"],
  in_progress: ["●", "under way"],
  pending: ["◯", "still to come"],
  error: ["✗", "ended badly"],
};

// A block that is published again has another ID. Its buttons must stay, or a press that has just
// begun would be lost.
const keyOf = (block) =>
  [...(block.elements ?? []), block.accessory].map((one) => one?.action_id ?? "").join("") ||
  block.block_id;

/** Blocks in a place (see elements.js); `field` draws input blocks. */
export const blocks = (list, on, field = unknown) =>
  repeat(list, keyOf, (block) => draw(block, on, field));

function draw(block, on, field) {
  switch (block.type) {
    case "section":
      return section(block, on);
    case "context":
      return html`<div class="context">${block.elements.map(small)}</div>`;
    case "actions":
      return html`<div class="actions">${block.elements.map((one) => element(one, on))}</div>`;
    case "header":
      return html`<h3 class="header">${block.text.text}</h3>`;
    case "divider":
      return html`<hr>`;
    case "plan":
      return plan(block);
    case "task_card":
      return html`<ol class="plan">${task(block)}</ol>`;
    case "table":
      return table(block);
    case "data_visualization":
      return block.chart ? chart(block) : unknown(block);
    case "rich_text":
      return html`<div class="rich">${richText(block)}</div>`;
    case "image":
      return html`<figure class="image">Image: ${block.alt_text}</figure>`;
    case "markdown":
      return html`<div class="markdown">${block.text}</div>`;
    case "input":
      return field(block);
    default:
      return unknown(block);
  }
}

function section(block, on) {
  const said = block.text ? html`<div>${text(block.text)}</div>` : nothing;
  const fields = block.fields?.map((one) => html`<div class="field">${text(one)}</div>`);
  const accessory = block.accessory
    ? html`<div class="accessory">${element(block.accessory, on, block.text?.text)}</div>`
    : nothing;
  return html`<div class="section">
    <div class="words">${said}${fields ? html`<div class="fields">${fields}</div>` : nothing}</div>
    ${accessory}
  </div>`;
}

/** A text object: mrkdwn or plain text. */
export const text = (object) => (object.type === "mrkdwn" ? mrkdwn(object.text) : object.text);

const small = (one) =>
  html`<span>${one.type === "image" ? `Image: ${one.alt_text}` : text(one)}</span>`;

function element(one, on, label) {
  if (one.type === "button") return button(one, on);
  return one.type === "static_select" && on.choice ? menu(one, on, label) : unknown(one);
}

function plan(block) {
  return html`<div class="plan" role="group" aria-label=${block.title}>
    <p class="plan-title">${block.title}</p>
    <ol>${(block.tasks ?? []).map(task)}</ol>
  </div>`;
}

function task(one) {
  const [mark, words] = MARKS[one.status];
  return html`<li class="task ${one.status}">
    <span class="mark" role="img" aria-label=${words}>${mark}</span>
    <span>${one.title}${maybeRichText(one.details)}${maybeRichText(one.output)}</span>
  </li>`;
}

function table(block) {
  const [head, ...rows] = block.rows;
  return html`<div class="table" role="group" aria-label="Table" tabindex="0"><table>
    <thead><tr>${head.map((cell) => html`<th scope="col">${inCell(cell)}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr>${row.map((one) => html`<td>${inCell(one)}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}

// As a table of its numbers.
function chart({ title, chart: { type, axis_config: axis, series, segments } }) {
  const heads = axis ? ["–", ...axis.categories] : ["–", "–"];
  const rows = series
    ? series.map((one) => [one.name, ...one.data.map((point) => point.value)])
    : segments.map((one) => [one.label, one.value]);
  const cells = [heads, ...rows].map((row) =>
    row.map((cell) => ({ type: "raw_text", text: String(cell) })),
  );
  const unit = axis?.y_label ? ` (${axis.y_label})` : "";
  return html`<div role="group" aria-label=${title}>
    <p class="plan-title">${title}${unit}, a ${type} chart in Slack</p>
    ${table({ rows: cells })}
  </div>`;
}

function inCell(cell) {
  if (cell.type === "rich_text") return richText(cell);
  return cell.type === "raw_number" ? String(cell.value) : cell.text;
}

/** A block that this page can't draw: its type and content. */
export function unknown(block) {
  return html`<details class="unknown">
    <summary>This page does not draw blocks of the type ${block.type}</summary>
    <pre>${JSON.stringify(block, null, 2)}</pre>
  </details>`;
}

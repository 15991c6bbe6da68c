// The fields of a modal; values stay here until they are submitted or a choice dispatches them.

import { text, unknown } from "./blocks.js";
import { html, live, nothing } from "./lit.js";
import { typeahead } from "./typeahead.js";
import { redraw } from "./ui.js";
import { act, all } from "./world.js";

let entered = {}; // by block_id and action_id

/** Forget the values, for another form. */
export const forget = () => {
  entered = {};
};

const key = (block) => `${block.block_id}/${block.element.action_id}`;

/** The values of a view's fields that aren't sent yet, by action id. */
export function valuesOf(view) {
  const values = {};
  for (const block of view.blocks) {
    if (block.type === "input" && key(block) in entered) {
      values[block.element.action_id] = entered[key(block)];
    }
  }
  return values;
}

/** An input block with its label, hint and error. */
export function inputBlock(block, view, error) {
  const { element } = block;
  const draw = KINDS[element.type];
  if (!draw) return unknown(block);
  const id = `field-${block.block_id}`;
  const about = [error && `${id}-error`, block.hint && `${id}-hint`].filter(Boolean).join(" ");
  const attributes = { id, describedBy: about || nothing, invalid: Boolean(error) };
  return html`<div class="input ${error ? "wrong" : ""}" data-block=${block.block_id}>
    <label for=${id} id="${id}-label">${block.label.text}${
      block.optional ? html` <span class="optional">(optional)</span>` : nothing
    }</label>
    ${draw(block, attributes, (value) => enter(block, view, value))}
    ${error ? html`<p class="error" id="${id}-error" role="alert">${error}</p>` : nothing}
    ${block.hint ? html`<p class="hint" id="${id}-hint">${text(block.hint)}</p>` : nothing}
  </div>`;
}

/** Keep the value; if the block dispatches actions, send it with all other values. */
async function enter(block, view, value) {
  entered[key(block)] = value;
  redraw();
  const isFound = block.element.type === "external_select"; // the app provides its options
  if (!block.dispatch_action && !isFound) return;
  const { action_id } = block.element;
  const { [action_id]: _, ...values } = valuesOf(view);
  await act({ act: "fill", field: action_id, value, values });
  if (isFound) delete entered[key(block)];
}

const KINDS = {
  plain_text_input: textInput,
  static_select: staticSelect,
  conversations_select: conversationsSelect,
  external_select: (block, attributes, choose) => typeahead(block, attributes, choose),
  checkboxes: boxes,
  radio_buttons: boxes,
};

const current = (block, initial) => (key(block) in entered ? entered[key(block)] : initial);

function textInput(block, { id, describedBy, invalid }, enterValue) {
  const { element } = block;
  const value = current(block, element.initial_value ?? "");
  const input = (event) => enterValue(event.target.value);
  if (element.multiline) {
    return html`<textarea id=${id} rows="3" maxlength=${element.max_length ?? 3000} .value=${live(value)}
      aria-invalid=${invalid} aria-describedby=${describedBy} @input=${input}></textarea>`;
  }
  return html`<input id=${id} type="text" autocomplete="off" maxlength=${element.max_length ?? 3000}
    .value=${live(value)} placeholder=${element.placeholder?.text ?? ""} ?autofocus=${element.focus_on_load}
    aria-invalid=${invalid} aria-describedby=${describedBy} @input=${input}>`;
}

function select(attributes, options, value, choose, placeholder) {
  const { id, describedBy, invalid } = attributes;
  return html`<select id=${id} aria-invalid=${invalid} aria-describedby=${describedBy}
      @change=${(event) => choose(event.target.value)}>
    ${value ? nothing : html`<option value="" selected>${placeholder ?? "Choose one"}</option>`}
    ${options.map((one) => html`<option value=${one.value} .selected=${one.value === value}>${one.words}</option>`)}
  </select>`;
}

function staticSelect(block, attributes, choose) {
  const { element } = block;
  const groups = element.option_groups?.flatMap((group) => group.options) ?? [];
  const options = [...(element.options ?? []), ...groups].map((option) => ({
    value: option.value,
    words: option.text.text,
  }));
  const value = current(block, element.initial_option?.value);
  return select(attributes, options, value, choose, element.placeholder?.text);
}

function conversationsSelect(block, attributes, choose) {
  const options = all("channel")
    .filter((channel) => ["public", "private"].includes(channel.kind))
    .map((channel) => ({ value: channel.id, words: `#${channel.name}` }));
  const value = current(block, block.element.initial_conversation);
  return select(attributes, options, value, choose);
}

function boxes(block, { id, describedBy }, choose) {
  const { element } = block;
  const many = element.type === "checkboxes";
  const initial = many
    ? (element.initial_options ?? []).map((option) => option.value)
    : element.initial_option?.value;
  const value = current(block, initial);
  const tick = (option) => (event) => {
    if (!many) choose(option.value);
    else if (event.target.checked) choose([...value, option.value]);
    else choose(value.filter((one) => one !== option.value));
  };
  return html`<div id=${id} role="group" aria-labelledby="${id}-label" aria-describedby=${describedBy}>
    ${element.options.map((option) => html`<label class="box">
      <input type=${many ? "checkbox" : "radio"} name=${id} @change=${tick(option)}
        .checked=${many ? value.includes(option.value) : value === option.value}>
      ${text(option.text)}</label>`)}
  </div>`;
}

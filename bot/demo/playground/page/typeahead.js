// A menu whose options the app finds while the person types.

import { failure } from "./failures.js";
import { html, live, nothing } from "./lit.js";
import { redraw } from "./ui.js";
import { act } from "./world.js";

const PAUSE = 120; // ms to wait after a key before asking the app

let menu = null; // the one that is open: field, text, groups, active, note
let timer = 0;

/** An external_select; `choose` gets the value of an option. */
export function typeahead(block, { id, describedBy, invalid }, choose) {
  const { element } = block;
  const isOpen = menu?.field === element.action_id;
  const shown = isOpen ? menu.text : (element.initial_option?.text.text ?? "");
  const options = isOpen ? menu.groups.flatMap((group) => group.options) : [];
  const pick = (option) => {
    close();
    choose(option.value);
  };
  const active = options[menu?.active] ? `${id}-${menu.active}` : nothing;
  return html`<div class="typeahead">
    <input id=${id} type="text" role="combobox" autocomplete="off" aria-autocomplete="list"
      aria-expanded=${isOpen} aria-controls="${id}-options" aria-activedescendant=${isOpen ? active : nothing}
      aria-invalid=${invalid} aria-describedby=${describedBy} .value=${live(shown)}
      placeholder=${element.placeholder?.text ?? ""} ?autofocus=${element.focus_on_load}
      @click=${() => !isOpen && ask(element, "")} @blur=${close}
      @input=${(event) => ask(element, event.target.value, PAUSE)}
      @keydown=${(event) => onKey(event, element, options, pick)}>
    ${isOpen ? list(id, menu, pick) : nothing}
  </div>`;
}

function list(id, { groups, active, note }, pick) {
  let n = -1;
  const option = (one) => {
    n += 1;
    return html`<li role="option" id="${id}-${n}" aria-selected=${n === active} data-value=${one.value}
      @mousedown=${(event) => (event.preventDefault(), pick(one))}>
      ${one.text.text}${one.description ? html`<small>${one.description.text}</small>` : nothing}</li>`;
  };
  return html`<ul class="offers" role="listbox" id="${id}-options" aria-label="Options">
    ${note ? html`<li class="note" role="option" aria-disabled="true" aria-selected="false">${note}</li>` : nothing}
    ${groups.map((group, g) => group.label
      ? html`<li role="presentation"><ul role="group" aria-labelledby="${id}-group-${g}">
          <li role="presentation" class="group" id="${id}-group-${g}">${group.label.text}</li>
          ${group.options.map(option)}</ul></li>`
      : group.options.map(option))}
  </ul>`;
}

/** Open the menu, and ask the app for options once typing pauses. */
function ask(element, text, pause = 0) {
  const field = element.action_id;
  const before = menu?.field === field ? menu.groups : [];
  menu = { field, text, groups: before, active: 0, note: before.length ? null : "Looking…" };
  redraw();
  clearTimeout(timer);
  if (text.length < (element.min_query_length ?? 3)) {
    menu.note = `Type at least ${element.min_query_length ?? 3} characters.`;
    return;
  }
  timer = setTimeout(() => suggest(field, text), pause);
}

async function suggest(field, text) {
  const { error, options = [] } = await act({ act: "suggest", field, text });
  if (menu?.field !== field || menu.text !== text) return; // the text has changed since
  menu.groups = options[0]?.options ? options : options.length ? [{ options }] : [];
  menu.note = failure(error, "The search") ?? (options.length ? null : "No results");
  redraw();
}

function onKey(event, element, options, pick) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && !menu) {
    ask(element, "");
  } else if (step && options.length) {
    menu.active = (menu.active + step + options.length) % options.length;
    requestAnimationFrame(() => document.querySelector(".typeahead [aria-selected=true]")?.scrollIntoView({ block: "nearest" }));
  } else if (event.key === "Enter" && menu && options[menu.active]) {
    pick(options[menu.active]);
  } else if (event.key === "Escape" && menu) {
    close();
    event.stopPropagation();
  } else {
    return;
  }
  event.preventDefault();
  redraw();
}

function close() {
  clearTimeout(timer);
  menu = null;
  redraw();
}

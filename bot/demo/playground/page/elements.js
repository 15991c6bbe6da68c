// Buttons, clicked directly or after a confirm dialog, and menus; with the result.

import { failure } from "./failures.js";
import { html, live, nothing } from "./lit.js";
import { goTo, isOurs } from "./places.js";
import { ui, update } from "./ui.js";
import { act, app } from "./world.js";

/** Where an element is: in a message, on the home tab or in the modal. */
export const onMessage = (message) => ({
  key: message.ts,
  wish: (action_id) => ({ act: "click", ts: message.ts, action_id }),
});
export const onHome = {
  key: "home",
  wish: (action_id) => ({ act: "press", on: "home", action_id }),
  choice: (field, value) => ({ act: "fill", on: "home", field, value }),
};
export const onModal = (values) => ({
  key: "modal",
  wish: (action_id) => ({ act: "press", on: "modal", action_id, values: values() }),
});

/** A button, with the error of its last click. */
export function button(element, on) {
  const key = `${on.key}/${element.action_id}`;
  const state = ui.pressed[key];
  const waits = state === "waits";
  const click = () => {
    if (waits) return;
    if (element.confirm) update({ confirm: { ...element.confirm, go: () => press(element, on) } });
    else press(element, on);
  };
  return html`<button type="button" class="button ${element.style ?? ""} ${waits ? "waits" : ""}"
      data-action=${element.action_id} aria-busy=${waits} @click=${click}
      aria-label=${element.accessibility_label ?? nothing}>${element.text.text}</button>${
    wentWrong(state)
  }`;
}

/** A menu beside a text, which the app is told of at once; with the error of its last choice. */
export function menu(element, on, label) {
  const key = `${on.key}/${element.action_id}`;
  const value = element.initial_option?.value;
  const choose = (event) =>
    send(key, on.choice(element.action_id, event.target.value), "This menu");
  return html`<select aria-label=${label} data-action=${element.action_id}
      aria-busy=${ui.pressed[key] === "waits"} @change=${choose}>
    ${element.options.map((one) => html`<option value=${one.value}
      .selected=${live(one.value === value)}>${one.text.text}</option>`)}
  </select>${wentWrong(ui.pressed[key])}`;
}

const wentWrong = (state) =>
  state && state !== "waits" ? html`<span class="failed" role="alert">${state}</span>` : nothing;

async function press(element, on) {
  if (element.url) follow(element.url);
  await send(`${on.key}/${element.action_id}`, on.wish(element.action_id), "This button");
}

async function send(key, what, name) {
  update({ pressed: { ...ui.pressed, [key]: "waits" } });
  const { error } = await act(what);
  const { [key]: _, ...others } = ui.pressed;
  const failed = failure(error, name);
  update({ pressed: failed ? { ...others, [key]: failed } : others });
}

function follow(url) {
  if (isOurs(url, app())) goTo(url);
  else if (/^https?:/.test(url)) window.open(url, "_blank", "noreferrer");
}

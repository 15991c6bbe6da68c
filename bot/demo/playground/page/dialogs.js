// Dialogs: the app's modal, and the confirm dialog of a button.

import { blocks, text } from "./blocks.js";
import { onModal } from "./elements.js";
import { failure } from "./failures.js";
import { forget, inputBlock, valuesOf } from "./fields.js";
import { goBack } from "./focus.js";
import { html, nothing, ref } from "./lit.js";
import { ui, update } from "./ui.js";
import { act, parts } from "./world.js";

/** Both dialogs, if open. */
export const dialogs = () => [modal(parts.get("modal")), confirmation(ui.confirm)];

/** Show a dialog once it is in the page; its end returns the focus to where it was. */
function opening() {
  let before = null;
  return (element) => {
    if (!element) goBack(() => before, () => document.querySelector(".composer textarea"));
    else queueMicrotask(() => {
      if (!element.isConnected || element.open) return;
      before = document.activeElement;
      element.showModal();
    });
  };
}
const [showModal, showConfirm] = [opening(), opening()];

let sending = false;
let problem = null;
let shown = null;

function modal(open) {
  if (open?.id !== shown) {
    shown = open?.id ?? null;
    [sending, problem] = [false, null];
    forget();
  }
  if (!open) return nothing;
  const { view, errors } = open;
  const close = (event) => {
    event.preventDefault();
    act({ act: "close_modal" });
  };
  const send = (event) => {
    event.preventDefault();
    submit(view);
  };
  const field = (block) => inputBlock(block, view, errors[block.block_id]);
  return html`<dialog class="modal" aria-labelledby="modal-title" ${ref(showModal)} @cancel=${close}>
    <form novalidate @submit=${send}>
      <header><h2 id="modal-title">${view.title.text}</h2>
        <button type="button" class="close" aria-label="Close" @click=${close}>✕</button></header>
      <div class="blocks" tabindex="-1">
        ${problem ? html`<p class="problem" role="alert">${problem}</p>` : nothing}
        ${blocks(view.blocks, onModal(() => valuesOf(view)), field)}
      </div>
      <footer>
        <button type="button" class="button" @click=${close}>${view.close?.text ?? "Cancel"}</button>
        ${view.submit
          ? html`<button type="submit" class="button primary" aria-busy=${sending}>${view.submit.text}</button>`
          : nothing}
      </footer>
    </form>
  </dialog>`;
}

async function submit(view) {
  if (sending) return;
  [sending, problem] = [true, null];
  update({});
  const { error, errors } = await act({ act: "submit", values: valuesOf(view) });
  [sending, problem] = [false, failure(error, "This form")];
  const open = parts.get("modal");
  if (open && errors) parts.set("modal", { ...open, errors }); // before the focus moves there
  update({});
  requestAnimationFrame(() => document.querySelector(".modal [aria-invalid=true]")?.focus());
}

function confirmation(confirm) {
  if (!confirm) return nothing;
  const leave = (event) => {
    event.preventDefault();
    update({ confirm: null });
  };
  const go = (event) => {
    leave(event);
    confirm.go();
  };
  return html`<dialog class="confirm" aria-labelledby="confirm-title" ${ref(showConfirm)} @cancel=${leave}>
    <form @submit=${go}>
      <h2 id="confirm-title">${confirm.title.text}</h2>
      <p>${text(confirm.text)}</p>
      <footer>
        <button type="button" class="button" @click=${leave}>${confirm.deny.text}</button>
        <button type="submit" class="button ${confirm.style ?? "primary"}">${confirm.confirm.text}</button>
      </footer>
    </form>
  </dialog>`;
}

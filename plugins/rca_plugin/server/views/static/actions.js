"use strict";

// A form with `data-api` is sent as JSON to the API of the same origin, never as a form: a page of another site
// could send a form, and Airflow's frame (sandbox, Airflow 3.3) allows no dialog to ask again.
async function callApi(url, method, values) {
  const answer = await fetch(url, {
    method,
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: method === "DELETE" ? undefined : JSON.stringify(values),
  });
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  throw new Error(body.error?.message ?? `The server answered ${answer.status}.`);
}

function valuesOf(form) {
  const values = Object.fromEntries(new FormData(form));
  for (const name of ["helpful", "approve", "on"]) if (name in values) values[name] = values[name] === "true";
  return values;
}

function say(form, text) {
  const alert = form.querySelector("[role=alert]");
  alert.textContent = text;
  alert.hidden = !text;
}

async function submit(event) {
  const form = event.target;
  if (!form.dataset.api) return;
  event.preventDefault();
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  say(form, "");
  try {
    const values = form.id === "silence-form" ? silenceValues(form) : valuesOf(form);
    await callApi(form.dataset.api, form.dataset.method ?? "POST", values);
    if (form.dataset.next) location.assign(form.dataset.next);
    else location.reload();
  } catch (error) {
    say(form, error.message);
    button.disabled = false;
  }
}

document.addEventListener("submit", submit);

"use strict";

// The form of a new silence: its values, and what it would do, asked again shortly after each change.
function silenceValues(form) {
  const given = valuesOf(form);
  const recurring = given.repeat === "recurring";
  return {
    matchers: given.matchers.split("\n").filter((line) => line.trim()),
    reason: given.reason,
    // The clock of the chosen time zone: the server knows its changes.
    starts_at: given.starts_at || null,
    ends_at: given.ends_at || null,
    recurrence: recurring ? given.recurrence : null,
    duration_minutes: recurring && given.duration_minutes ? Number(given.duration_minutes) : null,
    time_zone: given.time_zone.trim(),
  };
}

function clock(moment, timeZone) {
  const parts = { timeZone, weekday: "short", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit",
    minute: "2-digit", hourCycle: "h23" };
  const said = Object.fromEntries(
    new Intl.DateTimeFormat("en-GB", parts).formatToParts(new Date(moment)).map((part) => [part.type, part.value]),
  );
  return `${said.weekday} ${said.year}-${said.month}-${said.day} ${said.hour}:${said.minute}`;
}

function item(...parts) {
  const element = document.createElement("li");
  element.append(...parts);
  return element;
}

function incidentItem(incident) {
  const link = document.createElement("a");
  link.href = `${document.getElementById("preview").dataset.incidents}/${incident.id}`;
  link.textContent = `RCA-${incident.id}`;
  return item(link, ` ${incident.resource}: ${incident.title}`);
}

function showPreview(preview, timeZone) {
  const { total, incidents, windows, problem } = preview;
  const number = `${total} unresolved ${total === 1 ? "incident matches" : "incidents match"}`;
  const more = total > incidents.length ? `, the newest ${incidents.length}:` : total ? ":" : ".";
  document.getElementById("matching-count").textContent = number + more;
  document.getElementById("matching").replaceChildren(...incidents.map(incidentItem));
  document.getElementById("windows-problem").textContent = problem ?? (windows.length ? "" : "It never holds.");
  document.getElementById("windows").replaceChildren(
    ...windows.map((window) =>
      item(`${clock(window.starts_at, timeZone)} to ${window.ends_at ? clock(window.ends_at, timeZone) : "open end"}`),
    ),
  );
}

let asked = 0;
async function preview(form) {
  const mine = ++asked;
  const values = silenceValues(form);
  const problem = document.getElementById("preview-problem");
  try {
    if (values.matchers.length === 0) throw new Error("Write a matcher to see which incidents it means.");
    const found = await callApi(form.dataset.preview, "POST", values);
    // An answer that was overtaken by a later one says nothing any more.
    if (mine !== asked) return;
    problem.textContent = "";
    showPreview(found, values.time_zone);
  } catch (error) {
    if (mine !== asked) return;
    problem.textContent = error.message;
    showNothing();
  }
}

function showNothing() {
  for (const id of ["matching-count", "matching", "windows-problem", "windows"]) {
    document.getElementById(id).replaceChildren();
  }
}

function showRepeat(form) {
  const recurring = form.elements.repeat.value === "recurring";
  for (const part of form.querySelectorAll("[data-repeat]")) part.hidden = !recurring;
  form.elements.recurrence.required = form.elements.duration_minutes.required = recurring;
  form.elements.ends_at.required = !recurring;
  // The suggested end is meant for once: a recurring silence would be over before its first window.
  if (form.elements.ends_at.value === (recurring ? form.dataset.suggested : "")) {
    form.elements.ends_at.value = recurring ? "" : form.dataset.suggested;
  }
}

function inTwoHours() {
  return clock(Date.now() + 7_200_000, document.getElementById("time-zone").value).slice(4).replace(" ", "T");
}

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("silence-form");
  if (!form) return;
  const chosen = localStorage.getItem("timezone");
  form.elements.time_zone.value = chosen ? JSON.parse(chosen) : Intl.DateTimeFormat().resolvedOptions().timeZone;
  form.dataset.suggested = inTwoHours();
  let timer;
  const changed = (event) => {
    if (event.target.name === "repeat") showRepeat(form);
    clearTimeout(timer);
    timer = setTimeout(() => preview(form), 300);
  };
  form.addEventListener("input", changed);
  showRepeat(form);
  preview(form);
});

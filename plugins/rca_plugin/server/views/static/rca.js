"use strict";

// Airflow keeps the chosen color mode in the storage that this page shares with it.
function followTheme() {
  const theme = localStorage.getItem("theme");
  if (theme === "dark" || theme === "light") {
    document.documentElement.dataset.theme = theme;
  } else {
    delete document.documentElement.dataset.theme;
  }
}
followTheme();

// Airflow shows this page in a frame that may not navigate the window (sandbox, Airflow 3.3): a link to one of
// Airflow's own pages is followed by a link in Airflow's document. With a modifier key it stays an ordinary link.
function openInAirflow(event) {
  const link = event.target.closest("a[data-airflow], a[data-outside]");
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
  if (!link || !plain || window.parent === window) return;
  event.preventDefault();
  const outside = window.parent.document.createElement("a");
  outside.href = link.href;
  // The frame may open no window either; Airflow's document may.
  if ("outside" in link.dataset) Object.assign(outside, { target: "_blank", rel: "noopener noreferrer" });
  outside.click();
}

function openEvidence(hash) {
  const evidence = hash && document.getElementById(hash.slice(1));
  if (!evidence || evidence.tagName !== "DETAILS") return;
  evidence.open = true;
  // Its own scrolling only: the window goes to the evidence by itself.
  const text = evidence.querySelector("pre"), words = text?.querySelector("mark");
  if (words) text.scrollTop = words.offsetTop - text.offsetTop - 60;
}

// As Airflow writes it, in the time zone that is chosen in Airflow.
function airflowTime(moment) {
  const chosen = localStorage.getItem("timezone");
  const timeZone = chosen ? JSON.parse(chosen) : undefined;
  return new Date(moment).toLocaleString("sv-SE", { timeZone });
}

function showTimes() {
  for (const moment of document.querySelectorAll("time")) {
    moment.title = moment.dateTime;
    const time = airflowTime(moment.dateTime);
    moment.textContent = "day" in moment.dataset ? time.slice(0, 10) : time;
  }
}

document.addEventListener("click", openInAirflow);
// The address may name the evidence already, and it was closed since: then only the click tells.
document.addEventListener("click", (event) => openEvidence(event.target.closest(".cites a")?.hash));
window.addEventListener("hashchange", () => openEvidence(location.hash));
window.addEventListener("storage", () => {
  followTheme();
  showTimes();
});
document.addEventListener("DOMContentLoaded", () => {
  openEvidence(location.hash);
  for (const choice of document.querySelectorAll(".filters select")) {
    choice.addEventListener("change", () => choice.form.requestSubmit());
  }
  showTimes();
});

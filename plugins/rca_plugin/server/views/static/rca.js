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
window.addEventListener("storage", followTheme);

// Airflow shows this page in a frame that may not navigate the window (sandbox, Airflow 3.3): a link to one of
// Airflow's own pages is followed by a link in Airflow's document. With a modifier key it stays an ordinary link.
function openInAirflow(event) {
  const link = event.target.closest("a[data-airflow]");
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
  if (!link || !plain || window.parent === window) return;
  event.preventDefault();
  const outside = window.parent.document.createElement("a");
  outside.href = link.href;
  outside.click();
}

function openCited() {
  const cited = location.hash && document.getElementById(location.hash.slice(1));
  if (cited && cited.tagName === "DETAILS") cited.open = true;
}

document.addEventListener("click", openInAirflow);
window.addEventListener("hashchange", openCited);
document.addEventListener("DOMContentLoaded", () => {
  openCited();
  for (const choice of document.querySelectorAll(".filters select")) {
    choice.addEventListener("change", () => choice.form.requestSubmit());
  }
  for (const moment of document.querySelectorAll("time")) {
    moment.title = moment.dateTime;
    moment.textContent = new Date(moment.dateTime).toLocaleString(undefined, {
      dateStyle: "medium", timeStyle: "medium",
    });
  }
});

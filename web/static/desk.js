// Small improvements of pages that work without: j and k, the arrow keys, and / for the search field.
const typing = (target) => target.closest("input, select, textarea, [contenteditable]");

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) return;
  if (event.key === "/") {
    const field = document.querySelector("input[type=search]");
    if (field) { event.preventDefault(); field.focus(); field.select(); }
    return;
  }
  const onwards = event.key === "j" || event.key === "ArrowRight";
  if (!onwards && event.key !== "k" && event.key !== "ArrowLeft") return;
  const rows = [...document.querySelectorAll("a.row")];
  const turn = document.querySelector(onwards ? "a[rel=next]" : "a[rel=prev]");
  if (event.key.startsWith("Arrow") || !rows.length) {
    if (turn && !event.target.closest("pre, iframe")) { event.preventDefault(); turn.click(); }
    return;
  }
  const here = rows.indexOf(document.activeElement);
  const next = rows[here + (onwards ? 1 : here < 0 ? rows.length : -1)];
  if (next) { event.preventDefault(); next.focus(); }
});

// Work that goes on shows how far it is; when it is over, the page shows what came of it. Without this, a link does.
const moving = document.querySelector("[data-moving]");
if (moving) {
  document.querySelector("[data-moving-link]")?.remove();
  const look = async () => {
    try {
      const answer = await fetch(location.href);
      if (!answer.ok) return;
      const now = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-moving]");
      if (!now) { location.reload(); return; }
      if (now.innerHTML !== moving.innerHTML) moving.replaceChildren(...now.childNodes);
    } catch { /* away: the next look may find it */ }
    setTimeout(look, 3000);
  };
  setTimeout(look, 3000);
}

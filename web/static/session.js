// Whether staff are still signed in, asked before a form is sent, so that what was typed stays on the page. Without this, the
// answer to the form says so, and the browser can send it again.

/** Whether the session has ended. Not known (the site is away): no. */
export const signedOut = async (notice) => {
  try {
    const answer = await fetch(notice.dataset.signedOut, { redirect: "manual", signal: AbortSignal.timeout(4000) });
    return answer.type === "opaqueredirect";
  } catch { return false; }
};

for (const notice of document.querySelectorAll("form [data-signed-out]")) {
  const form = notice.closest("form");
  let asking = false;
  let sure = false;
  form.addEventListener("submit", async (event) => {
    if (sure) { sure = false; return; }
    event.preventDefault();
    if (asking) return;
    asking = true;
    const out = await signedOut(notice);
    asking = false;
    notice.hidden = !out;
    if (out) { notice.scrollIntoView({ block: "center" }); return; }
    sure = true;
    form.requestSubmit(event.submitter);
  });
}

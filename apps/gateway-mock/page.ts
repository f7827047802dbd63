import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';

const html = (nonce: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gateway mock</title>
<style nonce="${nonce}">
:root { color-scheme: light dark; --line: light-dark(#d8dce2, #3a3f47); --dim: light-dark(#5b6470, #9aa3af); --bad: light-dark(#a3261b, #ff8f80); }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 75rem; padding: 1.5rem 1rem; background: light-dark(#fff, #16181d); color: light-dark(#1b1f24, #e6e8eb); }
h1 { font-size: 1.35rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 1.5rem 0 .25rem; } p { margin: .25rem 0 1rem; color: var(--dim); }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: 0 0 1rem; } dt { color: var(--dim); font-size: .85rem; } dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; } th { color: var(--dim); font-weight: 500; font-size: .85rem; }
td { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; min-width: 4rem; } td.text { white-space: pre-wrap; min-width: 14rem; } .bad { color: var(--bad); }
</style>
</head>
<body>
<h1>Gateway mock</h1>
<p>Stands in for the outside: it takes every message and delivers none. <span id="state" role="status"></span></p>
<dl>
<div><dt>calls</dt><dd id="calls">0</dd></div><div><dt>carried out</dt><dd id="accepted">0</dd></div>
<div><dt>wrong in form</dt><dd id="wrong">0</dd></div><div><dt>different keys</dt><dd id="distinct">0</dd></div><div><dt>repeated keys</dt><dd id="duplicates">0</dd></div>
</dl>
<p id="faults"></p>
<div class="scroll"><table>
<thead><tr><th>#</th><th>time</th><th>path</th><th>from</th><th>to</th><th>text</th><th>attempt</th><th>answered</th></tr></thead>
<tbody id="rows"></tbody>
</table></div>
<h2>Mails</h2>
<div class="scroll"><table>
<thead><tr><th>#</th><th>time</th><th>from</th><th>to</th><th>subject</th><th>text</th></tr></thead>
<tbody id="mails"></tbody>
</table></div>
<script nonce="${nonce}">
const byId = (id) => document.getElementById(id);
const SHOWN = 100;
let next = null, shownMails = 0;
const cell = (row, text, name) => { const td = row.insertCell(); td.textContent = text ?? ''; if (name) td.className = name; };
async function ask(path) { const answer = await fetch(path); if (!answer.ok) throw new Error(answer.status); return answer.json(); }
async function show() {
  try {
    const [stats, faults] = await Promise.all([ask('/stats'), ask('/faults')]);
    if (next !== null && stats.calls < next) { next = null; byId('rows').replaceChildren(); }
    const skip = next !== null && stats.calls - next > SHOWN;
    const answer = await ask('/received?limit=' + SHOWN + (next === null || skip ? '' : '&after=' + next));
    for (const name of ['calls', 'accepted', 'wrong', 'distinct', 'duplicates']) byId(name).textContent = stats[name].toLocaleString();
    byId('faults').textContent = faults.faults.length ? 'Faults: ' + faults.faults.map((fault) => JSON.stringify(fault)).join('  ') : 'No faults.';
    for (const call of answer.received) {
      const row = byId('rows').insertRow(0);
      cell(row, call.n); cell(row, call.at.slice(11, 23)); cell(row, call.path); cell(row, call.sender); cell(row, call.recipient);
      cell(row, call.wrong === null ? call.text : call.raw, 'text'); cell(row, call.idempotencyKey); cell(row, call.answered + (call.wrong === null ? '' : ': ' + call.wrong) + (call.duplicate ? ', repeated' : ''), call.answered === 'ok' ? '' : 'bad');
    }
    while (byId('rows').rows.length > SHOWN) byId('rows').deleteRow(-1);
    next = answer.next;
    const { mails } = await ask('/mails'), last = mails.at(-1)?.n ?? 0;
    if (last !== shownMails) {
      byId('mails').replaceChildren();
      for (const mail of mails.toReversed().slice(0, SHOWN)) {
        const row = byId('mails').insertRow();
        cell(row, mail.n); cell(row, mail.at.slice(11, 23)); cell(row, mail.from); cell(row, mail.to.join(', ')); cell(row, mail.subject); cell(row, mail.text, 'text');
      }
      shownMails = last;
    }
    byId('state').textContent = '';
  } catch { byId('state').textContent = 'The mock does not answer; trying again.'; }
  setTimeout(show, 1000);
}
show();
</script>
</body>
</html>
`;

/** The page for people: what came, newest first, asked for again every second. Texts are only ever shown as text. */
export function page(response: ServerResponse): void {
  const nonce = randomBytes(16).toString('base64');
  const body = html(nonce);
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8', 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store', 'x-content-type-options': 'nosniff',
    'content-security-policy': `default-src 'none'; connect-src 'self'; img-src data:; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; base-uri 'none'; frame-ancestors 'none'`,
  });
  response.end(body);
}

/** What the page looks like: light or dark as the reader's system is, on a phone too, and printed. */
export const style = `
:root{color-scheme:light dark;--page:#f4f5f7;--card:#fff;--text:#1f2933;--faint:#5b6672;--line:#d8dce3;--accent:#2f6fd0;
--good:#1f7a3a;--good-soft:#dff2e4;--bad:#b42318;--bad-soft:#fde4e1;--warn:#8a5a00;--warn-soft:#fff1d0}
@media(prefers-color-scheme:dark){:root{--page:#14171c;--card:#1d2128;--text:#e6e9ee;--faint:#a3adba;--line:#353c47;--accent:#79a9f5;
--good:#6fce8c;--good-soft:#17381f;--bad:#ff8f85;--bad-soft:#4a1d1a;--warn:#f0c060;--warn-soft:#40310d}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
main{max-width:1080px;margin:0 auto;padding:24px 16px 64px}
h1{font-size:1.5rem;line-height:1.2;margin:0}h2{font-size:1.15rem;margin:36px 0 12px}h3{font-size:1rem;margin:0}
p{margin:6px 0}.faint,th small,dt{color:var(--faint)}
div.top{display:flex;flex-wrap:wrap;gap:8px 14px;align-items:center}
.remark{font-size:.9rem;color:var(--faint)}.verdict{font-weight:700;padding:4px 14px;border-radius:99px}
.passed,.met{background:var(--good-soft);color:var(--good)}.missed{background:var(--bad-soft);color:var(--bad)}
.not-judged,.not-evaluated,.failed{background:var(--warn-soft);color:var(--warn)}
.reasons{margin:12px 0 0;padding-left:20px}
.notice{background:var(--warn-soft);color:var(--text);border-left:4px solid var(--warn);padding:8px 12px;border-radius:4px;margin:12px 0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:20px 0 0;padding:0}
.tile,.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px}
.tile dt{font-size:.85rem}.tile dd{margin:0;font-size:1.35rem;font-weight:650;line-height:1.3}.tile dd small{display:block;font-size:.8rem;font-weight:400;color:var(--faint)}
dl.about{display:grid;grid-template-columns:max-content 1fr;gap:2px 14px;margin:0}dl.about dd{margin:0}
table{border-collapse:collapse;width:100%}caption{text-align:left;color:var(--faint);padding-bottom:6px}
th,td{text-align:left;padding:8px 10px;border-top:1px solid var(--line);vertical-align:middle}thead th{border-top:0;font-size:.85rem;color:var(--faint);font-weight:600}
tbody th{font-weight:600}th small{display:block;font-weight:400}.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.plot{min-width:180px}.badge{display:inline-block;padding:1px 9px;border-radius:99px;font-size:.85rem;font-weight:600;white-space:nowrap}.no-threshold,.not-applicable{color:var(--faint);padding-left:0}
.close{display:block;font-size:.8rem;color:var(--faint)}
svg{display:block;width:100%;max-width:320px;height:auto}svg.mean{max-width:220px}svg text{font:11px system-ui,sans-serif;fill:var(--faint);paint-order:stroke;stroke:var(--card);stroke-width:3px}
.axis{stroke:var(--line);stroke-width:1.5}rect.pass{fill:var(--good-soft)}.threshold{stroke:var(--text);stroke-width:1.5;stroke-dasharray:3 2}
.interval{stroke:var(--accent);stroke-width:5;opacity:.55;stroke-linecap:round}.mean circle{fill:var(--accent);stroke:var(--card);stroke-width:1.5}
.mean.missed{background:none}.mean.met{background:none}.mean.missed circle{fill:var(--bad)}.mean.missed .interval{stroke:var(--bad)}
.bar{fill:var(--accent)}.bar.below{fill:var(--bad);opacity:.75}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(300px,100%),1fr));gap:12px}
.filters:not([hidden]){display:flex;flex-wrap:wrap;gap:8px 14px;margin-bottom:12px;align-items:end}.filters label{display:grid;gap:2px;font-size:.85rem;color:var(--faint)}
select,input{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:6px;padding:6px 8px;max-width:100%;height:36px}.filters #count{line-height:36px}
details{background:var(--card);border:1px solid var(--line);border-radius:8px;margin-bottom:6px;content-visibility:auto;contain-intrinsic-size:auto 44px}
details[hidden]{display:none}summary{cursor:pointer;padding:8px 12px;display:flex;flex-wrap:wrap;gap:4px 8px;align-items:center}summary::before{content:"▸";color:var(--faint)}
details[open]>summary::before{content:"▾"}summary::-webkit-details-marker{display:none}summary .id{font-weight:600;margin-right:4px}
.inside{padding:0 12px 12px;overflow-x:auto}pre{white-space:pre-wrap;background:var(--page);border-radius:6px;padding:8px 10px;margin:4px 0 10px;font:13px/1.45 ui-monospace,monospace;max-height:320px;overflow:auto}
a{color:var(--accent)}:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
@media(max-width:700px){table.stack caption{display:block}table.stack thead{position:absolute;clip-path:inset(50%)}table.stack,table.stack tbody,table.stack tr,table.stack th,table.stack td{display:block;border:0}
table.stack tr{border-top:1px solid var(--line);padding:8px 0}table.stack th,table.stack td{padding:2px 0;text-align:left;white-space:normal}
table.stack td[data-label]:not(.plot)::before{content:attr(data-label) ": ";color:var(--faint)}dl.about{grid-template-columns:1fr}dl.about dd{margin-bottom:6px}.tile dd{font-size:1.15rem}}
@media print{body{background:#fff}.filters{display:none}details,.card,.tile{break-inside:avoid}}
`

/** Hides the samples that are not asked for. Without it, all are there. */
export const script = `
(() => {
  const metric = document.getElementById("metric"), show = document.getElementById("show"), find = document.getElementById("find")
  const traces = [...document.querySelectorAll("details.trace")], count = document.getElementById("count")
  const apply = () => {
    const text = find.value.trim().toLowerCase()
    let shown = 0
    for (const trace of traces) {
      const has = (name) => {
        const places = trace.dataset[name].split(" ").filter(Boolean)
        return metric.value === "" ? places.length > 0 : places.includes(metric.value)
      }
      const isShown = (show.value === "all" ? metric.value === "" || has("any") : has(show.value)) &&
        (text === "" || trace.dataset.id.toLowerCase().includes(text))
      trace.hidden = !isShown
      if (isShown) shown += 1
    }
    count.textContent = shown + " of " + traces.length + " shown"
  }
  for (const control of [metric, show, find]) control.addEventListener("input", apply)
  document.querySelector(".filters").hidden = false
  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)))
    if (target instanceof HTMLDetailsElement) { target.hidden = false; target.open = true; target.scrollIntoView() }
  }
  addEventListener("hashchange", open)
  apply()
  open()
})()
`

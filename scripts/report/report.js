// Sorting, filtering and choosing. The page is complete without it: every control is made here.
'use strict';
const make = (tag, facts, parent) => {
  const element = Object.assign(document.createElement(tag), facts);
  if (parent) parent.append(element);
  return element;
};
const words = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);
const tables = [...document.querySelectorAll('table.data')].map((table) => {
  const rows = [...table.tBodies[0].rows];
  return {table, rows, text: rows.map((row) => row.textContent.toLowerCase()), own: [], limit: () => true, count: null};
});
let everywhere = [], total = null;
// A row stays if it holds all the words of its table's box and of the page's box, and is within the limit.
function show(t) {
  let left = 0;
  t.rows.forEach((row, i) => {
    row.hidden = !(t.limit(row) && t.own.concat(everywhere).every((word) => t.text[i].includes(word)));
    left += !row.hidden;
  });
  t.left = left;
  if (t.count) t.count.textContent = left === t.rows.length ? `${left} rows` : `${left} of ${t.rows.length} rows`;
}
function showTotal() {
  const sum = (key) => tables.reduce((n, t) => n + key(t), 0);
  total.textContent = everywhere.length ? `${sum((t) => t.left)} of ${sum((t) => t.rows.length)} rows` : '';
  document.querySelectorAll('main details').forEach((part) => {
    const inside = tables.filter((t) => part.contains(t.table));
    part.hidden = everywhere.length > 0 && inside.length > 0 && inside.every((t) => t.left === 0);
  });
}
// Numbers by value (data-sort where the text is not plainly one), words as people order them, nothing last.
function key(row, column, numbers) {
  const cell = row.cells[column], text = cell.dataset.sort ?? cell.textContent;
  const value = parseFloat(text);
  return !numbers ? text : Number.isNaN(value) ? null : value;
}
function sort(t, column, th) {
  const next = {none: 'ascending', ascending: 'descending', descending: 'none'}[th.getAttribute('aria-sort') ?? 'none'];
  const sign = next === 'descending' ? -1 : 1, numbers = th.classList.contains('n');
  [...t.table.tHead.rows[0].cells].forEach((other) => other.removeAttribute('aria-sort'));
  let order = t.rows.map((row, i) => ({row, i, k: key(row, column, numbers)}));
  if (next !== 'none') {
    th.setAttribute('aria-sort', next);
    order.sort((a, b) => {
      if (a.k === null || b.k === null) return (a.k === null) - (b.k === null) || a.i - b.i;
      const d = numbers ? a.k - b.k : a.k.localeCompare(b.k, 'en', {numeric: true});
      return sign * d || a.i - b.i;
    });
  }
  t.table.tBodies[0].append(...order.map((o) => o.row));
}
tables.forEach((t) => {
  [...t.table.tHead.rows[0].cells].forEach((th, column) => {
    const button = make('button', {type: 'button', title: 'sort'});
    button.append(...th.childNodes);
    th.append(button);
    button.addEventListener('click', () => sort(t, column, th));
  });
  if (t.rows.length > 5 && !t.table.dataset.limit) {
    const tools = make('div', {className: 'tools'});
    const box = make('input', {type: 'search', placeholder: 'filter this table', ariaLabel: 'filter this table'}, tools);
    t.count = make('span', {className: 'count'}, tools);
    box.addEventListener('input', () => { t.own = words(box.value); show(t); showTotal(); });
    t.table.parentElement.before(tools);
  }
});
const tool = make('span', {className: 'tool'}, document.querySelector('nav > div'));
const page = make('input', {type: 'search', id: 'everywhere', placeholder: 'filter every table', ariaLabel: 'filter every table'}, tool);
total = make('span', {className: 'count', id: 'total'}, tool);
page.addEventListener('input', () => { everywhere = words(page.value); tables.forEach(show); showTotal(); });
// A table of choices: a slider for the loss that is allowed; rows beyond it go, and the best of the rest are named.
tables.filter((t) => t.table.dataset.limit).forEach((t) => {
  const worst = Math.max(...t.rows.map((row) => parseFloat(row.dataset.loss))), tools = make('div', {className: 'tools'});
  const label = make('label', {textContent: 'accuracy drop at most '}, tools), limit = t.table.dataset.limit;
  const box = make('input', {type: 'range', min: 0, max: Math.max(2, Math.ceil(worst)), step: 0.1, value: limit}, label);
  const said = make('output', {}, tools);
  t.count = make('span', {className: 'count'}, tools);
  const best = make('span', {className: 'best'}, tools);
  t.limit = (row) => !(parseFloat(row.dataset.loss) > parseFloat(box.value) + 1e-9);
  const draw = () => { said.textContent = `${Number(box.value).toFixed(1)} pp`; show(t); showTotal(); name(t, best); };
  box.addEventListener('input', draw);
  t.table.parentElement.before(tools);
  draw();
});
function name(t, best) {
  const inside = t.rows.filter((row) => t.limit(row)), digits = {smallest: 3, fastest: 3, cheapest: 2};
  best.textContent = Object.keys(digits).map((kind) => {
    const row = inside.reduce((a, b) => (parseFloat(b.dataset[kind]) > parseFloat(a?.dataset[kind] ?? 0) ? b : a), null);
    const gain = row && Number(Number(row.dataset[kind]).toPrecision(digits[kind]));
    return `${kind}${kind === 'cheapest' ? ' by the modelled energy proxy' : ''}: ${row ? `${row.cells[0].textContent} (${gain}×)` : 'none'}`;
  }).join(' · ');
}
tables.forEach(show);
// Folded parts are printed, and folded again.
const folded = [...document.querySelectorAll('details')].map((part) => ({part, open: false}));
addEventListener('beforeprint', () => folded.forEach((f) => { f.open = f.part.open; f.part.open = true; }));
addEventListener('afterprint', () => folded.forEach((f) => { f.part.open = f.open; }));

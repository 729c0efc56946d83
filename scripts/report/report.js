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
  if (!numbers) return text;
  const value = parseFloat(text);
  return Number.isNaN(value) ? null : value;
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
  if (t.rows.length > 3) {
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
  const tools = make('div', {className: 'tools'}), label = make('label', {textContent: 'accuracy drop at most '}, tools);
  const box = make('input', {type: 'range', min: 0, max: 5, step: 0.1, value: t.table.dataset.limit}, label);
  const said = make('output', {}, tools), best = make('span', {className: 'best'}, tools);
  t.limit = (row) => !(parseFloat(row.dataset.loss) > parseFloat(box.value) + 1e-9);
  const draw = () => { said.textContent = `${Number(box.value).toFixed(1)} pp`; show(t); showTotal(); name(t, best); };
  box.addEventListener('input', draw);
  t.table.parentElement.before(tools);
  draw();
});
function name(t, best) {
  const inside = t.rows.filter((row) => t.limit(row));
  best.textContent = ['smallest', 'fastest', 'cheapest'].map((kind) => {
    const row = inside.reduce((a, b) => (parseFloat(b.dataset[kind]) > parseFloat(a?.dataset[kind] ?? 0) ? b : a), null);
    return row ? `${kind}: ${row.cells[0].textContent} (${Number(row.dataset[kind]).toPrecision(3)}×)` : `${kind}: none`;
  }).join(' · ');
}
tables.forEach(show);
addEventListener('beforeprint', () => document.querySelectorAll('details').forEach((part) => { part.open = true; }));

"""Opens a report in headless Chromium, from disk and without a network, and checks what only a browser can tell: no error
on the console, sorting, filtering, choosing, both themes, print, a phone's width, the page without JavaScript. Prints TAP
lines, leaves pictures of the page in a folder. Called by browser.sh.

usage: browser.py PAGE.html FOLDER"""
import base64
import json
import os
import shutil
import sys
import time

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

page, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
count, failed = 0, 0


def check(good, name, detail=''):
    global count, failed
    count += 1
    failed += not good
    print(('ok' if good else 'not ok'), count, '-', name, flush=True)
    if not good and detail != '':
        print('#', detail, flush=True)


def start(javascript=True):
    options = Options()
    options.binary_location = shutil.which('chromium')
    for argument in ['--headless=new', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars',
                     '--host-resolver-rules=MAP * ~NOTFOUND', '--disable-background-networking', '--no-first-run']:
        options.add_argument(argument)
    if os.getuid() == 0:  # Chromium's sandbox does not work for root
        options.add_argument('--no-sandbox')
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL', 'performance': 'ALL'})
    if not javascript:
        options.add_experimental_option('prefs', {'profile.managed_default_content_settings.javascript': 2})
    driver = webdriver.Chrome(service=Service(shutil.which('chromedriver')), options=options)
    driver.set_page_load_timeout(60)
    return driver


def send(command, **facts):
    return driver.execute_cdp_cmd(command, facts)


def look(width=1280, height=800, media='', scheme='light'):
    send('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=False)
    send('Emulation.setEmulatedMedia', media=media, features=[{'name': 'prefers-color-scheme', 'value': scheme}])
    time.sleep(0.2)


def shoot(name, whole=False):
    shot = send('Page.captureScreenshot', format='png', captureBeyondViewport=whole)
    with open(os.path.join(folder, name + '.png'), 'wb') as file:
        file.write(base64.b64decode(shot['data']))


def run(script, *arguments):
    return driver.execute_script(script, *arguments)


# Of a table: the texts of a column's visible rows, and whether numbers in it are in order.
COLUMN = '''
const [table, column] = arguments;
return [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => {
  const cell = row.cells[column];
  return [cell.textContent, parseFloat(cell.dataset.sort ?? cell.textContent)];
});'''
CONTRAST = '''
const part = (c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
const light = (c) => 0.2126 * part(c[0]) + 0.7152 * part(c[1]) + 0.0722 * part(c[2]);
const colour = (text) => text.match(/[\\d.]+/g).map(Number);
const paper = (e) => { for (; e; e = e.parentElement) { const c = colour(getComputedStyle(e).backgroundColor);
  if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
let worst = [99, ''];
for (const e of document.querySelectorAll('p, td, th, dt, dd, a, b, h1, h2, h3, li, figcaption, summary, .badge, .unit')) {
  if (!e.textContent.trim() || e.offsetHeight === 0) continue;
  const a = light(colour(getComputedStyle(e).color)), b = light(paper(e));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < worst[0]) worst = [ratio, `${e.tagName} ${e.className}: ${e.textContent.slice(0, 40)}`];
}
return worst;'''
OVERFLOW = 'return [document.documentElement.scrollWidth, innerWidth]'


def is_seen(element):
    """Not in a folded part; is_displayed() does not know of those."""
    return run('return arguments[0].checkVisibility()', element)


def is_sorted(pairs, down):
    values = [value for _, value in pairs if value is not None]  # NaN arrives as None
    missing = [value is None for _, value in pairs]
    return missing == sorted(missing) and values == sorted(values, reverse=down)


def numeric_column(table):
    """A column of numbers that differ."""
    heads = table.find_elements(By.CSS_SELECTOR, 'thead th')
    for index, head in enumerate(heads):
        values = {text for text, _ in run(COLUMN, table, index)}
        if 'n' in (head.get_attribute('class') or '').split() and len(values) > 2:
            return index, head
    return None, None


def check_sorting():
    tables = [t for t in driver.find_elements(By.CSS_SELECTOR, 'table.data')
              if is_seen(t) and len(t.find_elements(By.CSS_SELECTOR, 'tbody tr')) > 5]
    tables = [t for t in tables if numeric_column(t)[1]]
    table = max(tables, key=lambda t: len(t.find_elements(By.CSS_SELECTOR, 'tbody tr')))
    index, head = numeric_column(table)
    before = run(COLUMN, table, index)
    button = head.find_element(By.TAG_NAME, 'button')
    run('arguments[0].scrollIntoView({block: "center"})', head)
    run('arguments[0].click()', button)
    up = run(COLUMN, table, index)
    check(is_sorted(up, False) and head.get_attribute('aria-sort') == 'ascending', 'a click on a header sorts upwards', up[:5])
    run('arguments[0].click()', button)
    down = run(COLUMN, table, index)
    check(is_sorted(down, True) and head.get_attribute('aria-sort') == 'descending', 'a second one downwards', down[:5])
    check(len(table.find_elements(By.CSS_SELECTOR, '[aria-sort]')) == 1, 'one header at a time says how it sorts')
    shoot('sorted')
    run('arguments[0].click()', button)
    check(run(COLUMN, table, index) == before, 'a third one puts the rows back')
    run('arguments[0].focus()', button)
    ActionChains(driver).send_keys(Keys.ENTER).perform()
    check(head.get_attribute('aria-sort') == 'ascending', 'the keyboard sorts too')
    return table


def check_filters(table):
    shown = 'return [...arguments[0].tBodies[0].rows].filter((r) => !r.hidden).map((r) => r.textContent.toLowerCase())'
    every = run(shown, table)
    word = table.find_elements(By.CSS_SELECTOR, 'tbody th')[0].text.lower()
    tools = run('return arguments[0].parentElement.previousElementSibling', table)
    box, said = tools.find_element(By.TAG_NAME, 'input'), tools.find_element(By.CLASS_NAME, 'count')
    box.send_keys(word + ' ')
    left = run(shown, table)
    expected = [row for row in every if word in row]
    check(left == expected and len(left) < len(every), 'the box above a table filters it', (len(left), len(expected), len(every)))
    check(said.text == f'{len(left)} of {len(every)} rows', 'and says how many rows are left', said.text)
    box.clear()
    box.send_keys('no such words')
    check(run(shown, table) == [], 'words that are nowhere leave nothing')
    box.clear()
    box.send_keys('x\b')
    check(run(shown, table) == every, 'an empty box brings all rows back')
    everywhere = driver.find_element(By.ID, 'everywhere')
    everywhere.send_keys(word)
    rows = run('return [...document.querySelectorAll("table.data tbody tr")].filter((r) => !r.hidden).map((r) => r.textContent.toLowerCase())')
    total = run('return document.querySelectorAll("table.data tbody tr").length')
    check(0 < len(rows) < total and all(word in row for row in rows), 'the box of the page filters every table', len(rows))
    check(driver.find_element(By.ID, 'total').text == f'{len(rows)} of {total} rows', 'and says how many rows are left')
    everywhere.clear()
    everywhere.send_keys('x\b')


def check_choosing():
    tables = driver.find_elements(By.CSS_SELECTOR, 'table[data-limit]')
    if not tables:
        return
    table = tables[0]
    tools = run('return arguments[0].parentElement.previousElementSibling', table)
    slider = tools.find_element(By.CSS_SELECTOR, 'input[type=range]')
    losses = 'return [...arguments[0].tBodies[0].rows].filter((r) => !r.hidden).map((r) => parseFloat(r.dataset.loss))'
    most = 'arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event("input"))'
    check(max(run(losses, table)) <= float(table.get_attribute('data-limit')), 'the slider begins at the page\'s limit')
    run(most, slider, 99)
    every = run(losses, table)
    check(len(every) == len(table.find_elements(By.CSS_SELECTOR, 'tbody tr')), 'at its end it shows every row')
    limit = sorted(every)[len(every) // 2]
    run(most, slider, limit)
    at = float(slider.get_attribute('value'))
    left = run(losses, table)
    check(left == [loss for loss in every if loss <= at + 1e-9] and len(left) < len(every), 'and else those within the limit', left)
    best = run('''const rows = [...arguments[0].tBodies[0].rows].filter((r) => !r.hidden);
        return rows.sort((a, b) => b.dataset.fastest - a.dataset.fastest)[0]?.cells[0].textContent ?? 'none';''', table)
    check('fastest: ' + best in tools.text, 'it names the fastest of them', tools.text)
    run(most, slider, table.get_attribute('data-limit'))


def check_looks():
    look()
    shoot('first')
    ratio, where = run(CONTRAST)
    check(ratio >= 4.5, 'light: every text stands out from its paper (4.5 to 1)', f'{ratio:.2f} {where}')
    look(scheme='dark')
    shoot('dark')
    ratio, where = run(CONTRAST)
    check(ratio >= 4.5, 'dark: every text stands out from its paper (4.5 to 1)', f'{ratio:.2f} {where}')
    check(run('return getComputedStyle(document.body).backgroundColor') != 'rgb(255, 255, 255)', 'dark: the paper is dark')
    for part in ['choose', 'headline', 'plots', 'layers']:
        if run('const s = document.getElementById(arguments[0]); if (s) s.scrollIntoView(); return !!s', part):
            shoot('dark-' + part)
    for width in [400, 768, 1280, 1920]:
        look(width=width)
        run('scrollTo(0, 0)')
        wide, inner = run(OVERFLOW)
        check(wide <= inner, f'{width} pixels wide: nothing sticks out', f'{wide} pixels')
        shoot(f'width-{width}')
    look(width=400)
    for part in ['choose', 'matrix']:
        if run('const s = document.getElementById(arguments[0]); if (s) s.scrollIntoView(); return !!s', part):
            shoot('phone-' + part)
    look()


def check_print():
    look(media='print', scheme='dark')
    check(run('return getComputedStyle(document.body).backgroundColor') == 'rgb(255, 255, 255)', 'print: white paper, in dark mode too')
    check(not driver.find_element(By.TAG_NAME, 'nav').is_displayed(), 'print: no tools')
    pdf = base64.b64decode(send('Page.printToPDF', printBackground=True, preferCSSPageSize=True)['data'])
    with open(os.path.join(folder, 'print.pdf'), 'wb') as file:
        file.write(pdf)
    check(pdf[:5] == b'%PDF-' and pdf.count(b'/Type /Page\n') + pdf.count(b'/Type /Page/') + pdf.count(b'/Type /Page ') > 1,
          'print: a document of several pages', len(pdf))
    check(run('return [...document.querySelectorAll("details")].every((d) => !d.open)'), 'what was folded is folded again')
    look()


def check_sound():
    check(run('''return [...document.images].every((i) => i.complete && i.naturalWidth > 0 && i.alt.length > 10)'''),
          'every picture is there and has a text for those who cannot see it')
    check(run('''return [...document.querySelectorAll('a[href^="#"]')].every((a) => document.getElementById(a.hash.slice(1)))'''),
          'every link inside the page leads somewhere')
    check(run('''const ids = [...document.querySelectorAll('[id]')].map((e) => e.id); return new Set(ids).size === ids.length'''),
          'no id stands twice')
    asked = []
    for entry in driver.get_log('performance'):
        message = json.loads(entry['message'])['message']
        if message['method'] == 'Network.requestWillBeSent':
            asked.append(message['params']['request']['url'])
    check(len(asked) > 0 and all(url.startswith(('file:', 'data:')) for url in asked), 'the page asks for nothing outside itself',
          [url for url in asked if not url.startswith(('file:', 'data:'))])
    errors = [e['message'] for e in driver.get_log('browser') if e['level'] in ('SEVERE', 'WARNING')]
    check(errors == [], 'no error and no warning on the console', errors)
    run('''const s = document.createElement('script'); s.textContent = 'window.intruder = 1'; document.body.append(s);
        document.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="window.intruder = 1">');''')
    time.sleep(0.3)
    check(run('return window.intruder === undefined'), 'a script that is not the page\'s own does not run')


def check_without_javascript():
    driver.get('file://' + page)
    look()
    shoot('without-javascript')
    check(run('return document.scripts.length') == 1 and driver.find_elements(By.CSS_SELECTOR, 'input, button') == [], 'without JavaScript: no tools that do nothing')
    tables = driver.find_elements(By.CSS_SELECTOR, 'main table')
    rows = [r for t in tables for r in t.find_elements(By.CSS_SELECTOR, 'tbody tr')[:3] if is_seen(t)]
    check(len(rows) > 3 and all(r.size['height'] > 0 for r in rows), 'without JavaScript: the tables are there', len(rows))
    folded = driver.find_elements(By.TAG_NAME, 'summary')
    if folded:
        part = driver.find_element(By.CSS_SELECTOR, 'details > *:last-child')
        before = is_seen(part)
        folded[0].click()
        check(is_seen(part) and not before, 'without JavaScript: folded parts open')


os.makedirs(folder, exist_ok=True)
driver = start()
try:
    look()
    driver.get('file://' + page)
    time.sleep(0.3)
    check_looks()
    check_filters(check_sorting())
    check_choosing()
    check_print()
    check_sound()
finally:
    driver.quit()
driver = start(javascript=False)
try:
    check_without_javascript()
finally:
    driver.quit()
print(f'# {count - failed} of {count} hold; pictures in {folder}')
sys.exit(failed > 0)

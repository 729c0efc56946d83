-- What results/history.db holds, version 1. Compiled into packlight; `sqlite3 results/history.db .schema` shows it, too.
-- The folders of the runs stay the truth: `packlight history rebuild` makes this file again from them.
-- Numbers are null where nothing was measured. Times of figures and verdicts are in the unit that stands beside them.

-- One imported folder.
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,               -- bench, peers or comparison
    started TEXT NOT NULL,            -- UTC, 2026-11-27T02:00:13Z
    imported TEXT NOT NULL,           -- UTC
    commit_id TEXT NOT NULL,          -- of the build that measured; of side B in a comparison; '' when unknown
    dirty INTEGER NOT NULL,           -- 1: the tree had changes
    suite TEXT NOT NULL,              -- '' in a comparison
    command TEXT NOT NULL,            -- what was typed
    host TEXT NOT NULL,
    cpu TEXT NOT NULL,
    compiler TEXT NOT NULL,
    flags TEXT NOT NULL,
    folder TEXT NOT NULL,             -- where it was imported from, as an absolute path
    env_sha256 TEXT NOT NULL UNIQUE,  -- of env.json: the same run, wherever its folder is
    data_sha256 TEXT NOT NULL,        -- of records.jsonl, or of verdict.json and verdicts.jsonl
    env TEXT NOT NULL                 -- env.json, whole
);
CREATE INDEX run_by_start ON run (started, id);

-- One cell of a bench run.
CREATE TABLE cell (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    name TEXT NOT NULL,               -- model/config/kernel/t<threads>/b<batch>
    model TEXT NOT NULL,
    config TEXT NOT NULL,
    kernel TEXT NOT NULL,
    isa TEXT,                         -- level really used
    threads INTEGER,
    batch INTEGER,
    status TEXT NOT NULL,             -- ok skip failed mismatch
    reason TEXT,
    key TEXT NOT NULL,                -- comparability key: absolute figures are comparable within one key only
    UNIQUE (run, name)
);
CREATE INDEX cell_by_name ON cell (name);

-- Names of figures: the keys of records.jsonl, each once.
CREATE TABLE metric (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,        -- latency_ns_median
    unit TEXT NOT NULL                -- ns, B, x, fraction, pp ...
);

-- One figure of a cell. No times where the output was wrong.
CREATE TABLE value (
    cell INTEGER NOT NULL REFERENCES cell ON DELETE CASCADE,
    metric INTEGER NOT NULL REFERENCES metric,
    value REAL NOT NULL,
    lo REAL,                          -- 95 % interval, where the record has one
    hi REAL,
    n INTEGER,                        -- samples or test items behind it
    PRIMARY KEY (cell, metric)
) WITHOUT ROWID;

-- The figures in tidy form, for reading by hand.
CREATE VIEW figure AS
    SELECT run.id AS run, run.started, run.commit_id, cell.name AS cell, cell.key, cell.status, metric.name AS metric,
           metric.unit, value.value, value.lo, value.hi, value.n
    FROM value JOIN cell ON cell.id = value.cell JOIN run ON run.id = cell.run JOIN metric ON metric.id = value.metric;

-- What a comparison says as a whole; members of verdict.json.
CREATE TABLE comparison (
    run INTEGER PRIMARY KEY REFERENCES run ON DELETE CASCADE,
    against TEXT NOT NULL,            -- what side A is: anchor, last-good or other
    kind TEXT NOT NULL,               -- builds models recipes runs
    title TEXT NOT NULL,
    a_name TEXT NOT NULL,
    a_label TEXT NOT NULL,
    a_commit TEXT NOT NULL,
    a_code_id TEXT NOT NULL,          -- machine code of the build: another anchor starts new series
    b_name TEXT NOT NULL,
    b_label TEXT NOT NULL,
    b_commit TEXT NOT NULL,
    b_code_id TEXT NOT NULL,
    verdict TEXT NOT NULL,            -- pass regressed inconclusive environment-refused incorrect
    exit_code INTEGER NOT NULL,
    reason TEXT NOT NULL,
    cells_expected INTEGER NOT NULL,
    cells_gated INTEGER NOT NULL,
    cells_conclusive INTEGER NOT NULL,
    regressed INTEGER NOT NULL,
    improved INTEGER NOT NULL,
    gate_ratio REAL,                  -- 0.02: the smallest slow-down that fails
    geomean_ratio REAL,
    shift_ratio REAL,                 -- a shift that most cells share
    mde_median REAL,
    attempt INTEGER NOT NULL
);

-- One metric of one cell, side A against side B; the columns after `key` are those of harness/report/comparison.def.
CREATE TABLE verdict (
    run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    position INTEGER NOT NULL,        -- line of verdicts.jsonl, from 1
    key TEXT NOT NULL,                -- comparability key
    cell TEXT, model TEXT, config TEXT, kernel TEXT, isa TEXT, threads INTEGER, batch INTEGER,
    metric TEXT, unit TEXT,
    role TEXT,                        -- gated, info, sentinel-aa, sentinel-relinked, sentinel-injected
    verdict TEXT, reason TEXT,
    a REAL, b REAL, a_text TEXT, b_text TEXT,
    ratio REAL,                       -- B / A, more than 1: B is worse
    ratio_ci95_lo REAL, ratio_ci95_hi REAL,
    se REAL,                          -- of ln ratio
    mde REAL,                         -- 0.018: a change of 1.8 % would be found with 95 % power
    p_stage1 REAL, p_stage2 REAL, p_sign REAL, q_faster REAL, slower_share REAL,
    pairs_stage1 INTEGER, pairs_stage2 INTEGER, rounds_kept INTEGER, rounds_dropped INTEGER, rounds_tied INTEGER,
    layout_floor REAL, drift REAL,
    code TEXT,                        -- same, differs or unknown
    instructions_a INTEGER, instructions_b INTEGER,
    a_sha256 TEXT, b_sha256 TEXT, reproduce TEXT,
    PRIMARY KEY (run, position)
) WITHOUT ROWID;
CREATE INDEX verdict_by_cell ON verdict (cell, metric);

-- The engine's journal. Times are microseconds since 1970, 0 where something has not happened yet; states are the words of the
-- protocol. One writer; WAL and synchronous=FULL are set at each opening. The format number is meta's row 'format'.

CREATE TABLE IF NOT EXISTS meta (
    k TEXT PRIMARY KEY, -- format id world epoch clean uid
    v TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What is on this machine, and how people call it. A deleted object keeps its row: its id and uid never come again.
CREATE TABLE IF NOT EXISTS context (
    id       TEXT PRIMARY KEY,
    name     TEXT NOT NULL,
    kind     TEXT NOT NULL,
    uid      INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    state    TEXT NOT NULL,
    props    TEXT NOT NULL, -- JSON, flat
    changed  INTEGER NOT NULL,
    deleted  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS context_name ON context (name) WHERE deleted = 0;
CREATE INDEX IF NOT EXISTS context_kind ON context (kind, id) WHERE deleted = 0;

-- Every host name has one owner, over all sites.
CREATE TABLE IF NOT EXISTS host (
    name TEXT PRIMARY KEY,
    site TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS host_site ON host (site);

CREATE TABLE IF NOT EXISTS job (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    key        TEXT NOT NULL UNIQUE,
    type       TEXT NOT NULL,
    object     TEXT NOT NULL,
    revision   INTEGER NOT NULL,
    origin     TEXT NOT NULL,
    client     TEXT NOT NULL,
    args       TEXT NOT NULL, -- JSON: the request; the same key with another one is a conflict
    plan       TEXT,          -- JSON; NULL until the job has its locks and is planned
    want       TEXT,
    have       TEXT,
    facts      TEXT NOT NULL DEFAULT '{}',
    uid        INTEGER NOT NULL DEFAULT 0,
    app        TEXT NOT NULL DEFAULT '',
    state      TEXT NOT NULL DEFAULT 'accepted',
    code       TEXT NOT NULL DEFAULT 'OK',
    field      TEXT NOT NULL DEFAULT '',
    text       TEXT NOT NULL DEFAULT '',
    cancel     INTEGER NOT NULL DEFAULT 0,
    crashes    INTEGER NOT NULL DEFAULT 0,
    warnings   INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL DEFAULT 0,
    waiting    INTEGER NOT NULL DEFAULT 0, -- since when it waits for a part that is away
    epoch      INTEGER NOT NULL,           -- the life that wrote it last
    accepted   INTEGER NOT NULL,
    started    INTEGER NOT NULL DEFAULT 0,
    ended      INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS job_open ON job (id) WHERE ended = 0;
CREATE INDEX IF NOT EXISTS job_object ON job (object, id);

CREATE TABLE IF NOT EXISTS step (
    job   INTEGER NOT NULL REFERENCES job (id),
    n     INTEGER NOT NULL,
    name  TEXT NOT NULL,
    kind  TEXT NOT NULL,
    state TEXT NOT NULL,              -- planned started done undoing undone
    undo  INTEGER NOT NULL DEFAULT 0, -- this job made its effect, so its undo takes it away
    tries INTEGER NOT NULL DEFAULT 0,
    began INTEGER NOT NULL DEFAULT 0,
    ended INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (job, n)
) STRICT, WITHOUT ROWID;

-- What exists because of us, written before it is made: nothing is orphaned.
CREATE TABLE IF NOT EXISTS resource (
    kind   TEXT NOT NULL, -- the step that makes it
    object TEXT NOT NULL,
    job    INTEGER NOT NULL,
    state  TEXT NOT NULL, -- intended made gone
    PRIMARY KEY (kind, object)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS event (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    job    INTEGER NOT NULL, -- 0: none
    key    TEXT NOT NULL,
    object TEXT NOT NULL,
    body   TEXT NOT NULL     -- JSON: what the kind carries
) STRICT;
CREATE INDEX IF NOT EXISTS event_job ON event (job) WHERE job > 0;

-- Who follows under a name; events are kept until all of them have taken them in.
CREATE TABLE IF NOT EXISTS consumer (
    name  TEXT PRIMARY KEY,
    after INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Archives in BackupRoot; they outlive their site.
CREATE TABLE IF NOT EXISTS backup (
    bid         TEXT PRIMARY KEY,
    site        TEXT NOT NULL,
    name        TEXT NOT NULL,    -- the site's, then
    description TEXT NOT NULL,
    app         TEXT NOT NULL,
    version     TEXT NOT NULL,
    database    INTEGER NOT NULL, -- holds a dump
    size        INTEGER NOT NULL, -- of the archive
    bytes       INTEGER NOT NULL, -- of what it holds
    sha256      TEXT NOT NULL,    -- of the archive
    made        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS backup_site ON backup (site, made);

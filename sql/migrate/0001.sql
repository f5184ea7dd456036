-- Schema 1 of the front end, the same text on SQLite, PostgreSQL and MariaDB. Times are microseconds since 1970. Ids of servers,
-- platforms and sites are the text ids shared with the back end; all other ids are 64-bit numbers made by the module. "Wanted"
-- columns are people's; "actual" columns are written only from the daemon's facts. busy is the type of an open task on the object and
-- last how the latest one ended, kept there so that a list needs no look into the tasks.

CREATE TABLE schema_version (version INTEGER NOT NULL);

-- Whose sites they are. Every site and task has one; client 1 is the administrator's own.
CREATE TABLE client (
    id       BIGINT       NOT NULL PRIMARY KEY,
    name     VARCHAR(64)  NOT NULL UNIQUE,
    mail     VARCHAR(254) NOT NULL DEFAULT '',
    state    VARCHAR(16)  NOT NULL DEFAULT 'enabled',
    revision BIGINT       NOT NULL DEFAULT 1,
    created  BIGINT       NOT NULL
);

-- People who log in ("user" is a reserved word). login and mail are stored folded to lower case.
CREATE TABLE account (
    id       BIGINT       NOT NULL PRIMARY KEY,
    login    VARCHAR(64)  NOT NULL UNIQUE,
    mail     VARCHAR(254) NOT NULL UNIQUE,
    role     VARCHAR(16)  NOT NULL,
    client   BIGINT       REFERENCES client (id),
    password VARCHAR(128) NOT NULL DEFAULT '',
    state    VARCHAR(16)  NOT NULL DEFAULT 'enabled',
    revision BIGINT       NOT NULL DEFAULT 1,
    created  BIGINT       NOT NULL,
    seen     BIGINT       NOT NULL DEFAULT 0
);

-- hash: SHA-256 of the cookie's value, hex. csrf: random, bound to the session.
CREATE TABLE session (
    hash    VARCHAR(64) NOT NULL PRIMARY KEY,
    account BIGINT      NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    csrf    VARCHAR(64) NOT NULL,
    created BIGINT      NOT NULL,
    used    BIGINT      NOT NULL
);
CREATE INDEX session_account ON session (account);

-- API tokens; the value is shown once and stored hashed.
CREATE TABLE token (
    id      BIGINT      NOT NULL PRIMARY KEY,
    hash    VARCHAR(64) NOT NULL UNIQUE,
    account BIGINT      NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name    VARCHAR(64) NOT NULL,
    scope   VARCHAR(16) NOT NULL,
    created BIGINT      NOT NULL,
    expires BIGINT      NOT NULL,
    used    BIGINT      NOT NULL DEFAULT 0
);
CREATE INDEX token_account ON token (account);

-- One-time login links, 15 minutes, used up by a POST.
CREATE TABLE login_link (
    hash    VARCHAR(64) NOT NULL PRIMARY KEY,
    account BIGINT      NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    expires BIGINT      NOT NULL
);

-- Wrong logins lately, by account (a:name, or a:hash of what is nobody's) and by peer address (p:address): how long they must wait.
CREATE TABLE login_delay (
    who     VARCHAR(128) NOT NULL PRIMARY KEY,
    tries   INTEGER      NOT NULL,
    until_t BIGINT       NOT NULL
);

CREATE TABLE server (
    id        VARCHAR(13)  NOT NULL PRIMARY KEY,
    name      VARCHAR(32)  NOT NULL,
    socket    VARCHAR(255) NOT NULL DEFAULT '',
    addresses VARCHAR(800) NOT NULL DEFAULT '',
    revision  BIGINT       NOT NULL,
    created   BIGINT       NOT NULL,
    state     VARCHAR(16)  NOT NULL DEFAULT 'new',
    verified  BIGINT       NOT NULL DEFAULT 0,
    seen_revision BIGINT   NOT NULL DEFAULT 0,
    busy      VARCHAR(32)  NOT NULL DEFAULT '',
    last      VARCHAR(16)  NOT NULL DEFAULT ''
);

-- What a server offers: http (apache), db (mariadb). secret is a file's name on the server, never a password.
CREATE TABLE service (
    server VARCHAR(13)  NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    kind   VARCHAR(16)  NOT NULL,
    type   VARCHAR(16)  NOT NULL,
    auth   VARCHAR(16)  NOT NULL DEFAULT '',
    host   VARCHAR(253) NOT NULL DEFAULT '',
    port   INTEGER      NOT NULL DEFAULT 0,
    secret VARCHAR(64)  NOT NULL DEFAULT '',
    PRIMARY KEY (server, kind)
);

-- Types of platforms: the drivers that the daemon at that socket has. spec: JSON {databases, fields, required, verbs}, as it told them.
CREATE TABLE app (
    socket VARCHAR(255) NOT NULL,
    name   VARCHAR(16)  NOT NULL,
    label  VARCHAR(255) NOT NULL,
    spec   TEXT         NOT NULL,
    PRIMARY KEY (socket, name)
);

CREATE TABLE platform (
    id       VARCHAR(13)  NOT NULL PRIMARY KEY,
    name     VARCHAR(32)  NOT NULL,
    server   VARCHAR(13)  NOT NULL REFERENCES server (id),
    place    VARCHAR(330) NOT NULL,
    source   VARCHAR(330) NOT NULL DEFAULT '',
    app      VARCHAR(16)  NOT NULL DEFAULT '',
    revision BIGINT       NOT NULL,
    created  BIGINT       NOT NULL,
    state    VARCHAR(16)  NOT NULL DEFAULT 'new',
    verified BIGINT       NOT NULL DEFAULT 0,
    seen_revision BIGINT  NOT NULL DEFAULT 0,
    seen_app VARCHAR(16)  NOT NULL DEFAULT '',
    version  VARCHAR(64)  NOT NULL DEFAULT '',
    busy     VARCHAR(32)  NOT NULL DEFAULT '',
    last     VARCHAR(16)  NOT NULL DEFAULT ''
);
CREATE INDEX platform_server ON platform (server);

CREATE TABLE site (
    id         VARCHAR(13)  NOT NULL PRIMARY KEY,
    name       VARCHAR(253) NOT NULL,
    client     BIGINT       NOT NULL REFERENCES client (id),
    platform   VARCHAR(13)  NOT NULL REFERENCES platform (id),
    db_server  VARCHAR(13)  REFERENCES server (id),
    redirect   VARCHAR(253) NOT NULL DEFAULT '',
    title      VARCHAR(255) NOT NULL DEFAULT '',
    language   VARCHAR(16)  NOT NULL DEFAULT '',
    profile    VARCHAR(64)  NOT NULL DEFAULT '',
    admin_name VARCHAR(60)  NOT NULL DEFAULT '',
    admin_mail VARCHAR(254) NOT NULL DEFAULT '',
    wanted     VARCHAR(16)  NOT NULL DEFAULT 'enabled',
    revision   BIGINT       NOT NULL,
    created    BIGINT       NOT NULL,
    state      VARCHAR(16)  NOT NULL DEFAULT 'new',
    verified   BIGINT       NOT NULL DEFAULT 0,
    seen_revision BIGINT    NOT NULL DEFAULT 0,
    seen_client VARCHAR(64) NOT NULL DEFAULT '',
    db_name    VARCHAR(32)  NOT NULL DEFAULT '',
    url        VARCHAR(300) NOT NULL DEFAULT '',
    version    VARCHAR(64)  NOT NULL DEFAULT '',
    busy       VARCHAR(32)  NOT NULL DEFAULT '',
    last       VARCHAR(16)  NOT NULL DEFAULT ''
);
CREATE INDEX site_client ON site (client, name);
CREATE INDEX site_name ON site (name);
CREATE INDEX site_platform ON site (platform);
CREATE INDEX site_db_server ON site (db_server);

-- Every host name that a site answers to, once: kind is site or alias. A unique key is the whole rule.
CREATE TABLE host (
    name VARCHAR(253) NOT NULL PRIMARY KEY,
    site VARCHAR(13)  NOT NULL DEFAULT '',
    kind VARCHAR(16)  NOT NULL
);
CREATE INDEX host_site ON host (site);

-- What people asked for. open_key is "OBJECT/TYPE/VERB" while the task is open and NULL afterwards, so that the same task twice on
-- one object is one task. label is the object's name at the time, kept for when the object is gone.
-- args: fields of the task's own, flat JSON, besides those that its object gives. title: what people call it where its type's label
-- does not say it: that of a driver's verb.
CREATE TABLE task (
    id       BIGINT       NOT NULL PRIMARY KEY,
    type     VARCHAR(32)  NOT NULL,
    verb     VARCHAR(64)  NOT NULL DEFAULT '',
    title    VARCHAR(255) NOT NULL DEFAULT '',
    object   VARCHAR(13)  NOT NULL,
    label    VARCHAR(253) NOT NULL,
    server   VARCHAR(13)  NOT NULL,
    account  BIGINT,
    client   BIGINT       NOT NULL,
    origin   VARCHAR(16)  NOT NULL,
    state    VARCHAR(16)  NOT NULL,
    attempts INTEGER      NOT NULL DEFAULT 0,
    code     VARCHAR(32)  NOT NULL DEFAULT '',
    created  BIGINT       NOT NULL,
    started  BIGINT       NOT NULL DEFAULT 0,
    ended    BIGINT       NOT NULL DEFAULT 0,
    open_key VARCHAR(100) UNIQUE,
    args     VARCHAR(1024) NOT NULL DEFAULT ''
);
CREATE INDEX task_object ON task (object, id);
CREATE INDEX task_client ON task (client, id);
CREATE INDEX task_state ON task (state, id);

-- One run of a task: the job of the back end has the same key. args: the request, flat JSON, made when it was claimed; wanted: the
-- object's revision of that moment, so that a later change is not forgotten.
CREATE TABLE attempt (
    id       BIGINT       NOT NULL PRIMARY KEY,
    task     BIGINT       NOT NULL REFERENCES task (id),
    n        INTEGER      NOT NULL,
    job_key  VARCHAR(32)  NOT NULL UNIQUE,
    server   VARCHAR(13)  NOT NULL,
    args     TEXT         NOT NULL,
    wanted   BIGINT       NOT NULL DEFAULT 0,
    state    VARCHAR(16)  NOT NULL,
    phase    VARCHAR(255) NOT NULL DEFAULT '',
    owner    VARCHAR(64)  NOT NULL DEFAULT '',
    lease    BIGINT       NOT NULL DEFAULT 0,
    cancel   SMALLINT     NOT NULL DEFAULT 0,
    job      BIGINT       NOT NULL DEFAULT 0,
    done     INTEGER      NOT NULL DEFAULT 0,
    total    INTEGER      NOT NULL DEFAULT 0,
    logged   BIGINT       NOT NULL DEFAULT 0,
    code     VARCHAR(32)  NOT NULL DEFAULT '',
    field    VARCHAR(64)  NOT NULL DEFAULT '',
    text     VARCHAR(1024) NOT NULL DEFAULT '',
    created  BIGINT       NOT NULL,
    started  BIGINT       NOT NULL DEFAULT 0,
    ended    BIGINT       NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX attempt_task ON attempt (task, n);
CREATE INDEX attempt_state ON attempt (state, server, id);

CREATE TABLE log (
    attempt BIGINT      NOT NULL REFERENCES attempt (id),
    n       BIGINT      NOT NULL,
    t       BIGINT      NOT NULL,
    level   VARCHAR(16) NOT NULL,
    src     VARCHAR(32) NOT NULL DEFAULT '',
    text    TEXT        NOT NULL,
    PRIMARY KEY (attempt, n)
);

-- Facts that a driver's verb reported, for people to read. One that opens a door (a login link) ends at expires, and is emptied then;
-- 0 does not end.
CREATE TABLE result (
    attempt BIGINT       NOT NULL REFERENCES attempt (id),
    name    VARCHAR(64)  NOT NULL,
    value   TEXT         NOT NULL,
    expires BIGINT       NOT NULL DEFAULT 0,
    PRIMARY KEY (attempt, name)
);
CREATE INDEX result_expires ON result (expires);

-- How far a daemon's events were taken in; a daemon is its socket, as in server, and may be several servers'. Moving the cursor is the
-- first statement of the transaction that applies them; no row changed means that somebody else was quicker.
CREATE TABLE follower (
    socket  VARCHAR(255) NOT NULL PRIMARY KEY,
    journal VARCHAR(64) NOT NULL DEFAULT '',
    event   BIGINT      NOT NULL DEFAULT 0,
    state   VARCHAR(16) NOT NULL DEFAULT 'new',
    text    VARCHAR(255) NOT NULL DEFAULT '',
    seen    BIGINT      NOT NULL DEFAULT 0
);

-- What an administrator should look at: failed tasks, quarantined sites, daemons that do not answer.
CREATE TABLE notice (
    id      BIGINT       NOT NULL PRIMARY KEY,
    kind    VARCHAR(16)  NOT NULL,
    task    BIGINT       NOT NULL DEFAULT 0,
    text    VARCHAR(512) NOT NULL,
    mailed  SMALLINT     NOT NULL DEFAULT 0,
    created BIGINT       NOT NULL
);
CREATE INDEX notice_mailed ON notice (mailed, id);

-- The answer to a mutating API call, by its Idempotency-Key, for a day.
CREATE TABLE idempotency (
    account BIGINT       NOT NULL,
    name    VARCHAR(128) NOT NULL,
    hash    VARCHAR(64)  NOT NULL,
    status  INTEGER      NOT NULL,
    body    TEXT         NOT NULL,
    created BIGINT       NOT NULL,
    PRIMARY KEY (account, name)
);
CREATE INDEX idempotency_created ON idempotency (created);

-- Who did what, for good.
CREATE TABLE audit (
    id      BIGINT       NOT NULL PRIMARY KEY,
    account BIGINT       NOT NULL DEFAULT 0,
    login   VARCHAR(64)  NOT NULL DEFAULT '',
    peer    VARCHAR(46)  NOT NULL DEFAULT '',
    action  VARCHAR(64)  NOT NULL,
    object  VARCHAR(13)  NOT NULL DEFAULT '',
    text    VARCHAR(512) NOT NULL DEFAULT ''
);

-- A backup's row outlives its site's; client and server are then what they were. Rows come from the daemon's facts, a set at a time:
-- scan is the set's number, and shown is set at its end.
CREATE TABLE backup (
    id          VARCHAR(13)  NOT NULL PRIMARY KEY,
    site        VARCHAR(13)  NOT NULL,
    client      BIGINT       NOT NULL REFERENCES client (id),
    server      VARCHAR(13)  NOT NULL,
    name        VARCHAR(253) NOT NULL,
    description VARCHAR(255) NOT NULL DEFAULT '',
    app         VARCHAR(16)  NOT NULL DEFAULT '',
    version     VARCHAR(64)  NOT NULL DEFAULT '',
    holds_db    SMALLINT     NOT NULL DEFAULT 0,
    size        BIGINT       NOT NULL,
    sha256      VARCHAR(64)  NOT NULL,
    made        BIGINT       NOT NULL,
    scan        BIGINT       NOT NULL,
    shown       SMALLINT     NOT NULL DEFAULT 0
);
CREATE INDEX backup_site ON backup (site, made);
CREATE INDEX backup_made ON backup (made);

-- Links to download a backup once, for five minutes; hash: SHA-256 of the link's secret, hex.
CREATE TABLE download (
    hash    VARCHAR(64) NOT NULL PRIMARY KEY,
    backup  VARCHAR(13) NOT NULL,
    account BIGINT      NOT NULL,
    expires BIGINT      NOT NULL
);

-- What code bases hold and sites enable, as the daemons' drivers tell of it. sort is "NAME/TYPE/APP": the key, and the order of the
-- list. label is what platforms call it; what a site calls it is its instance's, which only those see who see the site.
CREATE TABLE package (
    id    BIGINT       NOT NULL PRIMARY KEY,
    sort  VARCHAR(162) NOT NULL UNIQUE,
    app   VARCHAR(16)  NOT NULL,
    type  VARCHAR(16)  NOT NULL,
    name  VARCHAR(128) NOT NULL,
    label VARCHAR(128) NOT NULL DEFAULT ''
);

CREATE TABLE package_release (
    id      BIGINT      NOT NULL PRIMARY KEY,
    package BIGINT      NOT NULL REFERENCES package (id),
    version VARCHAR(64) NOT NULL
);
CREATE UNIQUE INDEX package_release_version ON package_release (package, version);

-- A release on an object: a platform (status is empty) or a site (enabled or disabled). Sets of them come as scans (a number each): a
-- scan's rows are written as they come, and shown at its end, when those of the former one go.
CREATE TABLE package_instance (
    object     VARCHAR(13)  NOT NULL,
    scan       BIGINT       NOT NULL,
    release_id BIGINT       NOT NULL REFERENCES package_release (id),
    path       VARCHAR(255) NOT NULL,
    status     VARCHAR(16)  NOT NULL,
    db_schema  VARCHAR(32)  NOT NULL,
    label      VARCHAR(128) NOT NULL,
    shown      SMALLINT     NOT NULL DEFAULT 0,
    PRIMARY KEY (object, scan, release_id, path)
);
CREATE INDEX package_instance_release ON package_instance (release_id, shown, status, object);

-- How far an object's latest scan was taken in; and when the last whole one ended, which is shown.
CREATE TABLE package_scan (
    object VARCHAR(13) NOT NULL PRIMARY KEY,
    scan   BIGINT      NOT NULL,
    items  BIGINT      NOT NULL,
    ended  BIGINT      NOT NULL DEFAULT 0
);

INSERT INTO client (id, name, created) VALUES (1, 'administrator', 0);
INSERT INTO schema_version (version) VALUES (1);

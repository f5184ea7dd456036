<?php
/*
 * The site's database, as drivers use it where the CMS is not loaded, or would print a page and end where it cannot be
 * used: logs in as the site does, and gives each failure a name.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision;

const DB_SECONDS = 10;

/** Errors of MariaDB that people can do something about; all others are DB_FAILED. */
const DB_ERRORS = [
    1040 => 'DB_DOWN', 1053 => 'DB_DOWN', 1129 => 'DB_DOWN', 1203 => 'DB_DOWN', 1226 => 'DB_DOWN',
    2002 => 'DB_DOWN', 2003 => 'DB_DOWN', 2005 => 'DB_DOWN', 2006 => 'DB_DOWN', 2013 => 'DB_DOWN',
    1044 => 'DB_DENIED', 1045 => 'DB_DENIED', 1049 => 'DB_DENIED', 1142 => 'DB_DENIED', 1698 => 'DB_DENIED',
    1021 => 'DISK_FULL', 1114 => 'DISK_FULL',
];

function db_connect(Request $request): \mysqli
{
    if (!extension_loaded('mysqli')) {
        throw new Failure('DRIVER_FAILED', 'PHP has no mysqli: install the package php-mysql');
    }
    mysqli_report(MYSQLI_REPORT_OFF);
    $db = mysqli_init();
    $db->options(MYSQLI_OPT_CONNECT_TIMEOUT, DB_SECONDS);
    $socket = $request->has('db.socket') ? $request->need('db.socket') : null;
    $host = $socket !== null ? 'localhost' : $request->need('db.host');
    $port = (int) $request->get('db.port', '3306');
    $secret = secret_read($request->need('db.secret_file'));
    if (!@$db->real_connect($host, $request->need('db.user'), $secret, $request->need('db.name'), $port, $socket)) {
        throw db_failure(mysqli_connect_errno(), (string) mysqli_connect_error());
    }
    $db->set_charset('utf8mb4');
    return $db;
}

/** That the site can log in. */
function db_check(Request $request): void
{
    db_connect($request)->close();
}

/** Runs one statement; its parameters stand for ? in it. @return array[] its rows, none where it has no result */
function db_rows(\mysqli $db, string $sql, array $parameters = []): array
{
    $result = $db->execute_query($sql, $parameters);
    if ($result === false) {
        throw db_failure($db->errno, $db->error);
    }
    return $result === true ? [] : $result->fetch_all(MYSQLI_ASSOC);
}

/** Bytes of all tables. */
function db_size(\mysqli $db): int
{
    $sql = 'SELECT SUM(data_length + index_length) AS bytes FROM information_schema.tables'
        . ' WHERE table_schema = DATABASE()';
    return (int) db_rows($db, $sql)[0]['bytes'];
}

function db_failure(int $number, string $text): Failure
{
    return new Failure(DB_ERRORS[$number] ?? 'DB_FAILED', "database: $text", 'db_server');
}

<?php
/*
 * After a site got another address or another id: rewrites both wherever its database holds them. Serialized values,
 * which extensions nest in each other, are walked as text: their strings get new lengths and no object is ever made of
 * them. Doing it again changes nothing.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision;

const MOVE_ROWS = 200;

/** What a serialized value that holds strings begins with, and all its parts that are no strings. */
const SERIALIZED = '/^(?:s:\d+:"|[aOC]:\d+:)/';
const SERIALIZED_OTHER = '/\G(?:N;|[birR]:-?\d+;|d:[^;]+;|a:\d+:\{|O:\d+:"[^"]+":\d+:\{|E:\d+:"[^"]+";|\})/';

/**
 * Request: args.from_url, the address before; args.from_id, the id before where a copy of a site has a new one.
 * $wanted(table, column) is whether a column of texts is to be rewritten. Gives how many rows changed.
 */
function database_move(Request $request, Report $report, callable $wanted): int
{
    $old = [url_place($request->need('args.from_url')), $request->get('args.from_id', $request->need('site.id'))];
    $new = [url_place($request->need('site.url')), $request->need('site.id')];
    $search = array_values(array_filter($old, fn (string $text): bool => !in_array($text, $new, true)));
    $replace = fn (string $text): string => text_move($text, $old, $new);
    $db = db_connect($request);
    $tables = $search === [] ? [] : move_tables($db, $wanted);
    $changed = 0;
    foreach (array_keys($tables) as $done => $table) {
        $report->progress($done, count($tables));
        $changed += table_move($db, $table, $tables[$table], $search, $replace);
    }
    $report->progress(count($tables), count($tables));
    $db->close();
    return $changed;
}

/** Host and port of an address, as links hold it. */
function url_place(string $url): string
{
    $host = parse_url($url, PHP_URL_HOST);
    if (!is_string($host)) {
        throw new Failure('SCHEMA', "$url is no address", 'args.from_url');
    }
    $port = parse_url($url, PHP_URL_PORT);
    return $port === null ? $host : "$host:$port";
}

/**
 * Links are known by the slashes before their host, plain or as JSON and queries spell them; mail addresses have none.
 */
function text_move(string $text, array $old, array $new): string
{
    $link = '~(//|\\\\/\\\\/|%2F%2F)' . preg_quote($old[0], '~') . '(?![a-z0-9-]|\.[a-z0-9])~i';
    $text = preg_replace_callback($link, fn (array $found): string => $found[1] . $new[0], $text);
    return str_replace($old[1], $new[1], $text);
}

/** A database value: serialized, plain, or serialized in a way that cannot be rewritten and so stays. */
function value_move(string $text, callable $replace): string
{
    $moved = serialized_move($text, $replace);
    return $moved ?? (preg_match(SERIALIZED, $text) === 1 ? $text : $replace($text));
}

/** null where TEXT is no serialized value, or one of a class with a format of its own. */
function serialized_move(string $text, callable $replace): ?string
{
    $new = '';
    for ($at = 0; $at < strlen($text); $at += strlen($token)) {
        if (preg_match('/\Gs:(\d+):"/', $text, $found, 0, $at) === 1) {
            $value = substr($text, $at + strlen($found[0]), (int) $found[1]);
            $token = "$found[0]$value\";";
            if (substr_compare($text, $token, $at, strlen($token)) !== 0) {
                return null;
            }
            $value = value_move($value, $replace);
            $new .= 's:' . strlen($value) . ":\"$value\";";
        } elseif (preg_match(SERIALIZED_OTHER, $text, $found, 0, $at) === 1) {
            $new .= $token = $found[0];
        } else {
            return null;
        }
    }
    return $new;
}

/** Tables with a primary key and texts that are wanted: table => [its key's columns, its texts' columns]. */
function move_tables(\mysqli $db, callable $wanted): array
{
    $tables = [];
    $sql = "SELECT table_name AS t, column_name AS c, column_key = 'PRI' AS k, data_type REGEXP 'char|text|blob' AS s "
        . 'FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position';
    foreach (db_rows($db, $sql) as ['t' => $table, 'c' => $column, 'k' => $key, 's' => $text]) {
        $tables[$table] ??= [[], []];
        if ($key) {
            $tables[$table][0][] = $column;
        } elseif ($text && $wanted($table, $column)) {
            $tables[$table][1][] = $column;
        }
    }
    return array_filter($tables, fn (array $columns): bool => $columns[0] !== [] && $columns[1] !== []);
}

/** Rewrites the rows that hold one of the SEARCH texts, in the order of their key, a page at a time. */
function table_move(\mysqli $db, string $table, array $columns, array $search, callable $replace): int
{
    $changed = 0;
    $after = [];
    do {
        $rows = db_rows($db, ...move_query($table, $columns, $search, $after));
        foreach ($rows as $row) {
            $key = array_intersect_key($row, array_flip($columns[0]));
            $values = array_filter(array_diff_key($row, $key), is_string(...));
            $moved = array_map(fn (string $value): string => value_move($value, $replace), $values);
            $differ = array_diff_assoc($moved, $values);
            if ($differ !== []) {
                $sql = "UPDATE `$table` SET " . equals($differ, ', ') . ' WHERE ' . equals($key, ' AND ');
                db_rows($db, $sql, [...array_values($differ), ...array_values($key)]);
                $changed++;
            }
            $after = array_values($key);
        }
    } while (count($rows) === MOVE_ROWS);
    return $changed;
}

/** @return array{string, array} statement and parameters of the next page, whose keys are beyond AFTER */
function move_query(string $table, array $columns, array $search, array $after): array
{
    $list = fn (array $names): string => '`' . implode('`, `', $names) . '`';
    $like = $values = [];
    foreach ($columns[1] as $column) {
        foreach ($search as $text) {
            $like[] = "`$column` LIKE ?";
            $values[] = '%' . addcslashes($text, '\\%_') . '%';
        }
    }
    $where = '(' . implode(' OR ', $like) . ')';
    if ($after !== []) {
        $where .= " AND ({$list($columns[0])}) > (" . implode(', ', array_fill(0, count($after), '?')) . ')';
    }
    $sql = "SELECT {$list([...$columns[0], ...$columns[1]])} FROM `$table` WHERE $where ORDER BY {$list($columns[0])}";
    return [$sql . ' LIMIT ' . MOVE_ROWS, [...$values, ...$after]];
}

/** "`a` = ?, `b` = ?" */
function equals(array $row, string $glue): string
{
    return implode($glue, array_map(fn (string $column): string => "`$column` = ?", array_keys($row)));
}

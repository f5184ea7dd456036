<?php
/*
 * After a site got another address or another id: rewrites both wherever its database holds them. Serialized values,
 * which plugins nest in each other, are walked as text: their strings get new lengths and no object is ever made of
 * them. guid stays, which feed readers know a post by. Doing it again changes nothing.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\WordPress;

use Provision\{Failure, Report, Request};

const MOVE_ROWS = 200;
const MOVE_KEPT = ['guid'];

/** What a serialized value that holds strings begins with, and all its parts that are no strings. */
const SERIALIZED = '/^(?:s:\d+:"|[aOC]:\d+:)/';
const SERIALIZED_OTHER = '/\G(?:N;|[birR]:-?\d+;|d:[^;]+;|a:\d+:\{|O:\d+:"[^"]+":\d+:\{|E:\d+:"[^"]+";|\})/';

/** Request: args.from_url, the address before; args.from_id, the id before where a copy of a site has a new one. */
function move(Request $request, Report $report): void
{
    $old = [url_place($request->need('args.from_url')), $request->get('args.from_id', $request->need('site.id'))];
    $new = [url_place($request->need('site.url')), $request->need('site.id')];
    $tables = move_tables();
    $changed = 0;
    foreach (array_keys($tables) as $done => $table) {
        $report->progress($done, count($tables));
        $changed += table_move($table, $tables[$table], array_filter($old, fn ($text) => !in_array($text, $new, true)),
            fn (string $text): string => text_move($text, $old, $new));
    }
    $report->progress(count($tables), count($tables));
    clear($request, $report);
    $report->fact('rows_changed', $changed);
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

/** The site's tables that have texts and a primary key: table => [its key's columns, its texts' columns]. */
function move_tables(): array
{
    global $wpdb, $table_prefix;
    $tables = [];
    $sql = "SELECT table_name AS t, column_name AS c, column_key = 'PRI' AS k, data_type REGEXP 'char|text' AS s "
        . 'FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name LIKE %s '
        . 'ORDER BY table_name, ordinal_position';
    foreach ($wpdb->get_results($wpdb->prepare($sql, $wpdb->esc_like($table_prefix) . '%')) as $column) {
        $tables[$column->t] ??= [[], []];
        if ($column->k) {
            $tables[$column->t][0][] = $column->c;
        } elseif ($column->s && !in_array($column->c, MOVE_KEPT, true)) {
            $tables[$column->t][1][] = $column->c;
        }
    }
    return array_filter($tables, fn (array $columns): bool => $columns[0] !== [] && $columns[1] !== []);
}

/**
 * Rewrites the rows in which one of the OLD texts is, in the order of their key, a page at a time; gives how many
 * changed.
 */
function table_move(string $table, array $columns, array $old, callable $replace): int
{
    global $wpdb;
    $changed = 0;
    for ($after = null; $old !== []; $after = $last) {
        $rows = $wpdb->get_results(move_query($table, $columns, $old, $after), ARRAY_A);
        foreach ($rows as $row) {
            $key = array_intersect_key($row, array_flip($columns[0]));
            $values = array_filter(array_diff_key($row, $key), is_string(...));
            $moved = array_map(fn (string $value): string => value_move($value, $replace), $values);
            $differ = array_diff_assoc($moved, $values);
            if ($differ !== [] && $wpdb->update($table, $differ, $key) === false) {
                throw new Failure('DB_FAILED', "table $table: {$wpdb->last_error}", 'db_server');
            }
            $changed += $differ !== [] ? 1 : 0;
            $last = array_values($key);
        }
        if (count($rows) < MOVE_ROWS) {
            break;
        }
    }
    return $changed;
}

function move_query(string $table, array $columns, array $old, ?array $after): string
{
    global $wpdb;
    $list = fn (array $names): string => '`' . implode('`, `', $names) . '`';
    $like = $values = [];
    foreach ($columns[1] as $column) {
        foreach ($old as $text) {
            $like[] = "`$column` LIKE %s";
            $values[] = '%' . $wpdb->esc_like($text) . '%';
        }
    }
    $where = '(' . implode(' OR ', $like) . ')';
    if ($after !== null) {
        $where .= " AND ({$list($columns[0])}) > (" . implode(', ', array_fill(0, count($after), '%s')) . ')';
        $values = [...$values, ...$after];
    }
    $sql = "SELECT {$list([...$columns[0], ...$columns[1]])} FROM `$table` WHERE $where ORDER BY {$list($columns[0])}";
    return $wpdb->prepare($sql . ' LIMIT ' . MOVE_ROWS, $values);
}

<?php
/*
 * A WordPress site as its folder and its database: writes its settings, looks whether the database answers, and says
 * which files of the code base load it. The database password is read where it is used and written nowhere.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\WordPress;

use Provision\{Failure, Request};
use function Provision\{file_write, folder_make, secret_read};

const DB_SECONDS = 10;

/** Errors of MariaDB that people can do something about; all others are DB_FAILED. */
const DB_ERRORS = [
    1040 => 'DB_DOWN', 1053 => 'DB_DOWN', 1129 => 'DB_DOWN', 1203 => 'DB_DOWN', 1226 => 'DB_DOWN',
    2002 => 'DB_DOWN', 2003 => 'DB_DOWN', 2005 => 'DB_DOWN', 2006 => 'DB_DOWN', 2013 => 'DB_DOWN',
    1044 => 'DB_DENIED', 1045 => 'DB_DENIED', 1049 => 'DB_DENIED', 1142 => 'DB_DENIED', 1698 => 'DB_DENIED',
    1021 => 'DISK_FULL', 1114 => 'DISK_FULL',
];

const KEYS = [
    'AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY',
    'AUTH_SALT', 'SECURE_AUTH_SALT', 'LOGGED_IN_SALT', 'NONCE_SALT',
];

/** Writes DATA/wp-config.php and makes DATA/files. */
function settings_write(Request $request): void
{
    $file = $request->need('site.data') . '/wp-config.php';
    $words = [
        'DB_NAME' => $request->need('db.name'),
        'DB_USER' => $request->need('db.user'),
        'DB_SECRET' => $request->need('db.secret_file'),
        'DB_HOST' => db_host($request),
        'URL' => rtrim($request->need('site.url'), '/'),
        'UPLOADS' => 'sites/' . $request->need('site.id') . '/files',
        'TMP' => $request->need('site.tmp'),
    ] + settings_keys($file);
    $replace = [];
    foreach ($words as $word => $value) {
        $replace["'@$word@'"] = var_export($value, true);
    }
    file_write($file, strtr(file_get_contents(__DIR__ . '/site-config.php'), $replace), 0600);
    folder_make($request->need('site.data') . '/files');
}

/** The keys that an earlier settings file has, or new ones: they hold sessions and links valid over a move. */
function settings_keys(string $file): array
{
    $old = (string) @file_get_contents($file);
    $keys = [];
    foreach (KEYS as $name) {
        $found = preg_match("/^define\('$name', '([0-9a-f]{64})'\);/m", $old, $match) === 1;
        $keys[$name] = $found ? $match[1] : bin2hex(random_bytes(32));
    }
    return $keys;
}

/** As WordPress wants it: host:port, [v6]:port, or localhost:/path/of/socket. */
function db_host(Request $request): string
{
    if ($request->has('db.socket')) {
        return 'localhost:' . $request->need('db.socket');
    }
    $host = $request->need('db.host');
    return (str_contains($host, ':') ? "[$host]" : $host) . ':' . $request->get('db.port', '3306');
}

/**
 * Connects as the site does. WordPress would print a page and end where the database cannot be used; this way the
 * failure has a name.
 */
function db_check(Request $request): void
{
    if (!extension_loaded('mysqli')) {
        throw new Failure('DRIVER_FAILED', 'PHP has no mysqli: install the package php-mysql');
    }
    mysqli_report(MYSQLI_REPORT_OFF);
    $db = mysqli_init();
    $db->options(MYSQLI_OPT_CONNECT_TIMEOUT, DB_SECONDS);
    $db->options(MYSQLI_OPT_READ_TIMEOUT, DB_SECONDS);
    $socket = $request->has('db.socket') ? $request->need('db.socket') : null;
    $host = $socket !== null ? 'localhost' : $request->need('db.host');
    $port = (int) $request->get('db.port', '3306');
    $secret = secret_read($request->need('db.secret_file'));
    if (!@$db->real_connect($host, $request->need('db.user'), $secret, $request->need('db.name'), $port, $socket)) {
        $reason = DB_ERRORS[mysqli_connect_errno()] ?? 'DB_FAILED';
        throw new Failure($reason, 'database: ' . mysqli_connect_error(), 'db_server');
    }
    $db->close();
}

/** A new site: its settings, then WordPress in the state in which its tables may be missing. */
function load_new(Request $request): array
{
    db_check($request);
    settings_write($request);
    return load($request, ['wp-admin/includes/upgrade.php'], true);
}

function load_site(Request $request): array
{
    db_check($request);
    return load($request, ['wp-admin/includes/plugin.php']);
}

/** For database updates: plugins are not loaded, they may be what a half-done update breaks. */
function load_upgrade(Request $request): array
{
    db_check($request);
    return load($request, ['wp-admin/includes/upgrade.php'], true);
}

function load_cron(Request $request): array
{
    define('DOING_CRON', true);
    return load_site($request);
}

/** A site that has moved: its settings say the new address before WordPress is loaded. */
function load_moved(Request $request): array
{
    db_check($request);
    settings_write($request);
    return load($request, ['wp-admin/includes/plugin.php']);
}

function load_if_site(Request $request): array
{
    return $request->has('site') ? load_site($request) : [];
}

/** @return string[] what the driver is to load, after the request that WordPress thinks it serves was set up */
function load(Request $request, array $files, bool $installing = false): array
{
    $root = $request->need('platform.root');
    $settings = $request->need('site.data') . '/wp-config.php';
    if (!is_readable($settings)) {
        throw new Failure('DRIVER_FAILED', "cannot read $settings: the site was not installed, or its owner changed");
    }
    putenv('PV_SITE=' . $request->need('site.id'));
    putenv('PV_DATA=' . $request->need('site.data'));
    if ($installing) {
        define('WP_INSTALLING', true);
    }
    request_pretend($request->need('site.url'));
    $GLOBALS['wp_filter']['wp_die_handler'][0][] = ['function' => fn () => die_handler(...), 'accepted_args' => 1];
    chdir($root);
    return array_map(fn (string $file): string => "$root/$file", ['wp-load.php', ...$files]);
}

function request_pretend(string $url): void
{
    $host = (string) parse_url($url, PHP_URL_HOST);
    $port = parse_url($url, PHP_URL_PORT);
    $_SERVER = [
        'HTTP_HOST' => $port === null ? $host : "$host:$port",
        'SERVER_NAME' => $host,
        'SERVER_PROTOCOL' => 'HTTP/1.1',
        'REQUEST_METHOD' => 'GET',
        'REQUEST_URI' => '/',
        'SCRIPT_NAME' => '/index.php',
        'PHP_SELF' => '/index.php',
        'REMOTE_ADDR' => '127.0.0.1',
    ] + (parse_url($url, PHP_URL_SCHEME) === 'https' ? ['HTTPS' => 'on'] : []) + $_SERVER;
}

/** WordPress ends a script by wp_die(), in words for a browser. */
function die_handler(mixed $message): never
{
    $text = $message instanceof \WP_Error ? $message->get_error_message() : (string) $message;
    $text = trim(preg_replace('/\s+/', ' ', html_entity_decode(strip_tags($text), ENT_QUOTES | ENT_HTML5)));
    throw new Failure('DRIVER_FAILED', "WordPress ended with: $text");
}

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
use function Provision\{db_check, file_write, folder_make, html_text, request_pretend, settings_text};

const KEYS = [
    'AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY',
    'AUTH_SALT', 'SECURE_AUTH_SALT', 'LOGGED_IN_SALT', 'NONCE_SALT',
];

/** Writes DATA/wp-config.php and makes DATA/files. */
function settings_write(Request $request): void
{
    $file = $request->need('site.data') . '/wp-config.php';
    $address = parse_url($request->need('site.url'));
    $words = [
        'DB_NAME' => $request->need('db.name'),
        'DB_USER' => $request->need('db.user'),
        'DB_SECRET' => $request->need('db.secret_file'),
        'DB_HOST' => db_host($request),
        'URI' => $request->need('site.uri'),
        'SCHEME' => $address['scheme'],
        'PORT' => isset($address['port']) ? ":{$address['port']}" : '',
        'UPLOADS' => 'sites/' . $request->need('site.id') . '/files',
        'TMP' => $request->need('site.tmp'),
    ] + settings_keys($file);
    file_write($file, settings_text(__DIR__ . '/site-config.php', $words), 0600);
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
    request_pretend($root, $request->need('site.url'));
    $GLOBALS['wp_filter']['wp_die_handler'][0][] = ['function' => fn () => die_handler(...), 'accepted_args' => 1];
    chdir($root);
    return array_map(fn (string $file): string => "$root/$file", ['wp-load.php', ...$files]);
}

/** WordPress ends a script by wp_die(), in words for a browser. */
function die_handler(mixed $message): never
{
    $text = html_text($message instanceof \WP_Error ? $message->get_error_message() : (string) $message);
    throw new Failure('DRIVER_FAILED', "WordPress ended with: $text");
}

<?php
/*
 * Driver of WordPress: the table of its verbs, and those that are a few calls of WordPress. The contract is
 * provision-driver(7).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\WordPress;

use Provision\{Driver, Failure, Report, Request};
use function Provision\{db_connect, db_size, file_write, folder_size};

require dirname(__DIR__) . '/driver.php';
require dirname(__DIR__) . '/database.php';
require dirname(__DIR__) . '/move.php';
require __DIR__ . '/code.php';
require __DIR__ . '/site.php';
require __DIR__ . '/install.php';
require __DIR__ . '/move.php';

/** verb => [what it does, what runs before and says which files of WordPress are loaded] */
const VERBS = [
    'detect'      => [__NAMESPACE__ . '\detect'],
    'setup'       => [__NAMESPACE__ . '\setup'],
    'packages'    => [__NAMESPACE__ . '\packages', __NAMESPACE__ . '\load_if_site'],
    'install'     => [__NAMESPACE__ . '\install', __NAMESPACE__ . '\load_new'],
    'status'      => [__NAMESPACE__ . '\status', __NAMESPACE__ . '\load_site'],
    'update'      => [__NAMESPACE__ . '\update', __NAMESPACE__ . '\load_upgrade'],
    'cron'        => [__NAMESPACE__ . '\cron', __NAMESPACE__ . '\load_cron'],
    'login'       => [__NAMESPACE__ . '\login', __NAMESPACE__ . '\load_site'],
    'stats'       => [__NAMESPACE__ . '\stats', __NAMESPACE__ . '\load_site'],
    'maintenance' => [__NAMESPACE__ . '\maintenance'],
    'clear'       => [__NAMESPACE__ . '\clear', __NAMESPACE__ . '\load_site'],
    'move'        => [__NAMESPACE__ . '\move', __NAMESPACE__ . '\load_moved'],
];

const LOGIN_SECONDS = 900;

/** The plugins and themes that this site uses, as "TYPE NAME". */
function site_packages(): array
{
    return array_merge(
        array_map(fn (string $name): string => "module $name", array_values((array) get_option('active_plugins', []))),
        array_map(fn (string $name): string => "theme $name", array_unique([get_stylesheet(), get_template()]))
    );
}

function status(Request $request, Report $report): void
{
    $report->fact('version', $GLOBALS['wp_version']);
    $report->fact('title', site_title());
    $report->fact('schema', (int) get_option('db_version'));
    $report->fact('update', (int) get_option('db_version') === (int) $GLOBALS['wp_db_version'] ? 'none' : 'pending');
    $report->fact('maintenance', is_file(maintenance_file($request)) ? 'on' : 'off');
}

/** As people wrote it; WordPress stores it with HTML entities. */
function site_title(): string
{
    return html_entity_decode((string) get_option('blogname'), ENT_QUOTES | ENT_HTML5);
}

function update(Request $request, Report $report): void
{
    $wanted = (int) $GLOBALS['wp_db_version'];
    $found = (int) get_option('db_version');
    if ($found > $wanted) {
        throw new Failure('DRIVER_FAILED', "the code base is older ($wanted) than the database ($found)", 'platform');
    }
    wp_upgrade();
    wp_cache_flush();
    $now = (int) get_option('db_version');
    if ($now !== $wanted) {
        throw new Failure('DRIVER_FAILED', "the database still has version $now, not $wanted");
    }
    $report->log('info', "the database had version $found and has $now");
    $report->fact('schema', $now);
    packages($request, $report);
}

/** Each event is put off to its next time before it runs: one that dies is not run again and again. */
function cron(Request $request, Report $report): void
{
    $ran = 0;
    foreach (wp_get_ready_cron_jobs() as $time => $hooks) {
        foreach ($hooks as $hook => $events) {
            foreach ($events as $event) {
                if ($event['schedule']) {
                    wp_reschedule_event($time, $event['schedule'], $hook, $event['args']);
                }
                wp_unschedule_event($time, $hook, $event['args']);
                $report->log('info', "event $hook");
                do_action_ref_array($hook, $event['args']);
                $ran++;
            }
        }
    }
    $report->fact('events', $ran);
}

/** A link that lets in once, within 15 minutes; platform/hostmaster.php is its other end. */
function login(Request $request, Report $report): void
{
    $user = login_user($request->get('args.admin_name'));
    login_expire();
    $token = bin2hex(random_bytes(32));
    $link = ['user' => $user->ID, 'expires' => time() + LOGIN_SECONDS];
    if (!add_option('hostmaster_login_' . hash('sha256', $token), $link, '', 'no')) {
        throw new Failure('DRIVER_FAILED', 'the link could not be stored in the database');
    }
    $report->fact('login_url', site_url("wp-login.php?action=hostmaster&token=$token", 'login'));
}

function login_user(string $name): \WP_User
{
    if ($name !== '') {
        $user = get_user_by('login', $name);
        return $user ?: throw new Failure('DRIVER_FAILED', "the site has no user $name", 'admin_name');
    }
    $first = get_users(['role' => 'administrator', 'orderby' => 'ID', 'number' => 1]);
    return $first[0] ?? throw new Failure('DRIVER_FAILED', 'the site has no administrator', 'admin_name');
}

function login_expire(): void
{
    global $wpdb;
    $sql = "SELECT option_name FROM $wpdb->options WHERE option_name LIKE %s";
    foreach ($wpdb->get_col($wpdb->prepare($sql, $wpdb->esc_like('hostmaster_login_') . '%')) as $name) {
        if (get_option($name)['expires'] < time()) {
            delete_option($name);
        }
    }
}

function stats(Request $request, Report $report): void
{
    $report->fact('users', (int) count_users()['total_users']);
    $report->fact('posts', (int) wp_count_posts()->publish);
    $report->fact('pages', (int) wp_count_posts('page')->publish);
    $report->fact('comments', (int) wp_count_comments()->approved);
    $report->fact('files_bytes', folder_size($request->need('site.data')));
    $report->fact('database_bytes', db_size(db_connect($request)));
}

/**
 * The platform's wp-config.php answers 503 while the file is there; so the site is closed even where its code is
 * broken.
 */
function maintenance(Request $request, Report $report): void
{
    $file = maintenance_file($request);
    $wanted = $request->need('args.maintenance');
    match ($wanted) {
        'on' => file_write($file, '', 0600),
        'off' => is_file($file) && unlink($file),
        default => throw new Failure('SCHEMA', 'maintenance must be on or off', 'args.maintenance'),
    };
    $report->fact('maintenance', $wanted);
}

function maintenance_file(Request $request): string
{
    return $request->need('site.data') . '/.maintenance';
}

function clear(Request $request, Report $report): void
{
    wp_cache_flush();
    delete_expired_transients(true);
    flush_rewrite_rules(false);
}

// WordPress and its plugins expect to be loaded outside of any function.
$provision = new Driver(VERBS);
foreach ($provision->prepare() as $provision_file) {
    require $provision_file;
}
$provision->run();

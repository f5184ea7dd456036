<?php
/*
 * The verbs of a Drupal, as 7 and its successors have them alike. A driver requires this file and adds what each does in
 * a way of its own, under the same names and in this namespace; no process loads two of them. It has these constants:
 *
 *     FOLDERS       of extensions, in the order in which later ones win     INFO  how their info files' names end
 *     COUNTS        fact => [table, condition] of the statistics            MOVE_SKIPPED  tables that no move rewrites
 *
 * and these functions: detect, code_version, core_version; site_boot, site_rebuild, site_settings, site_name, site_extensions,
 * schema_installed, updates_known; maintenance_get, maintenance_set; language_install, install_call; cron_events, cron_run; user_find,
 * login_timeout, login_link; update_boot, update_load, update_requirements, updates_finish, updates_wait.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Drupal;

use Provision\{Failure, Report, Request};
use function Provision\{database_move, files_place};

require dirname(__DIR__) . '/driver.php';
require dirname(__DIR__) . '/database.php';
require dirname(__DIR__) . '/move.php';
require __DIR__ . '/common.php';
require __DIR__ . '/extension.php';

const VERBS = [
    'detect'      => [__NAMESPACE__ . '\detect'],
    'setup'       => [__NAMESPACE__ . '\setup'],
    'packages'    => [__NAMESPACE__ . '\packages'],
    'install'     => [__NAMESPACE__ . '\install'],
    'status'      => [__NAMESPACE__ . '\status'],
    'update'      => [__NAMESPACE__ . '\update'],
    'cron'        => [__NAMESPACE__ . '\cron'],
    'login'       => [__NAMESPACE__ . '\login'],
    'stats'       => [__NAMESPACE__ . '\stats'],
    'maintenance' => [__NAMESPACE__ . '\maintenance'],
    'clear'       => [__NAMESPACE__ . '\clear'],
    'move'        => [__NAMESPACE__ . '\move'],
];

function setup(Request $request, Report $report): void
{
    files_place($request->need('platform.root'), PLATFORM_FILES, $report);
}

/** @return array<string, Extension> of the code base, and the site's own */
function code_extensions(Request $request): array
{
    $root = $request->need('platform.root');
    $own = $request->has('site') ? [site_path($request) . '/modules', site_path($request) . '/themes'] : [];
    return extensions($root, [...FOLDERS, ...$own], INFO, code_version($root));
}

function packages(Request $request, Report $report): void
{
    $version = code_version($request->need('platform.root'));
    $enabled = null;
    if ($request->has('site')) {
        site_boot($request);
        $enabled = site_extensions();
    }
    packages_report($report, code_extensions($request), $version, $enabled);
}

/**
 * Into an empty database, with settings that are complete before: the installer asks nothing, sends no mail and needs no
 * network.
 */
function install(Request $request, Report $report): void
{
    $profile = profile_name($request, code_extensions($request));
    $language = language_install($request, $profile);
    $form = install_form($request);
    db_must_be_empty($request);
    site_settings($request);
    site_choose($request);
    install_run($request, fn () => install_call($request, $profile, $language, $form));
    $report->fact('title', site_title($request));
    $report->fact('version', core_version());
    $report->fact('schema', schema_installed()['system']);
    $report->fact('admin_name', admin_name($request));
    packages_report($report, code_extensions($request), core_version(), site_extensions());
}

function status(Request $request, Report $report): void
{
    site_boot($request);
    $report->fact('version', core_version());
    $report->fact('title', site_name());
    $report->fact('schema', schema_installed()['system']);
    $report->fact('update', updates_wait() ? 'pending' : 'none');
    $report->fact('maintenance', maintenance_get() ? 'on' : 'off');
}

/**
 * Brings the database to the version of the code base. The site is closed meanwhile, and opened again however this ends
 * but by a kill.
 */
function update(Request $request, Report $report): void
{
    update_boot($request);
    update_load();
    schema_check(schema_installed(), code_extensions($request));
    requirements_check(update_requirements());
    $before = maintenance_get();
    register_shutdown_function(fn () => maintenance_set($before));
    maintenance_set(true);
    $done = updates_run($report);
    $done += updates_finish($report);
    $report->log('info', "$done updates");
    $report->fact('schema', schema_installed()['system']);
    packages_report($report, code_extensions($request), code_version($request->need('platform.root')), site_extensions());
}

function cron(Request $request, Report $report): void
{
    site_boot($request);
    $events = cron_events();
    if (!cron_run()) {
        throw new Failure('DRIVER_FAILED', 'another run of cron is under way, or died within the last 15 minutes');
    }
    $report->fact('events', $events);
}

/**
 * Drupal's own link for a forgotten password: its page has a button, and only that uses it up. Where the account's last
 * login is later than the moment that the link bears, or never was, it is set to that moment: Drupal refuses the link
 * otherwise, or never lets it end.
 */
function login(Request $request, Report $report): void
{
    site_boot($request);
    $name = $request->get('args.admin_name');
    $user = user_find($name);
    if ($user === null) {
        $who = $name !== '' ? "user $name" : 'first administrator';
        throw new Failure('DRIVER_FAILED', "the site has no $who, or it is blocked", 'admin_name');
    }
    $report->fact('login_url', login_link($user, login_moment(login_timeout())));
}

function stats(Request $request, Report $report): void
{
    stats_report($request, $report, COUNTS);
}

function maintenance(Request $request, Report $report): void
{
    $wanted = maintenance_wanted($request);
    site_boot($request);
    maintenance_set($wanted);
    $report->fact('maintenance', $wanted ? 'on' : 'off');
}

function clear(Request $request, Report $report): void
{
    site_rebuild($request);
}

/** What Drupal remembers of paths, of the code base and of the site's files, is made anew. */
function move(Request $request, Report $report): void
{
    site_settings($request);
    $wanted = fn (string $table): bool => preg_match(MOVE_SKIPPED, $table) !== 1;
    $changed = database_move($request, $report, $wanted);
    site_rebuild($request);
    $report->fact('rows_changed', $changed);
}

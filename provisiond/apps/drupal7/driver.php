<?php
/*
 * Driver of Drupal 7: the table of its verbs, and those that are a few calls of Drupal. The contract is
 * provision-driver(7). On PHP 8.2 releases before 7.98 are loud with deprecations, and on later PHP all are.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Drupal7;

use Provision\{Driver, Failure, Report, Request};
use function Provision\database_move;
use function Provision\Drupal\{login_moment, maintenance_wanted, stats_report};

require dirname(__DIR__) . '/driver.php';
require dirname(__DIR__) . '/database.php';
require dirname(__DIR__) . '/move.php';
require dirname(__DIR__) . '/drupal/common.php';
require dirname(__DIR__) . '/drupal/extension.php';
require __DIR__ . '/code.php';
require __DIR__ . '/site.php';
require __DIR__ . '/install.php';
require __DIR__ . '/update.php';

const VERBS = [
    'detect'      => [__NAMESPACE__ . '\detect'],
    'setup'       => ['Provision\Drupal\setup'],
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

const LOGIN_TIMEOUT = 86400; // Drupal's own, where its variable is not set

/** What the statistics count: fact => [table, condition]. */
const COUNTS = [
    'users'    => ['users', 'uid > 0'],
    'posts'    => ['node', "status = 1 AND type <> 'page'"],
    'pages'    => ['node', "status = 1 AND type = 'page'"],
    'comments' => ['comment', 'status = 1'],
];

/** Tables that are emptied, rebuilt or of no use after a move. */
const MOVE_SKIPPED = '/^(cache.*|watchdog|sessions|semaphore|flood|batch|queue|menu_router|registry.*|search_.*)$/';

function status(Request $request, Report $report): void
{
    site_boot($request);
    $report->fact('version', VERSION);
    $report->fact('title', (string) variable_get('site_name'));
    $report->fact('schema', schema_installed()['system']);
    $report->fact('update', updates_wait() ? 'pending' : 'none');
    $report->fact('maintenance', maintenance_get() ? 'on' : 'off');
}

function cron(Request $request, Report $report): void
{
    site_boot($request);
    $events = count(module_implements('cron'));
    if (!drupal_cron_run()) {
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
    $user = login_user($request->get('args.admin_name'));
    $moment = login_moment((int) variable_get('user_password_reset_timeout', LOGIN_TIMEOUT));
    if ((int) $user->login === 0 || (int) $user->login > $moment) {
        $user->login = $moment;
        db_update('users')->fields(['login' => $moment])->condition('uid', $user->uid)->execute();
    }
    $hash = user_pass_rehash($user->pass, $moment, $user->login, $user->uid, $user->mail);
    $report->fact('login_url', url("user/reset/$user->uid/$moment/$hash", ['absolute' => true]));
}

function login_user(string $name): object
{
    $user = $name !== '' ? user_load_by_name($name) : user_load(1);
    if (!$user || (int) $user->status !== 1) {
        $who = $name !== '' ? "user $name" : 'first administrator';
        throw new Failure('DRIVER_FAILED', "the site has no $who, or it is blocked", 'admin_name');
    }
    return $user;
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

/** The registry of classes and the routes hold paths of the code base and of the site's files: both are made anew. */
function move(Request $request, Report $report): void
{
    site_settings($request);
    $wanted = fn (string $table): bool => preg_match(MOVE_SKIPPED, $table) !== 1;
    $changed = database_move($request, $report, $wanted);
    site_rebuild($request);
    $report->fact('rows_changed', $changed);
}

(new Driver(VERBS))->run();

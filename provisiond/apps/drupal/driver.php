<?php
/*
 * Driver of Drupal 8 to 11: the table of its verbs, and those that are a few calls of Drupal. The contract is
 * provision-driver(7). PHP 8.2 runs Drupal 10 only: 11 needs a newer PHP, 8 and 9 an older one, and with those it was
 * not tried.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Drupal;

use Drupal\Core\Url;
use Drupal\user\UserInterface;
use Provision\{Driver, Failure, Report, Request};
use function Provision\database_move;

require dirname(__DIR__) . '/driver.php';
require dirname(__DIR__) . '/database.php';
require dirname(__DIR__) . '/move.php';
require __DIR__ . '/common.php';
require __DIR__ . '/extension.php';
require __DIR__ . '/code.php';
require __DIR__ . '/site.php';
require __DIR__ . '/install.php';
require __DIR__ . '/update.php';

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

/** What the statistics count: fact => [table, condition]. */
const COUNTS = [
    'users'    => ['users_field_data', 'uid > 0 AND default_langcode = 1'],
    'posts'    => ['node_field_data', "status = 1 AND type <> 'page' AND default_langcode = 1"],
    'pages'    => ['node_field_data', "status = 1 AND type = 'page' AND default_langcode = 1"],
    'comments' => ['comment_field_data', 'status = 1 AND default_langcode = 1'],
];

/** Tables that are emptied, rebuilt or of no use after a move. */
const MOVE_SKIPPED = '/^(cache.*|watchdog|sessions|semaphore|flood|batch|queue|router|key_value_expire|search_.*)$/';

function status(Request $request, Report $report): void
{
    site_boot($request);
    $report->fact('version', \Drupal::VERSION);
    $report->fact('title', (string) \Drupal::config('system.site')->get('name'));
    $report->fact('schema', schema_installed()['system']);
    $report->fact('update', updates_wait() ? 'pending' : 'none');
    $report->fact('maintenance', maintenance_get() ? 'on' : 'off');
}

function cron(Request $request, Report $report): void
{
    site_boot($request);
    $events = 0;
    \Drupal::moduleHandler()->invokeAllWith('cron', function () use (&$events): void {
        $events++;
    });
    if (!\Drupal::service('cron')->run()) {
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
    $moment = login_moment((int) \Drupal::config('user.settings')->get('password_reset_timeout'));
    $last = (int) $user->getLastLoginTime();
    if ($last === 0 || $last > $moment) {
        $user->setLastLoginTime($moment);
        \Drupal::entityTypeManager()->getStorage('user')->updateLastLoginTimestamp($user);
    }
    $link = ['uid' => $user->id(), 'timestamp' => $moment, 'hash' => user_pass_rehash($user, $moment)];
    $report->fact('login_url', Url::fromRoute('user.reset', $link, ['absolute' => true])->toString());
}

function login_user(string $name): UserInterface
{
    $users = \Drupal::entityTypeManager()->getStorage('user');
    $found = $users->loadByProperties($name !== '' ? ['name' => $name] : ['uid' => 1]);
    $user = reset($found);
    if (!$user || !$user->isActive()) {
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

/** Routes and the container hold paths of the code base and of the site's files: both are made anew. */
function move(Request $request, Report $report): void
{
    site_settings($request);
    $wanted = fn (string $table): bool => preg_match(MOVE_SKIPPED, $table) !== 1;
    $changed = database_move($request, $report, $wanted);
    site_rebuild($request);
    $report->fact('rows_changed', $changed);
}

(new Driver(VERBS))->run();

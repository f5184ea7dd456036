<?php
/*
 * Driver of Drupal 7: what of the verbs (drupal/verbs.php) it does in a way of its own. The contract is
 * provision-driver(7). On PHP 8.2 releases before 7.98 are loud with deprecations, and on later PHP all are.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Drupal;

use Provision\Driver;

require dirname(__DIR__) . '/drupal/verbs.php';
require __DIR__ . '/code.php';
require __DIR__ . '/site.php';
require __DIR__ . '/install.php';
require __DIR__ . '/update.php';

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

function cron_events(): int
{
    return count(module_implements('cron'));
}

function cron_run(): bool
{
    return drupal_cron_run();
}

/** One that is not blocked, by its name or, with none, the first. */
function user_find(string $name): ?object
{
    $user = $name !== '' ? user_load_by_name($name) : user_load(1);
    return $user && (int) $user->status === 1 ? $user : null;
}

function login_timeout(): int
{
    return (int) variable_get('user_password_reset_timeout', LOGIN_TIMEOUT);
}

function login_link(object $user, int $moment): string
{
    if ((int) $user->login === 0 || (int) $user->login > $moment) {
        $user->login = $moment;
        db_update('users')->fields(['login' => $moment])->condition('uid', $user->uid)->execute();
    }
    $hash = user_pass_rehash($user->pass, $moment, $user->login, $user->uid, $user->mail);
    return url("user/reset/$user->uid/$moment/$hash", ['absolute' => true]);
}

(new Driver(VERBS))->run();

<?php
/*
 * Driver of Drupal 8 to 11: what of the verbs (verbs.php) it does in a way of its own. The contract is provision-driver(7).
 * PHP 8.2 runs Drupal 10 only: 11 needs a newer PHP, 8 and 9 an older one, and with those it was not tried.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Drupal;

use Drupal\Core\Url;
use Drupal\user\UserInterface;
use Provision\Driver;

require __DIR__ . '/verbs.php';
require __DIR__ . '/code.php';
require __DIR__ . '/site.php';
require __DIR__ . '/install.php';
require __DIR__ . '/update.php';

/** What the statistics count: fact => [table, condition]. */
const COUNTS = [
    'users'    => ['users_field_data', 'uid > 0 AND default_langcode = 1'],
    'posts'    => ['node_field_data', "status = 1 AND type <> 'page' AND default_langcode = 1"],
    'pages'    => ['node_field_data', "status = 1 AND type = 'page' AND default_langcode = 1"],
    'comments' => ['comment_field_data', 'status = 1 AND default_langcode = 1'],
];

/** Tables that are emptied, rebuilt or of no use after a move. */
const MOVE_SKIPPED = '/^(cache.*|watchdog|sessions|semaphore|flood|batch|queue|router|key_value_expire|search_.*)$/';

function cron_events(): int
{
    $events = 0;
    \Drupal::moduleHandler()->invokeAllWith('cron', function () use (&$events): void {
        $events++;
    });
    return $events;
}

function cron_run(): bool
{
    return \Drupal::service('cron')->run();
}

/** One that is not blocked, by its name or, with none, the first. */
function user_find(string $name): ?UserInterface
{
    $users = \Drupal::entityTypeManager()->getStorage('user');
    $found = $users->loadByProperties($name !== '' ? ['name' => $name] : ['uid' => 1]);
    $user = reset($found);
    return $user && $user->isActive() ? $user : null;
}

function login_timeout(): int
{
    return (int) \Drupal::config('user.settings')->get('password_reset_timeout');
}

function login_link(UserInterface $user, int $moment): string
{
    $last = (int) $user->getLastLoginTime();
    if ($last === 0 || $last > $moment) {
        $user->setLastLoginTime($moment);
        \Drupal::entityTypeManager()->getStorage('user')->updateLastLoginTimestamp($user);
    }
    $link = ['uid' => $user->id(), 'timestamp' => $moment, 'hash' => user_pass_rehash($user, $moment)];
    return Url::fromRoute('user.reset', $link, ['absolute' => true])->toString();
}

(new Driver(VERBS))->run();

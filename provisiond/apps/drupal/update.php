<?php
/*
 * What an update of Drupal 8 to 11 has of its own: a kernel, and updates without a number after the others.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Drupal;

use Drupal\Core\Update\UpdateKernel;
use Provision\{Report, Request};

function update_boot(Request $request): void
{
    site_boot($request, UpdateKernel::class);
}

function update_requirements(): array
{
    return update_check_requirements();
}

function update_load(): void
{
    require_once 'core/includes/install.inc';
    require_once 'core/includes/update.inc';
    drupal_load_updates();
}

/** Those without a number run when the tables are up to date. Gives how many. */
function updates_finish(Report $report): int
{
    drupal_flush_all_caches();
    $functions = post_updates();
    foreach ($functions as $function) {
        update_repeat($function, function (array &$context) use ($function): void {
            update_invoke_post_update($function, $context);
        });
        $report->log('info', $function);
    }
    drupal_flush_all_caches();
    return count($functions);
}

function post_updates(): array
{
    return \Drupal::service('update.post_update_registry')->getPendingUpdateFunctions();
}

function updates_wait(): bool
{
    update_load();
    return updates_pending() !== [] || post_updates() !== [];
}

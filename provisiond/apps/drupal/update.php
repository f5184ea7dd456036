<?php
/*
 * Brings the database of a site of Drupal 8 to 11 to the version of its code base. The site is closed meanwhile, and
 * opened again however this ends but by a kill.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Drupal;

use Drupal\Core\Update\UpdateKernel;
use Provision\{Report, Request};

function update(Request $request, Report $report): void
{
    site_boot($request, UpdateKernel::class);
    update_load();
    schema_check(schema_installed(), code_extensions($request));
    requirements_check(update_check_requirements());
    $before = maintenance_get();
    register_shutdown_function(fn () => maintenance_set($before));
    maintenance_set(true);
    $done = updates_run($report);
    drupal_flush_all_caches();
    $done += post_updates_run($report);
    drupal_flush_all_caches();
    $report->log('info', "$done updates");
    $report->fact('schema', schema_installed()['system']);
    $version = code_version($request->need('platform.root'))[0];
    packages_report($report, code_extensions($request), $version, site_extensions());
}

function update_load(): void
{
    require_once 'core/includes/install.inc';
    require_once 'core/includes/update.inc';
    drupal_load_updates();
}

/** Those without a number, which run when the tables are up to date. */
function post_updates_run(Report $report): int
{
    $functions = post_updates();
    foreach ($functions as $function) {
        update_repeat($function, function (array &$context) use ($function): void {
            update_invoke_post_update($function, $context);
        });
        $report->log('info', $function);
    }
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

<?php
/*
 * Brings the database of a site of Drupal 7 to the version of its code base. The site is closed meanwhile, and opened
 * again however this ends but by a kill.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Drupal7;

use Provision\{Report, Request};
use function Provision\Drupal\{packages_report, requirements_check, schema_check, updates_pending, updates_run};

function update(Request $request, Report $report): void
{
    site_boot_bare($request);
    update_load();
    schema_check(schema_installed(), code_extensions($request));
    requirements_check(module_invoke_all('requirements', 'update'));
    $before = maintenance_get();
    register_shutdown_function(fn () => maintenance_set($before));
    maintenance_set(true);
    $done = updates_run($report);
    registry_rebuild();
    drupal_flush_all_caches();
    $report->log('info', "$done updates");
    $report->fact('schema', schema_installed()['system']);
    $version = code_version($request->need('platform.root'));
    packages_report($report, code_extensions($request), $version, site_extensions());
}

function update_load(): void
{
    require_once DRUPAL_ROOT . '/includes/install.inc';
    require_once DRUPAL_ROOT . '/includes/update.inc';
    drupal_load_updates();
}

function updates_wait(): bool
{
    update_load();
    return updates_pending() !== [];
}

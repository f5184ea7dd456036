<?php
/*
 * A site of Drupal 7: its settings, loading it, and what it knows about itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Drupal;

use Provision\Request;

const SALT = "/^.drupal_hash_salt = '([0-9a-f]{64})';$/m";
const MAINTENANCE = 'maintenance_mode';

function site_settings(Request $request): void
{
    settings_write($request, __DIR__ . '/settings.php', SALT);
}

/** Loads the site as it serves a page; links that it makes are those of its address. */
function site_boot(Request $request): void
{
    site_choose($request);
    $_SERVER['SERVER_SOFTWARE'] = null; // so it knows a command line, and serves no page from its cache
    define('DRUPAL_ROOT', $request->need('platform.root'));
    require_once DRUPAL_ROOT . '/includes/bootstrap.inc';
    drupal_bootstrap(DRUPAL_BOOTSTRAP_FULL);
}

/** As update.php does it: no module's start-up code, in which a class that has moved would stop Drupal. */
function site_boot_bare(Request $request): void
{
    define('MAINTENANCE_MODE', 'update');
    site_boot($request);
}

function site_rebuild(Request $request): void
{
    site_boot_bare($request);
    registry_rebuild();
    drupal_flush_all_caches();
}

function core_version(): string
{
    return VERSION;
}

function site_name(): string
{
    return (string) variable_get('site_name');
}

/** Version of its tables, '' for themes, by "TYPE NAME" of each extension that the site uses. */
function site_extensions(): array
{
    $profile = drupal_get_profile();
    $found = [];
    foreach (db_query('SELECT name, type, schema_version FROM {system} WHERE status = 1 ORDER BY name') as $row) {
        $type = $row->type === 'module' && $row->name === $profile ? 'profile' : $row->type;
        $found["$type $row->name"] = $type === 'theme' ? '' : $row->schema_version;
    }
    return $found;
}

/** Module => version of its tables. */
function schema_installed(): array
{
    $sql = "SELECT name, schema_version FROM {system} WHERE type = 'module' AND status = 1";
    return db_query($sql)->fetchAllKeyed();
}

/** Numbers of the updates that a module's code has. @return int[] */
function updates_known(string $module): array
{
    return drupal_get_schema_versions($module) ?: [];
}

function maintenance_get(): bool
{
    return (bool) variable_get(MAINTENANCE, 0);
}

function maintenance_set(bool $on): void
{
    variable_set(MAINTENANCE, (int) $on);
}

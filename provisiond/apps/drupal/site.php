<?php
/*
 * A site of Drupal 8 to 11: its settings, loading it, and what it knows about itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Drupal;

use Drupal\Core\Cache\Cache;
use Drupal\Core\DrupalKernel;
use Drupal\Core\Site\Settings;
use Provision\Request;
use Symfony\Component\HttpFoundation\Request as HttpRequest;
use function Provision\folder_make;

const SALT = "/^.settings\['hash_salt'\] = '([0-9a-f]{64})';$/m";
const MAINTENANCE = 'system.maintenance_mode';

function site_settings(Request $request): void
{
    $private = $request->need('site.private');
    folder_make("$private/config");
    folder_make("$private/config/sync");
    settings_write($request, __DIR__ . '/settings.php', SALT);
}

/** Loads the site as it serves a page, with KERNEL; links that it makes are those of its address. */
function site_boot(Request $request, string $kernel = DrupalKernel::class): void
{
    site_choose($request);
    $loader = require 'autoload.php';
    $asked = HttpRequest::createFromGlobals();
    $kernel = $kernel::createFromRequest($asked, $loader, 'prod');
    $kernel->boot();
    $kernel->preHandle($asked);
    \Drupal::service('router.request_context')->fromRequest($asked);
}

/** Empties all caches without loading what they hold: a container of another code base would stop Drupal. */
function site_rebuild(Request $request): void
{
    site_choose($request);
    $loader = require 'autoload.php';
    DrupalKernel::bootEnvironment();
    Settings::initialize($request->need('platform.root'), site_path($request), $loader);
    require_once 'core/includes/utility.inc';
    drupal_rebuild($loader, HttpRequest::createFromGlobals());
}

function core_version(): string
{
    return \Drupal::VERSION;
}

function site_name(): string
{
    return (string) \Drupal::config('system.site')->get('name');
}

/** Version of its tables, '' for themes, by "TYPE NAME" of each extension that the site uses. */
function site_extensions(): array
{
    $used = \Drupal::config('core.extension');
    $schema = schema_installed();
    $profile = (string) $used->get('profile');
    $found = [];
    foreach (array_keys($used->get('module')) as $name) {
        $found[($name === $profile ? 'profile ' : 'module ') . $name] = $schema[$name] ?? '';
    }
    foreach (array_keys($used->get('theme')) as $name) {
        $found["theme $name"] = '';
    }
    return $found;
}

/** Module => version of its tables. */
function schema_installed(): array
{
    return \Drupal::keyValue('system.schema')->getAll();
}

/** Numbers of the updates that a module's code has. @return int[] */
function updates_known(string $module): array
{
    return function_exists('drupal_get_schema_versions')
        ? (drupal_get_schema_versions($module) ?: [])
        : \Drupal::service('update.update_hook_registry')->getAvailableUpdates($module);
}

function maintenance_get(): bool
{
    return (bool) \Drupal::state()->get(MAINTENANCE);
}

/** Pages that are cached for visitors would go on. */
function maintenance_set(bool $on): void
{
    \Drupal::state()->set(MAINTENANCE, $on);
    Cache::invalidateTags(['rendered', 'http_response']);
}

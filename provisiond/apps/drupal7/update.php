<?php
/*
 * What an update of Drupal 7 has of its own.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Drupal;

use Provision\{Report, Request};

function update_boot(Request $request): void
{
    site_boot_bare($request);
}

function update_requirements(): array
{
    return module_invoke_all('requirements', 'update');
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

/** There are none without a number. */
function updates_finish(Report $report): int
{
    registry_rebuild();
    drupal_flush_all_caches();
    return 0;
}

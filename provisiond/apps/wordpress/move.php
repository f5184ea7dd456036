<?php
/*
 * After a site got another address or another id: rewrites both in its database. guid stays, which feed readers know a
 * post by.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\WordPress;

use Provision\{Report, Request};
use function Provision\database_move;

const MOVE_KEPT = ['guid'];

function move(Request $request, Report $report): void
{
    $prefix = $GLOBALS['table_prefix'];
    $wanted = fn (string $table, string $column): bool =>
        str_starts_with($table, $prefix) && !in_array($column, MOVE_KEPT, true);
    $changed = database_move($request, $report, $wanted);
    clear($request, $report);
    $report->fact('rows_changed', $changed);
}

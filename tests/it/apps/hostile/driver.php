<?php
/*
 * A driver for tests that runs attack.py beside it, as a plugin's code could: in the worker, as the site.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Hostile;

use Provision\{Driver, Report, Request};

require dirname(__DIR__) . '/driver.php';

function install(Request $request, Report $report): void
{
    passthru('exec /usr/bin/python3 ' . __DIR__ . '/attack.py ' . escapeshellarg($request->get('args.profile')) . ' '
        . escapeshellarg($request->need('site.data')));
}

(new Driver(['install' => [__NAMESPACE__ . '\install']]))->run();

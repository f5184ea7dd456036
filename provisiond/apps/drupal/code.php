<?php
/*
 * A code base of Drupal 8 to 11 as files: what version it is, and what extensions it holds. Nothing of it is executed
 * here; only the packages of a site are asked of the site itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Drupal;

use Provision\{Failure, Report, Request};

/** Major version => the first PHP on which its authors did not run it any more. */
const PHP_BEYOND = [8 => '8.1', 9 => '8.2'];

/** Where extensions lie, in the order in which later ones win. */
const FOLDERS = [
    'core/modules', 'core/themes', 'core/profiles', 'profiles', 'sites/all/modules', 'sites/all/themes', 'modules',
    'themes',
];

function detect(Request $request, Report $report): void
{
    $root = $request->need('platform.root');
    [$version, $php] = code_version($root);
    $major = (int) $version;
    if ($major < 8 || $major > 11) {
        throw new Failure('NOT_THIS_CMS', "this is Drupal $version, and here are 8 to 11", 'place');
    }
    if (version_compare(PHP_VERSION, $php, '<')) {
        $text = "Drupal $version needs PHP $php, and here is " . PHP_VERSION;
        throw new Failure('NOT_THIS_CMS', $text, 'place');
    }
    if (isset(PHP_BEYOND[$major]) && version_compare(PHP_VERSION, PHP_BEYOND[$major], '>=')) {
        $text = "Drupal $version was made for PHP before " . PHP_BEYOND[$major] . ', and here is ' . PHP_VERSION;
        $report->log('warning', $text);
    }
    $report->fact('version', $version);
    $report->fact('schema', update_number("$root/core/modules/system/system.install", 'system'));
}

/** @return array{string, string} Drupal's version, and that of the oldest PHP on which it runs */
function code_version(string $root): array
{
    $file = "$root/core/lib/Drupal.php";
    $text = (string) @file_get_contents($file);
    if (preg_match("/^\s*const VERSION = '([0-9][0-9A-Za-z._-]*)';/m", $text, $version) !== 1) {
        throw new Failure('NOT_THIS_CMS', "$file is no version file of Drupal: it has no VERSION", 'place');
    }
    preg_match("/^\s*const MINIMUM_PHP = '([0-9.]+)';/m", $text, $php); // since 8.8
    return [$version[1], $php[1] ?? '7.0'];
}

/** @return array<string, Extension> of the code base, and the site's own */
function code_extensions(Request $request): array
{
    $root = $request->need('platform.root');
    $own = $request->has('site') ? [site_path($request) . '/modules', site_path($request) . '/themes'] : [];
    return extensions($root, [...FOLDERS, ...$own], '.info.yml', code_version($root)[0]);
}

function packages(Request $request, Report $report): void
{
    $version = code_version($request->need('platform.root'))[0];
    $enabled = null;
    if ($request->has('site')) {
        site_boot($request);
        $enabled = site_extensions();
    }
    packages_report($report, code_extensions($request), $version, $enabled);
}
